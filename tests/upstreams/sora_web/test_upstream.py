"""The backend as the engine sees it: which calls it makes, and what it concludes from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sora_gateway.domain.accounts import Credential, Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.remote import (
    Accepted,
    Ambiguous,
    Found,
    Listed,
    NotSeen,
    NotSent,
    Refused,
    RemoteFailed,
    RemoteOutput,
    RemoteQueued,
    RemoteRunning,
    RemoteSucceeded,
    RemoteUnknown,
    Unclear,
)
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import AfterAbsence, InputFile, ListPolling, Upstream
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.upstream import SoraWeb
from tests.upstreams.sora_web.support import (
    NOW,
    Heard,
    Notes,
    Script,
    Server,
    account,
    answering,
    blob,
    file_of,
    http,
    image,
    job,
    legacy,
    routing,
    sample,
    sent,
    serving,
    ticket,
    video,
)
from tests.upstreams.sora_web.test_translate import jwt

VIDEO, IMAGE = MediaKind.VIDEO, MediaKind.IMAGE
NONE: frozenset[MediaKind] = frozenset()


class Clock:
    """A wall clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


class Inputs:
    """A vault with one content for all."""

    def file(self, blob: Blob) -> InputFile:
        return file_of(f"content of {blob.name}".encode())


@asynccontextmanager
async def talking(script: Script, **settings: Any) -> AsyncIterator[tuple[Server, SoraWeb, Clock]]:
    clock = Clock()
    async with serving(script) as server:
        backend = SoraWeb(server.config(**settings), now=clock)
        try:
            yield server, backend, clock
        finally:
            await backend.aclose()


def calls(server: Server) -> list[str]:
    """Return the paths of the calls so far, and forget them."""
    paths = [heard.path.removeprefix("/backend").partition("?")[0] for heard in server.heard]
    server.heard.clear()
    return paths


PENDING, DRAFTS, RECENT = "/nf/pending/v2", "/project_y/profile/drafts/v2", "/v2/recent_tasks"


def draft(task_id: str, *, at: float = NOW + 60, **more: Any) -> dict[str, Any]:
    return {"id": f"gen_{task_id}", "task_id": task_id, "kind": "sora_draft", "created_at": at} | more


def drafts(*rows: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(rows), "cursor": cursor}


def recent(*rows: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"task_responses": list(rows), "has_more": has_more}


def image_task(task_id: str, status: str = "running", **more: Any) -> dict[str, Any]:
    return {"id": task_id, "type": "image_gen", "status": status, "created_at": NOW} | more


DONE = {"generations": [{"url": "https://files/1"}]}


def test_the_port() -> None:
    """It is an Upstream; its rhythm and its patience come from the settings."""
    backend: Upstream = SoraWeb(SoraWebConfig(absence_reads=3, absence_over_s=9, create_timeout_s=7))
    assert backend.name == "sora_web"
    assert backend.polling == ListPolling(fast_s=1.0, slow_s=5.0)
    assert backend.resend == AfterAbsence(reads=3, over_s=9, answer_s=7)
    assert backend.lacks(video()) is None
    assert backend.lacks(video(n=2)) is not None
    assert backend.fingerprint(video()) != backend.fingerprint(image())
    assert backend.describe(image())["path"] == "/video_gen"


# --- preparing and submitting ---------------------------------------------------------------------------


async def test_pictures_are_uploaded_one_by_one_under_neutral_names() -> None:
    """Section 4.1: the file, its type and a name that says nothing; the ids are what submit needs."""
    ids = iter(("media_1", "media_2"))

    def reply(heard: Heard) -> bytes:
        return http({"id": next(ids)}, 201)

    request = image(inputs=(blob("vault/secret-name"), blob("b", "image/jpeg")))
    async with talking(answering(reply)) as (server, backend, _):
        prepared = await backend.prepare(request, account(), Inputs(), Notes())
    assert prepared == {"upload_0": "media_1", "upload_1": "media_2"}
    first, second = server.heard
    assert first.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="image.png"' in first.body
    assert b"content of vault/secret-name" in first.body
    assert b"Content-Type: image/jpeg" in second.body
    assert b"secret-name" not in first.body.replace(b"content of vault/secret-name", b"")


