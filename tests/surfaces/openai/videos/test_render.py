"""Jobs as Video objects and as events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Job, JobError
from sora_gateway.domain.requests import Source
from sora_gateway.engine.explaining import Happening
from sora_gateway.engine.generations import JobView, Watched
from sora_gateway.ports.stores import Page
from sora_gateway.surfaces.openai.videos.render import (
    poll_headers,
    render_deleted,
    render_detailed,
    render_events,
    render_page,
    render_video,
)
from tests.surfaces.openai.jobs import cancelled, completed, failed, running, video_job
from tests.surfaces.openai.samples import sample

QUEUED = JobView(job=video_job(), queue_position=2, eta_s=40)
VIEWS = {
    "queued": QUEUED,
    "running": JobView(job=running(video_job(), 0.457)),
    "completed": JobView(job=completed(video_job())),
    "failed": JobView(job=failed(video_job())),
    "cancelled": JobView(job=cancelled(video_job())),
}


@pytest.mark.parametrize("name", list(VIEWS))
def test_golden(name: str) -> None:
    """The whole object, key for key."""
    assert render_video(VIEWS[name]) == sample(f"video_{name}.json")


def test_detail() -> None:
    """The same object, and how the job went beside it."""
    view = JobView(job=replace(running(video_job(), 0.5), tries=2))
    one = Happening(at=1.23456, event="returned", account="a", detail="busy: no place", next_try_at=2.0)
    row = {"at": 1.235, "event": "returned", "account": "a", "detail": "busy: no place", "next_try_at": 2.0}
    assert render_detailed(view, [one]) == {**render_video(view), "attempts": 2, "history": [row]}


SOURCE = Source(job_id="video_01kanar000", account_id="a", result_id="gen_1", total_s=15)
LATER_NOTES = {"later.character": "character_01kanar9g0b", "later.username": "later1"}
FIRST_NOTES = {"character": "character_01kanar9g0", "username": "first1"}


def changed(**changes: object) -> Job:
    """A video that begins from another one or has to do with characters."""
    job = video_job(prompt="再加一只小狗")
    return replace(job, request=replace(job.request, **changes))  # type: ignore[arg-type]


def test_golden_extension() -> None:
    """Its length is that of the whole file, and it names what it carries on."""
    job = replace(completed(changed(extend=SOURCE)), character_id="character_01kanar9g0b", notes=LATER_NOTES)
    assert render_video(JobView(job=job)) == sample("video_extended.json")


def test_remix() -> None:
    """A video of the caller's is named; a shared one, which is no video here, stands in ``effective``."""
    video = render_video(JobView(job=changed(remix=SOURCE)))
    assert (video["remixed_from_video_id"], video["seconds"]) == (SOURCE.job_id, "10")
    assert (video["effective"]["extension_s"], video["effective"]["remix_target"]) == (None, None)
    shared = render_video(JobView(job=changed(remix_post="s_1")))
    assert (shared["remixed_from_video_id"], shared["effective"]["remix_target"]) == (None, "s_1")


@pytest.mark.parametrize(
    ("notes", "character_id", "shown"),
    [
        ({}, None, None),
        (FIRST_NOTES, None, {"id": "character_01kanar9g0", "username": "first1"}),
        (
            FIRST_NOTES | LATER_NOTES,
            "character_01kanar9g0b",
            {"id": "character_01kanar9g0b", "username": "later1"},
        ),
        (FIRST_NOTES, "character_01kanar9g0", {"id": "character_01kanar9g0", "username": "first1"}),
    ],
)
def test_character(notes: dict[str, str], character_id: str | None, shown: object) -> None:
    """The one that was made first is shown as soon as it is there, the one of the result goes before it."""
    job = replace(running(video_job(), 0.5), notes=notes, character_id=character_id)
    assert render_video(JobView(job=job))["character"] == shown


def test_character_error() -> None:
    """The video is there, the character is not, and it says why."""
    error = JobError(kind=ErrorKind.CONTENT_REFUSED, message="A person.", code="content_refused")
    video = render_video(JobView(job=replace(completed(video_job()), character_error=error)))
    assert (video["status"], video["error"], video["character"]) == ("completed", None, None)
    assert video["character_error"] == {"code": "content_policy_violation", "message": "A person."}


