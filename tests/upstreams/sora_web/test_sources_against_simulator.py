"""Remixes, extensions, mentions and prompts against the simulated backend."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import av
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.remote import Ambiguous, Found, NotSeen, Refused, RemoteSucceeded, Unclear
from sora_gateway.domain.requests import Source
from tests.upstreams.sora_web.room import START, Inputs, Room, running
from tests.upstreams.sora_web.support import Notes, blob, sent, ticket, video

POST = "POST /project_y/post"
EXTENSION = "POST /project_y/profile/drafts/{gen}/long_video_extension"
VIDEO = frozenset({MediaKind.VIDEO})


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with running() as opened:
        yield opened


async def prepared(room: Room, source: Source, notes: Notes | None = None) -> str:
    """Return what a remix of ``source`` names."""
    request = video("again", remix=source)
    found = await room.backend.prepare(request, room.account(), Inputs(), notes or Notes())
    return found["remix_target"]


async def published(room: Room) -> int:
    """Return how many publications reached the backend since the last look."""
    return (await room.counts()).get(POST, 0)


# --- remix ----------------------------------------------------------------------------------------------


async def test_a_remix_of_a_video(room: Room) -> None:
    """From a finished video to another: an unlisted post between them, and a file in the end."""
    source = await room.source()
    notes = Notes()
    request = video("now at night", remix=source, aspect=Aspect.LANDSCAPE, style="news", inputs=(blob(),))
    found = await room.backend.prepare(request, room.account(), Inputs(), notes)
    outcome = await room.backend.submit(request, found, room.account(), ticket())
    body = (await room.ledger())[-1]["body"]
    assert body["remix_target_id"] == notes.known["post"] == found["remix_target"]
    assert (body["cameo_ids"], body["cameo_replacements"], body["style_id"]) == ([], {}, "news")
    assert body["inpaint_items"] == [{"kind": "upload", "upload_id": found["upload_0"]}]
    assert not isinstance(outcome, Refused)
    post = (await room.get(f"/project_y/post/{notes.known['post']}"))["post"]
    assert post["permissions"]["share_setting"] == "unlisted"
    assert post["attachments"][0]["generation_id"] == source.result_id


async def test_a_remix_of_somebody_elses_post(room: Room) -> None:
    """Its id is enough; nothing is published."""
    source = await room.source()
    post = await prepared(room, source)
    await room.counts()
    status = await room.end(await room.start(video("again", remix_post=post), "plus"), "plus")
    assert isinstance(status, RemoteSucceeded)
    assert await published(room) == 0


async def test_a_remix_of_a_post_that_nobody_shared(room: Room) -> None:
    """A mistake of the caller's, not of the backend."""
    request = video("again", remix_post="s_" + "0" * 32)
    found = await room.backend.prepare(request, room.account(), Inputs(), Notes())
    outcome = await room.backend.submit(request, found, room.account(), ticket())
    assert isinstance(outcome, Refused)
    assert outcome.error.kind is ErrorKind.INVALID_REQUEST


async def test_remixes_of_one_video_share_its_post(room: Room) -> None:
    """One after the other and two at the same time: it is published once, and deleted it is made anew."""
    source = await room.source()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(prepared(room, source)) for _ in range(5)]
    posts = {task.result() for task in tasks} | {await prepared(room, source)}
    assert len(posts) == 1
    assert await published(room) == 1
    token = room.account().credential.access_token.reveal()
    headers = {"authorization": f"Bearer {token}"}
    gone = await room.http.delete(f"/backend/project_y/post/{posts.pop()}", headers=headers)
    assert gone.status_code == 204
    again = await prepared(room, source)
    assert await published(room) == 1
    assert await room.get(f"/project_y/post/{again}")


async def test_a_step_that_was_done_is_not_done_again(room: Room) -> None:
    """Whoever finds the post's id in the notebook uses it and asks nothing."""
    source = await room.source()
    await room.counts()
    assert await prepared(room, source, Notes(known={"publish": "x", "post": "s_noted"})) == "s_noted"
    assert await room.counts() == {}