async def test_nothing_to_prepare_makes_no_call() -> None:
    """A text needs no upload."""
    async with talking(answering(http({}))) as (server, backend, _):
        assert await backend.prepare(video(), account(), Inputs(), Notes()) == {}
    assert server.connections == 0


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (http({"error": {"message": "We can't use pictures of a face."}}, 400), ErrorKind.CONTENT_REFUSED),
        (http({"error": {"code": "token_expired"}}, 401), ErrorKind.ACCOUNT_AUTH),
        (http(b"<html>", 403), ErrorKind.UPSTREAM_BLOCKED),
        (http({}), ErrorKind.UPSTREAM_UNREACHABLE),
    ],
)
async def test_a_picture_that_is_not_taken(reply: bytes, kind: ErrorKind) -> None:
    """A refused upload is told by its kind."""
    async with talking(answering(reply)) as (_, backend, _clock):
        with pytest.raises(GatewayError) as caught:
            await backend.prepare(video(inputs=(blob(),)), account(), Inputs(), Notes())
    assert caught.value.kind is kind


async def test_a_submission_carries_the_marker_and_its_account() -> None:
    """One call with the ticket's marker; the device id belongs to the account."""
    async with talking(answering(http(sample("nf_create"))), sentinel_token=Secret("s")) as (
        server,
        backend,
        _,
    ):
        outcome = await backend.submit(video(), {}, account(), ticket())
        again = await backend.submit(video(), {}, account("two"), ticket())
    assert isinstance(outcome, Accepted)
    assert isinstance(again, Accepted)
    assert outcome.remote_id == "task_01kq3z0s7hf1t8m4x5d2j9bwnc"
    assert outcome.balance is not None
    assert outcome.balance.resets_at == NOW + 50931
    first, second = server.heard
    assert (first.path, first.json["title"]) == ("/backend/nf/create", "sg-job_1-t1")
    assert first.headers["openai-sentinel-token"] == "s"
    assert first.headers["oai-device-id"] != second.headers["oai-device-id"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (http(b"<html>Bad gateway", 502), Ambiguous),
        (http({}, 200), Ambiguous),
        (http({"error": {"code": "heavy_load"}}, 503), Refused),
        (http(b"", 302, location="https://elsewhere"), Refused),
        (http({"error": {"code": "token_expired"}}, 401), Refused),
    ],
)
async def test_answers_become_outcomes(reply: bytes, expected: type) -> None:
    """Over a real socket the table holds, with one call each."""
    async with talking(answering(reply)) as (server, backend, _):
        outcome = await backend.submit(video(), {}, account(), ticket())
    assert type(outcome) is expected
    assert len(server.heard) == 1


async def test_a_late_ticket_is_not_sent() -> None:
    """The fate of an unsent creation has its own name."""
    async with talking(answering(http({"id": "t"}))) as (server, backend, _):
        outcome = await backend.submit(video(), {}, account(), ticket(in_s=-1))
    assert isinstance(outcome, NotSent)
    assert server.heard == []


async def test_submit_never_raises() -> None:
    """A request whose upload is missing, or whose text no JSON can carry, is not sent."""
    async with talking(answering(http({"id": "t"}))) as (server, backend, _):
        outcome = await backend.submit(video(inputs=(blob(),)), {}, account(), ticket())
        assert isinstance(outcome, NotSent)
        outcome = await backend.submit(video(), {}, account(proxy=Secret("nonsense://")), ticket())
        assert isinstance(outcome, NotSent)
    assert server.connections == 0


# --- finding --------------------------------------------------------------------------------------------


def pending_of(task_id: str, title: str | None = None, prompt: str = "a paper boat") -> dict[str, Any]:
    config = {"prompt": prompt, "orientation": "portrait", "n_frames": 300, "style": None}
    return {"id": task_id, "status": "running", "title": title, "creation_config": config}