def test_what_was_asked_and_what_is_done() -> None:
    """``model`` is the caller's word; durations that are adapted are reported."""
    video = render_video(JobView(job=video_job(model="sora-2-pro", seconds="4", size="1792x1024")))
    assert (video["model"], video["seconds"], video["size"]) == ("sora-2-pro", "10", "1280x720")
    assert video["effective"]["pro"] is True
    assert video["effective"]["orientation"] == "landscape"
    hd = render_video(JobView(job=video_job(hd=True, watermark=True, style="anime")))
    assert hd["size"] == "1024x1792"
    assert (hd["effective"]["watermark"], hd["effective"]["style"]) == (True, "anime")


@pytest.mark.parametrize(
    ("asked", "said", "shown"),
    [
        (False, False, False),
        (False, True, True),
        (False, None, None),
        (True, None, True),
        (True, False, False),
    ],
)
def test_watermark(asked: bool, said: bool | None, shown: bool | None) -> None:
    """What the backend said of the file goes before what was asked; what nobody knows is null."""
    job = completed(video_job(watermark=asked))
    job = replace(job, outputs=(replace(job.outputs[0], watermark=said),))
    assert render_video(JobView(job=job))["effective"]["watermark"] is shown


def test_siblings() -> None:
    """``variants`` lists their ids."""
    job = replace(video_job(), variants=("video_1", "video_2"))
    assert render_video(JobView(job=job))["variants"] == ["video_1", "video_2"]


@pytest.mark.parametrize(("name", "is_unfinished"), [("queued", True), ("running", True), ("failed", False)])
def test_when_to_look_again(name: str, is_unfinished: bool) -> None:
    """A whole number of milliseconds, while there is something to wait for."""
    headers = poll_headers(VIEWS[name].job)
    assert bool(headers) is is_unfinished
    assert not headers or 1000 <= int(headers["openai-poll-after-ms"]) <= 5000


def test_page() -> None:
    """``last_id`` and ``has_more`` drive the SDKs' pagination."""
    first, second = video_job(), replace(video_job(), id="video_2")
    page = render_page(Page(jobs=(first, second), has_more=True))
    assert (page["first_id"], page["last_id"], page["has_more"]) == (first.id, "video_2", True)
    empty = render_page(Page(jobs=(), has_more=False))
    assert (empty["data"], empty["first_id"], empty["last_id"]) == ([], None, None)
    assert render_deleted("video_2") == {"id": "video_2", "object": "video.deleted", "deleted": True}


async def _watched(jobs: Sequence[tuple[Job, bool]]) -> AsyncIterator[Watched]:
    for seq, (job, is_snapshot) in enumerate(jobs, 4):
        yield Watched(seq=seq, view=JobView(job=job), is_snapshot=is_snapshot)


async def _names(jobs: Sequence[tuple[Job, bool]], *, is_resumed: bool = False) -> list[tuple[str, str]]:
    events = []
    async for event in render_events(_watched(jobs), is_resumed=is_resumed):
        lines = event.decode().splitlines()
        assert lines[2].startswith("data: {")
        events.append((lines[0].removeprefix("id: "), lines[1].removeprefix("event: ")))
    return events


JOB = video_job()
STARTED, HALF, DONE = running(JOB, 0.0), running(JOB, 0.5), completed(JOB)


async def test_events_of_a_whole_life() -> None:
    """A new state has its name, anything else is progress; ids are the job's ``seq``."""
    jobs = [(JOB, False), (STARTED, False), (HALF, False), (DONE, False)]
    assert await _names(jobs) == [
        ("4", "video.queued"),
        ("5", "video.in_progress"),
        ("6", "video.progress"),
        ("7", "video.completed"),
    ]


@pytest.mark.parametrize(
    ("first", "is_snapshot", "is_resumed", "name"),
    [
        (HALF, False, False, "video.in_progress"),
        (HALF, False, True, "video.progress"),
        (STARTED, False, True, "video.in_progress"),
        (HALF, True, True, "snapshot"),
        (DONE, True, True, "snapshot"),
        (DONE, False, True, "video.completed"),
        (failed(JOB), False, True, "video.failed"),
        (cancelled(JOB), False, False, "video.failed"),
    ],
)
async def test_first_event(first: Job, is_snapshot: bool, is_resumed: bool, name: str) -> None:
    """Who begins hears the state, who resumes hears what is new to him."""
    assert await _names([(first, is_snapshot)], is_resumed=is_resumed) == [("4", name)]