async def test_a_video_that_is_too_new_to_be_published() -> None:
    """Section 8.1: it is refused for a while, and tried again."""
    async with running(publishing={"refusals_first": 4}) as room:
        source = await room.source()
        assert (await prepared(room, source)).startswith("s_")
        assert await published(room) == 5


async def test_a_video_that_is_never_published() -> None:
    """A refusal that does not end is an error; with the setting the draft itself is named."""
    async with running(publishing={"refusals_first": 99}) as room:
        source = await room.source()
        with pytest.raises(GatewayError):
            await prepared(room, source)
    async with running({"publish": "never"}, publishing={"refusals_first": 99}) as room:
        source = await room.source()
        status = await room.end(await room.start(video("again", remix=source)))
        assert isinstance(status, RemoteSucceeded)
        assert (await room.ledger())[-1]["body"]["remix_target_id"] == source.result_id
        assert await published(room) == 0


@pytest.mark.parametrize("error", ["token_expired", "sentinel_block", "heavy_load"])
async def test_a_publication_that_is_refused(room: Room, error: str) -> None:
    """The engine learns why; the next try goes on."""
    source = await room.source()
    await room.fault("status", POST, error=error)
    notes = Notes()
    with pytest.raises(GatewayError) as caught:
        await prepared(room, source, notes)
    assert caught.value.kind in (
        ErrorKind.ACCOUNT_AUTH,
        ErrorKind.UPSTREAM_BLOCKED,
        ErrorKind.UPSTREAM_OVERLOADED,
    )
    assert "post" not in notes.known
    assert (await prepared(room, source, notes)) == notes.known["post"]


@pytest.mark.parametrize("kind", ["lose_answer", "truncate", "reset"])
async def test_a_publication_without_an_answer(room: Room, kind: str) -> None:
    """The remix goes on, with a post that is there."""
    source = await room.source()
    await room.fault(kind, POST)
    assert await room.get(f"/project_y/post/{await prepared(room, source)}")


async def test_a_source_that_is_not_there(room: Room) -> None:
    """Another account's, or none at all: it cannot be used, and nothing is published."""
    source = await room.source(name="plus")
    for request in (video(remix=source), video(extend=source)):
        with pytest.raises(GatewayError) as caught:
            await room.backend.prepare(request, room.account(), Inputs(), Notes())
        assert caught.value.kind is ErrorKind.UNSUPPORTED
        assert source.job_id in caught.value.message
    assert await published(room) == 0


async def test_a_lost_remix_is_found(room: Room) -> None:
    """By its marker, or where none is shown by what it was made of."""
    source = await room.source()
    request = video("again", remix=source)
    found = await room.backend.prepare(request, room.account(), Inputs(), Notes())
    await room.fault("lose_answer", "POST /nf/create")
    assert isinstance(await room.backend.submit(request, found, room.account(), ticket()), Ambiguous)
    made = (await room.ledger())[-1]
    other = await room.foreign("/nf/create", {k: v for k, v in made["body"].items() if k != "title"})
    room.clock.at += 5
    lost = sent(request, prepared=found, sent_at=START, is_marker_echoed=True)
    for _ in range(2):  # the first answer omits new tasks
        findings = await room.backend.find([lost], room.account())
    assert findings == {"t1": Found(remote_id=made["task_id"])}
    plain = sent(video("again"), "t2", sent_at=START, is_marker_echoed=False)
    assert await room.backend.find([plain], room.account()) == {"t2": NotSeen()}
    unmarked = sent(request, "t3", prepared=found, sent_at=START, is_marker_echoed=False)
    assert await room.backend.find([unmarked], room.account()) == {"t3": Found(remote_id=other)}


# --- extension ------------------------------------------------------------------------------------------


async def test_a_video_is_carried_on(room: Room) -> None:
    """The result is the whole video, and can be carried on again."""
    source = await room.source(video("the first", aspect=Aspect.LANDSCAPE))
    for total_s, added_s in ((20, 10), (35, 15)):
        request = video("it reaches the sea", extend=source, duration_s=added_s)
        assert request.total_s == total_s
        job = await room.start(request)
        status = await room.end(job)
        assert isinstance(status, RemoteSucceeded)
        (output,) = status.outputs
        assert output.result_id not in (None, source.result_id)
        with av.open(io.BytesIO(await room.content(output))) as file:
            assert file.duration is not None
            assert file.duration / 1_000_000 == pytest.approx(total_s, abs=0.3)
        source = Source(
            job_id=job.id, account_id=source.account_id, result_id=output.result_id or "", total_s=total_s
        )