async def test_all_lost_submissions_share_the_lists() -> None:
    """Two videos and two images cost one read of each list."""
    lists = {
        "nf_pending_v2": [pending_of("task_1", "sg-job_1-t1")],
        "drafts_v2": drafts(draft("task_2", title="sg-job_1-t2")),
        "v2_recent_tasks": recent(image_task("task_3", prompt="a cat", n_variants=1, width=9, height=9)),
    }
    async with talking(routing(**lists)) as (server, backend, _):
        findings = await backend.find(
            [
                sent(video(), "t1"),
                sent(video("gone"), "t2"),
                sent(image(), "t3"),
                sent(image("a dog"), "t4"),
            ],
            account(),
        )
        assert sorted(calls(server)) == sorted([PENDING, DRAFTS, RECENT])
    assert findings == {
        "t1": Found(remote_id="task_1"),
        "t2": Found(remote_id="task_2"),
        "t3": Found(remote_id="task_3"),
        "t4": NotSeen(),
    }


async def test_drafts_are_paged_back_to_before_the_send() -> None:
    """Pages are read until one is two minutes older than the send, and no further."""
    pages = {
        None: drafts(*(draft(f"n{i}", at=NOW + 90 - i) for i in range(15)), cursor="p2"),
        "p2": drafts(draft("task_1", title="sg-job_1-t1", at=NOW + 1), cursor="p3"),
        "p3": drafts(draft("old", at=NOW - 121), cursor="p4"),
    }

    def page(heard: Heard) -> Any:
        return pages[heard.path.partition("cursor=")[2] or None]

    async with talking(routing(nf_pending_v2=[], drafts_v2=page)) as (server, backend, _):
        findings = await backend.find([sent(video())], account())
        assert calls(server) == [PENDING, DRAFTS, DRAFTS, DRAFTS]
    assert findings == {"t1": Found(remote_id="task_1")}


@pytest.mark.parametrize(
    "lists",
    [
        {"nf_pending_v2": [], "drafts_v2": http({"error": {"code": "x"}}, 500)},
        {"nf_pending_v2": http(b"<html>", 200, content_type="text/html"), "drafts_v2": drafts()},
        {"nf_pending_v2": {}, "drafts_v2": drafts()},
        {"nf_pending_v2": None, "drafts_v2": drafts()},
        {"nf_pending_v2": [{"status": "queued"}], "drafts_v2": drafts()},
        {"nf_pending_v2": [], "drafts_v2": drafts({"kind": "sora_draft"})},
        {"nf_pending_v2": [], "drafts_v2": drafts(draft("a"), cursor="same")},
        {"nf_pending_v2": http({"error": {"code": "token_expired"}}, 401), "drafts_v2": drafts()},
    ],
)
async def test_a_list_that_cannot_be_read_completely_proves_nothing(lists: dict[str, Any]) -> None:
    """Broken, absent, unreadable in part, or without an end: an error instead of "not seen"."""
    async with talking(routing(**lists)) as (_, backend, _clock):
        with pytest.raises(GatewayError):
            await backend.find([sent(video())], account())


async def test_the_older_path_of_drafts() -> None:
    """Section 7.3: a backend without ``/drafts/v2`` is asked by the older path from then on."""
    async with talking(routing(nf_pending_v2=[], drafts=drafts())) as (server, backend, _):
        assert await backend.find([sent(video())], account()) == {"t1": NotSeen()}
        assert calls(server) == [PENDING, DRAFTS, "/project_y/profile/drafts"]
        await backend.find([sent(video())], account())
        assert calls(server) == [PENDING, "/project_y/profile/drafts"]


async def test_a_foreign_twin_is_unclear_until_markers_are_known() -> None:
    """The finding follows what was learned of this account."""
    lists = routing(nf_pending_v2=[pending_of("task_9")], drafts_v2=drafts())
    async with talking(lists) as (_, backend, _clock):
        for is_echoed, expected in ((None, Unclear), (True, NotSeen), (False, Found)):
            findings = await backend.find([sent(video(), is_marker_echoed=is_echoed)], account())
            assert type(findings["t1"]) is expected


