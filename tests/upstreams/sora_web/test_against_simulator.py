"""The backend adapter against the simulated backend: real sockets, real files, a clock moved by hand."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import av
import pytest
from PIL import Image

from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.remote import (
    Ambiguous,
    Found,
    NotSeen,
    Refused,
    RemoteFailed,
    RemoteRunning,
    RemoteSucceeded,
    RemoteUnknown,
    Unclear,
)
from sora_gateway.domain.requests import GenerationRequest
from tests.upstreams.sora_web.room import NONE, START, Inputs, Room, running, scenario
from tests.upstreams.sora_web.support import Notes, blob, image, legacy, sent, ticket, video

VIDEO, IMAGE = MediaKind.VIDEO, MediaKind.IMAGE


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with running() as opened:
        yield opened


# --- the ordinary way -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "name", "watermark"),
    [
        (video(), "plus", True),
        (video(aspect=Aspect.LANDSCAPE, duration_s=15), "pro", False),
        (video(inputs=(blob(),)), "pro", False),
        (video("[5s]a fox [5s]runs", storyboard=True), "pro", False),
        (legacy(duration_s=5), "pro", None),
    ],
)
async def test_videos(room: Room, request_: GenerationRequest, name: str, watermark: bool | None) -> None:
    """From the submission to a file that plays as long as was asked."""
    status = await room.end(await room.start(request_, name), name)
    assert isinstance(status, RemoteSucceeded), status
    (output,) = status.outputs
    assert output.watermark is watermark
    assert request_.duration_s is not None
    with av.open(io.BytesIO(await room.content(output, name))) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height) == (output.width_px, output.height_px)
        assert file.duration is not None
        assert file.duration / 1_000_000 == pytest.approx(request_.duration_s, abs=0.3)


@pytest.mark.parametrize(
    "request_",
    [image(), image(n=3), image(inputs=(blob("a"), blob("b"))), image(aspect=Aspect.LANDSCAPE)],
)
async def test_images(room: Room, request_: GenerationRequest) -> None:
    """As many pictures as were asked for, each of the size that the backend says."""
    status = await room.end(await room.start(request_))
    assert isinstance(status, RemoteSucceeded)
    assert len(status.outputs) == request_.n
    for output in status.outputs:
        with Image.open(io.BytesIO(await room.content(output))) as picture:
            assert picture.size == (output.width_px, output.height_px)


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (video("x [violation]"), ErrorKind.CONTENT_REFUSED),
        (video("x [error]"), ErrorKind.GENERATION_FAILED),
        (video("x [fail-pending]"), ErrorKind.GENERATION_FAILED),
        (image("x [unsafe]"), ErrorKind.CONTENT_REFUSED),
        (image("x [fail-pending]"), ErrorKind.GENERATION_FAILED),
    ],
)
async def test_bad_ends(room: Room, request_: GenerationRequest, kind: ErrorKind) -> None:
    """Every way in which a task can end badly is told."""
    status = await room.end(await room.start(request_))
    assert isinstance(status, RemoteFailed)
    assert status.error.kind is kind


async def test_a_draft_that_gets_its_file_later(room: Room) -> None:
    """It is waited for."""
    status = await room.end(await room.start(video("x [late-url]")))
    assert isinstance(status, RemoteSucceeded)


async def test_progress_is_reported(room: Room) -> None:
    """While it runs, and all tasks are listed with their markers."""
    job = await room.start(video())
    seen = []
    for _ in range(20):
        look = await room.backend.observe([job], room.account(), frozenset({VIDEO, IMAGE}))
        assert look.read == {VIDEO, IMAGE}
        status = look.statuses.get(job.id)
        if isinstance(status, RemoteRunning) and status.progress is not None:
            seen.append(status.progress)
            assert look.listed[job.id].marker == "sg-job_1-t1"
            assert look.listed[job.id].is_unfinished
        room.clock.at += 1
    assert seen == sorted(seen)
    assert len(set(seen)) > 2


@pytest.mark.parametrize(
    ("request_", "name", "kind"),
    [
        (video("x [refuse]"), "pro", ErrorKind.CONTENT_REFUSED),
        (video(pro=True), "plus", ErrorKind.UPSTREAM_REFUSED),
        (video(style="unheard"), "pro", ErrorKind.UPSTREAM_REFUSED),
    ],
)
async def test_refusals(room: Room, request_: GenerationRequest, name: str, kind: ErrorKind) -> None:
    """A no at once leaves no task."""
    outcome = await room.backend.submit(request_, {}, room.account(name), ticket())
    assert isinstance(outcome, Refused)
    assert outcome.error.kind is kind
    assert await room.ledger() == []


async def test_a_full_account() -> None:
    """The task beyond the slots is refused, and the account rests for a minute."""
    data = scenario().limits.model_dump(mode="json") | {"video_concurrency": 1}
    async with running(limits=data) as room:
        await room.start(video())
        outcome = await room.backend.submit(video(), {}, room.account(), ticket("t2"))
    assert isinstance(outcome, Refused)
    assert outcome.error.kind is ErrorKind.ACCOUNT_BUSY
    assert outcome.until == START + 60


async def test_whose_account_it_is(room: Room) -> None:
    """Owner, plan and quota of each simulated account."""
    for name, plan in (("free", Plan.FREE), ("plus", Plan.PLUS), ("pro", Plan.PRO)):
        who = room.account(name)
        facts = await room.backend.check(who.credential)
        assert (facts.backend_id, facts.plan) == (who.backend_id, plan)
        assert facts.videos_remaining is not None
        assert facts.expires_at is not None


# --- trouble on the way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lose_answer", "truncate"])
async def test_a_lost_answer_is_found_by_its_marker(room: Room, kind: str) -> None:
    """The task exists once; it is found while it runs and when it has ended, twins or not."""
    await room.fault(kind, "POST /nf/create")
    outcome = await room.backend.submit(video(), {}, room.account(), ticket())
    assert isinstance(outcome, Ambiguous)
    (made,) = await room.ledger()
    body = {key: value for key, value in made["body"].items() if key != "title"}
    await room.foreign("/nf/create", body)
    await room.foreign("/nf/create", body | {"title": "sg-job_9-t9"})
    lost = sent(video(), sent_at=START, is_marker_echoed=True)
    # The backend's first answers may omit new tasks.
    findings = [await room.backend.find([lost], room.account()) for _ in range(3)]
    assert findings[-1] == {"t1": Found(remote_id=made["task_id"])}
    room.clock.at += 600
    assert await room.backend.find([lost], room.account()) == {"t1": Found(remote_id=made["task_id"])}


async def test_a_foreign_twin_is_not_taken(room: Room) -> None:
    """The creation never arrived; another client asked for the same: not seen, or unclear, never found."""
    await room.fault("reset", "POST /nf/create")
    outcome = await room.backend.submit(video(), {}, room.account(), ticket())
    assert isinstance(outcome, Ambiguous)
    body = {"kind": "video", "prompt": "a paper boat", "orientation": "portrait", "size": "small"}
    await room.foreign("/nf/create", body | {"n_frames": 300, "model": "sy_8", "inpaint_items": []})
    for is_echoed, expected in ((True, NotSeen), (None, Unclear)):
        lost = sent(video(), sent_at=START, is_marker_echoed=is_echoed)
        for _ in range(3):
            findings = await room.backend.find([lost], room.account())
            room.clock.at += 5
        assert type(findings["t1"]) is expected


async def test_lost_images_are_found_by_upload_or_fields(room: Room) -> None:
    """A picture's upload id is proof; without pictures the fields decide."""
    await room.fault("lose_answer", "POST /video_gen", times=2)
    who = room.account()
    with_picture = image("with", inputs=(blob(),))
    prepared = await room.backend.prepare(with_picture, who, Inputs(), Notes())
    assert isinstance(await room.backend.submit(with_picture, prepared, who, ticket()), Ambiguous)
    assert isinstance(await room.backend.submit(image(), {}, who, ticket("t2")), Ambiguous)
    first, second = await room.ledger()
    searched = [
        sent(with_picture, "t1", prepared=prepared, sent_at=START),
        sent(image(), "t2", sent_at=START),
        sent(image("never"), "t3", sent_at=START),
    ]
    room.clock.at += 5
    for _ in range(2):
        findings = await room.backend.find(searched, who)
    assert findings == {
        "t1": Found(remote_id=first["task_id"]),
        "t2": Found(remote_id=second["task_id"]),
        "t3": NotSeen(),
    }


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "error": "heavy_load"}, ErrorKind.UPSTREAM_OVERLOADED),
        ({"kind": "status", "error": "sentinel_block"}, ErrorKind.UPSTREAM_BLOCKED),
        ({"kind": "status", "error": "token_invalidated"}, ErrorKind.ACCOUNT_AUTH),
        ({"kind": "status", "error": "unsupported_country_code"}, ErrorKind.UPSTREAM_BLOCKED),
        ({"kind": "status", "error": "rate_limit_reached"}, ErrorKind.ACCOUNT_RATE_LIMITED),
        ({"kind": "status", "error": "too_many_daily_tasks"}, ErrorKind.ACCOUNT_EXHAUSTED),
        ({"kind": "status", "error": "phone_number_required"}, ErrorKind.ACCOUNT_AUTH),
        ({"kind": "html_edge"}, ErrorKind.UPSTREAM_BLOCKED),
        ({"kind": "html_edge", "status": 503}, ErrorKind.UPSTREAM_BLOCKED),
    ],
)
async def test_faults_that_prove_that_nothing_was_made(
    room: Room, fault: dict[str, Any], expected: ErrorKind
) -> None:
    """Refused at the door; the next try is accepted."""
    await room.fault(fault.pop("kind"), "POST /nf/create", **fault)
    outcome = await room.backend.submit(video(), {}, room.account(), ticket())
    assert isinstance(outcome, Refused)
    assert outcome.error.kind is expected
    await room.start(video())