async def test_an_extension_does_not_pass_for_what_it_extends(room: Room) -> None:
    """The backend shows the title of the first video on the longer one too: no marker is told then."""
    source = await room.source()
    job = await room.start(video("more", extend=source))
    room.clock.at += 5
    for _ in range(2):
        look = await room.backend.observe([job], room.account(), VIDEO)
    assert (look.listed[job.id].is_unfinished, look.listed[job.id].marker) == (True, None)


@pytest.mark.parametrize("kind", ["lose_answer", "reset"])
async def test_a_lost_extension(room: Room, kind: str) -> None:
    """It is found by prompt and length while it runs and in the end; what never arrived is not seen."""
    source = await room.source()
    other = await room.source(video("another"))
    request = video("it reaches the sea", extend=source)
    found = await room.backend.prepare(request, room.account(), Inputs(), Notes())
    known = frozenset({source.job_id, other.job_id})
    at = room.clock.at
    await room.fault(kind, EXTENSION)
    assert isinstance(await room.backend.submit(request, found, room.account(), ticket()), Ambiguous)
    ledger = await room.ledger()
    await room.start(video("it reaches the sea", duration_s=15), ticket_id="t7")
    expected = Found(remote_id=ledger[-1]["task_id"]) if kind == "lose_answer" else NotSeen()
    lost = sent(request, prepared=found, sent_at=at, known=known, is_marker_echoed=True)
    room.clock.at += 5
    for _ in range(2):
        findings = await room.backend.find([lost], room.account())
    assert findings == {"t1": expected}
    room.clock.at += 300
    assert await room.backend.find([lost], room.account()) == {"t1": expected}


async def test_an_extension_under_another_prompt_is_unclear(room: Room) -> None:
    """The backend may rewrite it: then it is neither taken nor repeated."""
    source = await room.source()
    request = video("it reaches the sea", extend=source)
    found = await room.backend.prepare(request, room.account(), Inputs(), Notes())
    body = {"user_prompt": "reworded", "extension_duration_s": 10}
    at = room.clock.at
    await room.foreign(f"/project_y/profile/drafts/{source.result_id}/long_video_extension", body)
    lost = sent(request, prepared=found, sent_at=at, known=frozenset({source.job_id}))
    room.clock.at += 5
    for _ in range(2):
        findings = await room.backend.find([lost], room.account())
    assert isinstance(findings["t1"], Unclear)


async def test_a_video_that_is_long_enough() -> None:
    """The backend says that it cannot grow: refused before anything is sent."""
    async with running(extensions={"longest_s": 15}) as room:
        source = await room.source()
        with pytest.raises(GatewayError) as caught:
            await room.backend.prepare(video(extend=source), room.account(), Inputs(), Notes())
    assert caught.value.kind is ErrorKind.UNSUPPORTED


# --- prompts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["short", "medium", "long"])
async def test_a_richer_prompt(room: Room, level: str) -> None:
    """Another wording that still says what was asked."""
    said = await room.backend.enhance("a paper boat", level, 25, room.account())
    assert "a paper boat" in said
    assert said != "a paper boat"


async def test_a_prompt_that_is_refused(room: Room) -> None:
    """The backend's reason is the caller's."""
    with pytest.raises(GatewayError) as caught:
        await room.backend.enhance("x [refuse]", "medium", 10, room.account())
    assert caught.value.kind is ErrorKind.CONTENT_REFUSED


async def test_characters_are_no_tasks(room: Room) -> None:
    """A job that makes a character is in no list: nothing is read for it, and nothing is missed."""
    kinds = frozenset({MediaKind.CHARACTER})
    await room.counts()
    assert (await room.backend.observe([], room.account(), kinds)).listed == {}
    lost = sent(video(kind=MediaKind.CHARACTER))
    assert await room.backend.find([lost], room.account()) == {"t1": NotSeen()}
    assert await room.counts() == {}