async def test_a_record_without_its_uploads_finds_nothing() -> None:
    """What was sent cannot be compared without what was sent."""
    async with talking(routing()) as (server, backend, _):
        with pytest.raises(GatewayError):
            await backend.find([sent(video(inputs=(blob(),)))], account())
    assert server.connections == 0


# --- observing ------------------------------------------------------------------------------------------


async def test_one_read_serves_all_jobs() -> None:
    """Thirty videos cost one call, as do thirty images."""
    pending = [{"id": f"v{i}", "status": "running", "progress_pct": i} for i in range(30)]
    images = [image_task(f"i{i}", "succeeded", **DONE) for i in range(20)]
    async with talking(routing(nf_pending_v2=pending, v2_recent_tasks=recent(*images))) as (
        server,
        backend,
        _,
    ):
        jobs = [job(f"v{i}") for i in range(30)] + [job(f"i{i}", IMAGE) for i in range(20)]
        seen = await backend.observe(jobs, account(), NONE)
        assert calls(server) == [PENDING, RECENT]
    assert seen.statuses["v25"] == RemoteRunning(progress=0.25)
    assert isinstance(seen.statuses["i7"], RemoteSucceeded)
    assert len(seen.statuses) == len(seen.listed) == 50
    assert seen.read == {VIDEO, IMAGE}


@pytest.mark.parametrize(
    ("kinds", "paths"),
    [
        (NONE, []),
        (frozenset({VIDEO}), [PENDING]),
        (frozenset({IMAGE}), [RECENT]),
        (frozenset({VIDEO, IMAGE}), [PENDING, RECENT]),
    ],
)
async def test_kinds_are_read_without_jobs(kinds: frozenset[MediaKind], paths: list[str]) -> None:
    """Foreign tasks are counted even where no job of ours runs; only what is asked for is read."""
    lists = {
        "nf_pending_v2": [{"id": "v", "status": "queued", "title": "sg-x-y"}],
        "v2_recent_tasks": recent(image_task("i"), image_task("j", "failed")),
    }
    async with talking(routing(**lists)) as (server, backend, _):
        seen = await backend.observe([], account(), kinds)
        assert calls(server) == paths
    expected = {
        VIDEO: {"v": Listed(kind=VIDEO, is_unfinished=True, marker="sg-x-y")},
        IMAGE: {"i": Listed(kind=IMAGE, is_unfinished=True), "j": Listed(kind=IMAGE, is_unfinished=False)},
    }
    assert seen.listed == {key: value for kind in kinds for key, value in expected[kind].items()}
    assert seen.read == kinds


async def test_a_video_from_queue_to_file() -> None:
    """Drafts are read only when the task was missing twice after it was seen."""
    lists: dict[str, Any] = {"nf_pending_v2": [{"id": "v", "status": "queued"}], "drafts_v2": drafts()}
    async with talking(routing(**{name: lambda _, n=name: lists[n] for name in lists})) as (
        server,
        backend,
        _,
    ):

        async def look() -> Any:
            seen = await backend.observe([job("v")], account(), NONE)
            return seen.statuses.get("v"), calls(server)

        assert await look() == (RemoteQueued(), [PENDING])
        lists["nf_pending_v2"] = [{"id": "v", "status": "running", "progress_pct": 0.5}]
        assert await look() == (RemoteRunning(progress=0.5), [PENDING])
        lists["nf_pending_v2"] = []
        assert await look() == (None, [PENDING])
        lists["drafts_v2"] = drafts(draft("v", url="https://files/v"))
        status, paths = await look()
        output = RemoteOutput(index=0, url="https://files/v", result_id="gen_v")
        assert status == RemoteSucceeded(outputs=(output,))
        assert paths == [PENDING, DRAFTS]
        # A dead link later: the next look brings a fresh one at once.
        lists["drafts_v2"] = drafts(draft("v", url="https://files/v2"))
        status, _ = await look()
        assert status.outputs[0].url == "https://files/v2"