async def test_a_server_error_is_ambiguous(room: Room) -> None:
    """Its code is in no catalogue: it proves nothing."""
    await room.fault("status", "POST /nf/create", error="internal_error")
    assert isinstance(await room.backend.submit(video(), {}, room.account(), ticket()), Ambiguous)


async def test_a_reading_survives_one_broken_connection(room: Room) -> None:
    """A reset poll is repeated at once."""
    job = await room.start(video())
    await room.status(job)
    await room.fault("reset", "GET /nf/pending/v2")
    room.clock.at += 3
    assert await room.status(job) is not None


async def test_an_expired_link_and_its_successor(room: Room) -> None:
    """A dead link says so, and the next look brings one that lives."""
    job = await room.start(video())
    status = await room.end(job)
    assert isinstance(status, RemoteSucceeded)
    room.clock.at += 4 * 86_400
    with pytest.raises(GatewayError) as caught:
        await room.content(status.outputs[0])
    assert caught.value.kind is ErrorKind.EXPIRED
    again = await room.status(job)
    assert isinstance(again, RemoteSucceeded)
    assert again.outputs != status.outputs
    assert await room.content(again.outputs[0])


async def test_a_task_that_vanished_from_a_busy_account(room: Room) -> None:
    """It is told as unknown five times within minutes; one that ended long ago is found instead."""
    vanished, kept = await room.start(video("x [vanish]")), await room.start(video(), ticket_id="t2")
    room.clock.at += 600
    body = {"kind": "video", "prompt": "another", "orientation": "portrait", "size": "small"}
    for _ in range(50):  # more than three pages of results hide what was there before
        await room.foreign("/nf/create", body | {"n_frames": 300, "model": "sy_8", "inpaint_items": []})
        room.clock.at += 10
    room.clock.at += 600
    told = []
    for _ in range(40):
        look = await room.backend.observe([vanished, kept], room.account(), NONE)
        told.append((look.statuses.get(vanished.id), look.statuses.get(kept.id)))
        room.clock.at += 5
    assert [status for status, _ in told if status is not None] == [RemoteUnknown()] * 5
    assert any(isinstance(status, RemoteSucceeded) for _, status in told)
    assert not any(isinstance(status, RemoteUnknown) for _, status in told)


# --- what it costs --------------------------------------------------------------------------------------


async def test_one_list_call_per_account_and_look(room: Room) -> None:
    """Three accounts with ten videos each: three calls a round, however often it is looked."""
    names = ("free", "plus", "pro")
    jobs = {name: [await room.start(video(), name, f"t{i}") for i in range(10)] for name in names}
    for name in names:  # the first answer omits new tasks
        await room.backend.observe(jobs[name], room.account(name), NONE)
    room.clock.at += 5
    await room.counts()
    for _ in range(4):
        for name in names:
            seen = await room.backend.observe(jobs[name], room.account(name), NONE)
            assert len(seen.statuses) == 10
        assert await room.counts() == {"GET /nf/pending/v2": 3}