async def test_a_task_that_was_never_seen_is_looked_for_sparingly() -> None:
    """The list may omit a new task: the drafts are read at its 3rd, 6th and 12th absence, then after 30 s."""
    lists = routing(nf_pending_v2=[], drafts_v2=drafts())
    async with talking(lists) as (server, backend, clock):
        reads = [0]
        for _ in range(14):
            assert (await backend.observe([job("v")], account(), NONE)).statuses == {}
            reads.append(calls(server).count(DRAFTS))
        clock.at += 30
        await backend.observe([job("v")], account(), NONE)
        reads.append(calls(server).count(DRAFTS))
    assert [look for look in range(1, len(reads)) if reads[look] > reads[look - 1]] == [3, 6, 12, 15]


async def test_a_task_between_two_reads_is_found() -> None:
    """A task that came and went unseen is found among the drafts at the third look."""
    lists = routing(nf_pending_v2=[], drafts_v2=drafts(draft("v", url="https://files/v")))
    async with talking(lists) as (_, backend, _):
        looks = [await backend.observe([job("v")], account(), NONE) for _ in range(3)]
    assert [bool(look.statuses) for look in looks] == [False, False, True]
    assert isinstance(looks[-1].statuses["v"], RemoteSucceeded)


async def test_a_restart_costs_no_job() -> None:
    """An adapter without memory finds a finished task at its first look."""
    lists = routing(nf_pending_v2=[], drafts_v2=drafts(draft("v", kind="sora_error")))
    async with talking(lists) as (_, backend, clock):
        clock.at += 600
        seen = await backend.observe([job("v")], account(), NONE)
    assert isinstance(seen.statuses["v"], RemoteFailed)


async def test_a_task_in_no_list_is_unknown() -> None:
    """Said only when pending, drafts and the first-generation list were read back to its start."""
    lists = {
        "nf_pending_v2": [],
        "drafts_v2": drafts(draft("x", at=NOW - 500)),
        "v2_recent_tasks": recent(),
    }
    async with talking(routing(**lists)) as (server, backend, clock):
        clock.at += 31
        seen = await backend.observe([job("v"), job("i", IMAGE)], account(), NONE)
        assert calls(server) == [PENDING, DRAFTS, RECENT]
    assert seen.statuses == {"v": RemoteUnknown(), "i": RemoteUnknown()}


async def test_a_list_without_an_end_makes_no_task_unknown() -> None:
    """Three pages are read; what may lie beyond them is not said to be lost."""
    counter = iter(range(99))
    lists = {
        "nf_pending_v2": [],
        "drafts_v2": lambda _: drafts(draft("x"), cursor=f"c{next(counter)}"),
        "v2_recent_tasks": recent(),
    }
    async with talking(routing(**lists)) as (server, backend, clock):
        clock.at += 31
        seen = await backend.observe([job("v")], account(), NONE)
        assert calls(server) == [PENDING, DRAFTS, DRAFTS, DRAFTS]
    assert seen.statuses == {}


def busy(task_id: str | None = None, *, since: float = NOW) -> Any:
    """Return the drafts of an account that has made one a second ever since; the task's own is the 60th.

    Fifteen a page, and what was made before ``since`` is on the fifth.
    """

    def page(heard: Heard) -> Any:
        first = int(heard.path.partition("cursor=")[2] or 0)
        rows = [draft(f"x{i}", at=since - 100 if i < 74 else since - 121) for i in range(first, first + 15)]
        if task_id is not None and first == 45:
            rows[-1] = draft(task_id, url="https://files/late")
        return drafts(*rows, cursor=str(first + 15))

    return page


async def looks(
    backend: SoraWeb, clock: Clock, server: Server, *, every_s: float, number: int
) -> list[tuple[Any, int]]:
    """Return what each look says of a video, and how many pages of drafts it took."""
    found = []
    for _ in range(number):
        seen = await backend.observe([job("v")], account(), NONE)
        found.append((seen.statuses.get("v"), calls(server).count(DRAFTS)))
        clock.at += every_s
    return found


async def test_a_task_that_vanished_from_a_busy_account_is_told() -> None:
    """Its start is out of reach of three pages; a few reads go back to it, with growing pauses."""
    lists = routing(nf_pending_v2=[], drafts_v2=busy(), v2_recent_tasks=recent())
    async with talking(lists) as (server, backend, clock):
        clock.at += 31
        found = await looks(backend, clock, server, every_s=5, number=60)
    searched = [5 * number for number, (status, _) in enumerate(found) if status == RemoteUnknown()]
    assert searched == [10, 30, 60, 100, 150, 270]
    assert all(pages == (5 if status == RemoteUnknown() else 3) for status, pages in found)


async def test_a_result_beyond_the_usual_pages_is_found() -> None:
    """What ended long ago is not lost, and the tasks of the further pages are not reported as seen."""
    lists = routing(nf_pending_v2=[], drafts_v2=busy("v"), v2_recent_tasks=recent())
    async with talking(lists) as (server, backend, clock):
        clock.at += 31
        found = await looks(backend, clock, server, every_s=5, number=2)
        assert [status for status, _ in found] == [None, None]
        seen = await backend.observe([job("v")], account(), NONE)
    status = seen.statuses["v"]
    assert isinstance(status, RemoteSucceeded)
    assert status.outputs[0].url == "https://files/late"
    assert len(seen.listed) == 45


async def test_an_account_that_is_too_busy_costs_no_more_than_a_bounded_search() -> None:
    """Forty pages now and then, and nothing is said of what lies beyond."""
    counter = iter(range(9999))
    lists = {
        "nf_pending_v2": [],
        "drafts_v2": lambda _: drafts(draft("x"), cursor=f"c{next(counter)}"),
        "v2_recent_tasks": recent(),
    }
    async with talking(routing(**lists)) as (server, backend, clock):
        clock.at += 31
        found = await looks(backend, clock, server, every_s=5, number=60)
    assert {status for status, _ in found} == {None}
    assert sorted({pages for _, pages in found}) == [3, 40]
    assert [pages for _, pages in found].count(40) == 6


async def test_an_image_that_vanished_from_a_busy_account_is_told() -> None:
    """The list of first-generation tasks is searched as well; a video is in neither."""

    def page(heard: Heard) -> Any:
        first = int(heard.path.partition("before=t")[2] or -1) + 1
        at = NOW if first < 80 else NOW - 500
        rows = [image_task(f"t{i}", "succeeded", created_at=at) for i in range(first, first + 20)]
        return recent(*rows, has_more=True)

    lists = routing(nf_pending_v2=[], drafts_v2=drafts(), v2_recent_tasks=page)
    async with talking(lists) as (server, backend, clock):
        clock.at += 31
        said = []
        for _ in range(3):
            seen = await backend.observe([job("i", IMAGE), job("v")], account(), NONE)
            said.append((dict(seen.statuses), calls(server).count(RECENT), len(seen.listed)))
            clock.at += 5
    gone = {"i": RemoteUnknown(), "v": RemoteUnknown()}
    assert said == [({}, 3, 60), ({}, 3, 60), (gone, 5, 60)]


async def test_a_new_image_may_be_missing_from_its_list() -> None:
    """Section 5.4: absence right after the submission is not an error."""
    async with talking(routing(v2_recent_tasks=recent())) as (_, backend, clock):
        assert (await backend.observe([job("i", IMAGE)], account(), NONE)).statuses == {}
        clock.at += 31
        seen = await backend.observe([job("i", IMAGE)], account(), NONE)
    assert seen.statuses == {"i": RemoteUnknown()}


async def test_an_image_beyond_the_first_page() -> None:
    """Pages are read until every job is found, and the last entry is a finished one."""
    pages = {
        None: recent(*(image_task(f"a{i}", "succeeded") for i in range(20)), has_more=True),
        "a19": recent(image_task("i", "running", progress_pct=0.5), has_more=True),
        "i": recent(image_task("z", "failed"), has_more=True),
    }

    def page(heard: Heard) -> Any:
        return pages[heard.path.partition("before=")[2] or None]

    async with talking(routing(v2_recent_tasks=page)) as (server, backend, _):
        seen = await backend.observe([job("i", IMAGE)], account(), NONE)
        assert calls(server) == [RECENT, RECENT, RECENT]
    assert seen.statuses == {"i": RemoteRunning(progress=0.5)}
    assert seen.read == {IMAGE}


async def test_first_generation_videos_live_in_the_older_list() -> None:
    """After a submission that is remembered; after a restart it is found out once."""
    tasks = {"id": "old", "type": "video_gen", "status": "running", "progress_pct": 0.25}
    lists = routing(
        video_gen=lambda _: http({"id": "old"}),
        v2_recent_tasks=recent(tasks),
        nf_pending_v2=[],
        drafts_v2=drafts(),
    )
    async with talking(lists) as (server, backend, clock):
        assert isinstance(await backend.submit(legacy(), {}, account(), ticket()), Accepted)
        calls(server)
        seen = await backend.observe([job("old")], account(), NONE)
        assert calls(server) == [RECENT]
        assert seen.statuses == {"old": RemoteRunning(progress=0.25)}
        assert seen.listed["old"].kind is VIDEO

        restarted = SoraWeb(server.config(), now=clock)
        clock.at += 31
        assert (await restarted.observe([job("old")], account(), NONE)).statuses == seen.statuses
        assert calls(server) == [PENDING, DRAFTS, RECENT]
        assert (await restarted.observe([job("old")], account(), NONE)).statuses == seen.statuses
        assert calls(server) == [RECENT]
        await restarted.aclose()


async def test_a_draft_without_file_and_reason_is_given_time() -> None:
    """Section 7.3: it may still be rendering; after some reads over a minute it is a refusal."""
    lists = routing(nf_pending_v2=[], drafts_v2=drafts(draft("v")))
    async with talking(lists) as (_, backend, clock):
        clock.at += 31
        for _ in range(6):
            assert (await backend.observe([job("v")], account(), NONE)).statuses == {}
        clock.at += 60
        status = (await backend.observe([job("v")], account(), NONE)).statuses["v"]
    assert isinstance(status, RemoteFailed)
    assert status.error.kind is ErrorKind.CONTENT_REFUSED


async def test_an_account_without_sora_2_still_shows_its_images() -> None:
    """A pending list that does not exist is not read, and nothing else suffers."""
    async with talking(routing(v2_recent_tasks=recent(image_task("i")))) as (_, backend, _clock):
        seen = await backend.observe([job("i", IMAGE), job("v")], account(), frozenset({VIDEO, IMAGE}))
    assert seen.statuses == {"i": RemoteRunning(progress=None)}
    assert seen.read == {IMAGE}


async def test_a_list_with_an_odd_entry_is_not_complete() -> None:
    """What could be read is reported; that all was read is not claimed."""
    lists = routing(nf_pending_v2=[{"id": "v", "status": "queued"}, {"status": "queued"}])
    async with talking(lists) as (_, backend, _clock):
        seen = await backend.observe([job("v")], account(), frozenset({VIDEO}))
    assert seen.statuses == {"v": RemoteQueued()}
    assert seen.read == NONE


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (http({"error": {"code": "token_expired"}}, 401), ErrorKind.ACCOUNT_AUTH),
        (http(b"<html>", 403), ErrorKind.UPSTREAM_BLOCKED),
        (http({}, 429), ErrorKind.ACCOUNT_RATE_LIMITED),
        (http(b"", 502), ErrorKind.UPSTREAM_OVERLOADED),
        (http({"x": 1}), ErrorKind.UPSTREAM_UNREACHABLE),
        (http(b"[{"), ErrorKind.UPSTREAM_UNREACHABLE),
    ],
)
async def test_a_look_that_fails(reply: bytes, kind: ErrorKind) -> None:
    """The engine learns the kind and decides how long to wait."""
    async with talking(answering(reply)) as (_, backend, _clock):
        with pytest.raises(GatewayError) as caught:
            await backend.observe([job("v")], account(), NONE)
    assert caught.value.kind is kind


# --- files and accounts ---------------------------------------------------------------------------------


async def test_a_file_is_streamed() -> None:
    """In pieces of at most 1 MiB, with type and length."""
    async with talking(answering(http(b"x" * 2_500_000, content_type="video/mp4"))) as (server, backend, _):
        output = RemoteOutput(index=0, url=f"{server.url}/az/files/1")
        async with backend.fetch(output, account()) as body:
            pieces = [piece async for piece in body.chunks()]
    assert (body.media_type, body.size_bytes) == ("video/mp4", 2_500_000)
    assert sum(map(len, pieces)) == 2_500_000
    assert max(map(len, pieces)) <= 1024 * 1024


async def test_nothing_can_be_cancelled() -> None:
    """No source knows a call for it, so none is made."""
    async with talking(answering(http({}))) as (server, backend, _):
        assert await backend.cancel(job("v"), account()) is False
    assert server.connections == 0


def credential(claims: Any = None) -> Credential:
    return Credential(access_token=Secret(jwt(sample("claims") if claims is None else claims)))


async def test_whose_credential_it_is() -> None:
    """Three calls: owner, plan, quota; the device id is the account's own."""
    lists = {
        "me": sample("me"),
        "billing_subscriptions": sample("subscriptions"),
        "nf_check": sample("nf_check"),
    }
    async with talking(routing(**lists, nf_pending_v2=[], v2_recent_tasks=recent())) as (server, backend, _):
        facts = await backend.check(credential())
        who = account(facts.backend_id.removeprefix("user-"))
        await backend.observe([], who, frozenset({VIDEO, IMAGE}))
    assert len({heard.headers["oai-device-id"] for heard in server.heard}) == 1
    assert (facts.plan, facts.videos_remaining, facts.quota_resets_at) == (Plan.PLUS, 22, NOW + 51207)
    assert calls(server)[:3] == ["/me", "/billing/subscriptions", "/nf/check"]


@pytest.mark.parametrize(
    "reply",
    [None, http({"error": {"message": "Unauthorized"}}, 401), http({"error": {"code": "unauthorized"}}, 401)],
)
async def test_an_account_without_sora_2_has_no_videos(reply: bytes | None) -> None:
    """Sections 3.3 and 3.4: 404, or "Unauthorized" for a token that is good elsewhere."""
    lists = routing(me=sample("me"), billing_subscriptions={"data": []}, nf_check=reply)
    async with talking(lists) as (_, backend, _clock):
        facts = await backend.check(credential())
    assert (facts.plan, facts.videos_remaining) == (Plan.FREE, 0)


@pytest.mark.parametrize("name", ["me", "billing_subscriptions", "nf_check"])
async def test_a_dead_credential_is_told(name: str) -> None:
    """Whichever call finds out."""
    pages = {"me": sample("me"), "billing_subscriptions": {"data": []}, "nf_check": sample("nf_check")}
    pages[name] = http({"error": {"code": "token_invalidated", "message": "x"}}, 401)
    async with talking(routing(**pages)) as (_, backend, _clock):
        with pytest.raises(GatewayError) as caught:
            await backend.check(credential())
    assert caught.value.kind is ErrorKind.ACCOUNT_AUTH


async def test_many_accounts_at_once() -> None:
    """Looks at several accounts do not disturb each other, even when few connections are kept."""
    lists = routing(nf_pending_v2=[{"id": "v", "status": "queued"}])
    async with talking(lists, max_clients=2) as (server, backend, _), asyncio.TaskGroup() as group:
        for index in range(20):
            who = account(str(index), f"token-{index}")
            group.create_task(backend.observe([job("v")], who, NONE))
    assert len(server.heard) == 20
    assert len({heard.headers["authorization"] for heard in server.heard}) == 20
