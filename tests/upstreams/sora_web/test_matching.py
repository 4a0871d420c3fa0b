"""Which listed task is a lost submission: proof first, comparison only where nothing else is to be had."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.media import Aspect
from sora_gateway.domain.remote import Finding, Found, NotSeen, Sent, Unclear
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.upstreams.sora_web.matching import (
    Search,
    Seen,
    find,
    merged,
    seen_draft,
    seen_pending,
    seen_recent,
)
from sora_gateway.upstreams.sora_web.translate import create_call
from sora_gateway.upstreams.sora_web.wire import Draft, Task
from tests.upstreams.sora_web.support import NOW, blob, image, legacy, sample, sent, video

OURS = "sg-job_1-t1"
THEIRS = "sg-job_9-t9"


def search(one: Sent) -> Search:
    return Search(sent=one, call=create_call(one.request, one.prepared, one.marker, "360"))


def looked(one: Sent, *seen: Seen) -> Finding:
    return find([search(one)], merged(seen))[one.ticket_id]


def pending(task_id: str = "task_1", title: str | None = None, **config: Any) -> Seen:
    echo = {"prompt": "a paper boat", "orientation": "portrait", "n_frames": 300, "style": None} | config
    return seen_pending(Task.model_validate({"id": task_id, "title": title, "creation_config": echo}))


def draft(task_id: str = "task_1", title: str | None = None, at: float = NOW + 60, **more: Any) -> Seen:
    fields = {"id": f"gen_{task_id}", "title": title, "created_at": at, "prompt": "a paper boat"} | more
    return seen_draft(Draft.model_validate(fields), task_id)


def recent(task_id: str = "task_1", at: float = NOW, **more: Any) -> Seen:
    fields = {
        "id": task_id,
        "type": "image_gen",
        "created_at": at,
        "prompt": "a cat",
        "n_variants": 1,
        "n_frames": 1,
        "width": 360,
        "height": 360,
        "operation": "simple_compose",
        "inpaint_items": [],
        "title": "A Cat",
    }
    return seen_recent(Task.model_validate(fields | more))


# --- marked submissions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_echoed", [True, False, None])
def test_our_marker_is_proof(is_echoed: bool | None) -> None:
    """Whatever was learned, whatever the fields say and even if it was seen before: it is ours."""
    one = sent(video(), is_marker_echoed=is_echoed, known=frozenset({"task_1"}))
    other = pending("task_2")
    assert looked(one, pending(title=OURS, prompt="rewritten"), other) == Found(remote_id="task_1")
    assert looked(one, draft(title=OURS, at=NOW - 9999), other) == Found(remote_id="task_1")


@pytest.mark.parametrize("is_echoed", [True, False, None])
def test_somebody_elses_marker_is_proof_of_the_contrary(is_echoed: bool | None) -> None:
    """A twin of another gateway, or of another ticket of ours, is never taken."""
    one = sent(video(), is_marker_echoed=is_echoed)
    assert looked(one, pending(title=THEIRS), draft("task_2", title="sg-job_1-t0")) == NotSeen()


def test_where_markers_show_an_unmarked_twin_is_foreign() -> None:
    """Once learned that markers are shown, their absence decides."""
    one = sent(video(), is_marker_echoed=True)
    assert looked(one, pending(), draft("task_2", title="New Video")) == NotSeen()


def test_where_it_is_not_known_an_unmarked_twin_decides_nothing() -> None:
    """It may be ours or not: unclear; something different is still not ours."""
    one = sent(video(), is_marker_echoed=None)
    assert isinstance(looked(one, pending()), Unclear)
    assert looked(one, pending(prompt="another")) == NotSeen()
    assert looked(one) == NotSeen()


def test_where_markers_do_not_show_the_only_twin_is_ours() -> None:
    """All echoed fields agree, in the pending list or among the drafts."""
    one = sent(video(), is_marker_echoed=False)
    assert looked(one, pending(), pending("task_2", prompt="x")) == Found(remote_id="task_1")
    assert looked(one, draft(width=352, height=640)) == Found(remote_id="task_1")
    assert looked(one, pending(), draft()) == Found(remote_id="task_1")


def test_several_twins_are_ours_only_if_the_lists_show_everything() -> None:
    """Model and size are not shown: any of two might be the other client's."""
    one = sent(video(), is_marker_echoed=False)
    assert isinstance(looked(one, pending(), pending("task_2")), Unclear)
    shown = {"model": "sy_8_20251208", "size": "small", "inpaint_items": [], "remix_target_post": None}
    found = looked(one, pending("task_2", **shown), pending("task_1", **shown))
    assert found == Found(remote_id="task_1")
    assert isinstance(looked(one, pending("task_2", **shown), pending("task_1")), Unclear)


@pytest.mark.parametrize(
    ("request_", "echo", "is_it"),
    [
        (video(), {}, True),
        (video("a  paper\nboat "), {}, True),
        (video(), {"prompt": "a paper plane"}, False),
        (video(), {"prompt": None}, True),
        (video(), {"orientation": "landscape"}, False),
        (video(), {"n_frames": 450}, False),
        (video(), {"n_frames": None}, True),
        (video(), {"style": {"id": "news"}}, False),
        (video(style="news"), {"style": {"id": "news"}}, True),
        (video(style="news"), {"style": None}, False),
        (video(pro=True), {"model": "sy_8"}, False),
        (video(pro=True), {"model": "sy_ore_20260101"}, True),
        (video(hd=True), {"size": "small"}, False),
        (video(), {"inpaint_items": [{"kind": "upload", "upload_id": "media_9"}]}, False),
        (video(), {"inpaint_image": {"words": "unknown"}}, True),
        (video("[5s]a [5s]b", storyboard=True), {"prompt": "[5s]a [5s]b"}, False),
    ],
)
def test_fields_that_are_shown_must_agree(
    request_: GenerationRequest, echo: dict[str, Any], is_it: bool
) -> None:
    """A field that is shown and differs excludes; one that is not shown does not."""
    found = looked(sent(request_, is_marker_echoed=False), pending(**echo))
    assert isinstance(found, Found) is is_it


def test_a_draft_can_exclude_what_the_pending_list_left_open() -> None:
    """What two lists say of one task is taken together."""
    one = sent(video(hd=True), is_marker_echoed=False)
    assert looked(one, pending(), draft(creation_config={"size": "small"})) == NotSeen()


def test_old_and_known_tasks_are_no_candidates() -> None:
    """A task from before the send (less two minutes for clocks), or one already bound, is not it."""
    one = sent(video(), is_marker_echoed=False, known=frozenset({"task_1"}))
    assert looked(one, pending("task_1")) == NotSeen()
    assert looked(one, draft("task_2", at=NOW - 121)) == NotSeen()
    assert looked(one, draft("task_2", at=NOW - 119)) == Found(remote_id="task_2")


# --- uploads --------------------------------------------------------------------------------------------


def test_our_upload_is_proof() -> None:
    """An upload is never shared between jobs, so where it shows it is as good as a marker."""
    one = sent(image(inputs=(blob(),)), prepared={"upload_0": "media_1"})
    twin = recent("task_2", operation="remix", inpaint_items=[{"upload_media_id": "media_2"}])
    ours = recent("task_1", operation="remix", inpaint_items=[{"upload_media_id": "media_1"}])
    assert looked(one, twin, ours) == Found(remote_id="task_1")
    assert looked(one, twin) == NotSeen()
    of_video = sent(video(inputs=(blob(),)), prepared={"upload_0": "media_1"}, is_marker_echoed=None)
    shown = pending("task_3", reference_inpaint_items=[{"item": {"upload_id": "media_1"}}])
    assert looked(of_video, pending("task_4"), shown) == Found(remote_id="task_3")


def test_an_earlier_task_of_the_same_upload_is_not_it() -> None:
    """A task that is already bound stays bound."""
    one = sent(image(inputs=(blob(),)), prepared={"upload_0": "media_1"}, known=frozenset({"task_1"}))
    ours = recent("task_1", operation="remix", inpaint_items=[{"upload_media_id": "media_1"}])
    assert looked(one, ours) == NotSeen()


# --- images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_echoed", [True, False, None])
def test_images_are_told_by_their_fields(is_echoed: bool | None) -> None:
    """There is no free field: what was learned about markers does not matter, agreement does."""
    one = sent(image(), is_marker_echoed=is_echoed)
    assert looked(one, recent()) == Found(remote_id="task_1")
    assert looked(one, recent("task_2", at=NOW + 2), recent("task_1", at=NOW + 1)) == Found(
        remote_id="task_1"
    )


@pytest.mark.parametrize(
    "echo",
    [
        {"prompt": "a dog"},
        {"n_variants": 2},
        {"width": 540},
        {"operation": "remix"},
        {"type": "video_gen"},
        {"inpaint_items": [{"upload_media_id": "media_2"}]},
        {"at": NOW - 500},
    ],
)
def test_images_that_differ_are_not_ours(echo: dict[str, Any]) -> None:
    """Every field that is shown counts."""
    assert looked(sent(image()), recent(**echo)) == NotSeen()


def test_sizes_of_images_are_compared_as_shapes() -> None:
    """Section 5.1: the numbers act like a ratio, so an answer may show others than were asked."""
    one = sent(image(aspect=Aspect.LANDSCAPE))
    assert looked(one, recent(width=1536, height=1024)) == Found(remote_id="task_1")
    assert looked(one, recent(width=1024, height=1536)) == NotSeen()


def test_the_image_of_the_document_is_found_again() -> None:
    """The echo of section 5.3 agrees with the request of section 5.1."""
    prompt = "same bicycle, rainy evening, neon reflections"
    request = image(prompt, aspect=Aspect.LANDSCAPE, inputs=(blob(),))
    at = 1773483782.0
    task = Task.model_validate(sample("image_task") | {"inpaint_items": None})
    one = sent(request, prepared={"upload_0": "media_1"}, sent_at=at)
    assert isinstance(looked(one, seen_recent(task)), Found)


def test_first_generation_videos_are_told_by_their_frames() -> None:
    """The same list holds images and videos."""
    one = sent(legacy())
    task = {"prompt": "a paper boat", "type": "video_gen", "width": 480, "height": 854, "n_frames": 300}
    assert looked(one, recent(**task)) == Found(remote_id="task_1")
    assert looked(one, recent(**(task | {"n_frames": 150}))) == NotSeen()


# --- several submissions --------------------------------------------------------------------------------


def test_one_task_is_never_two_tickets() -> None:
    """What is proven for one is no candidate for the other; what agrees with both is unclear for both."""
    standard = sent(video(), "t1", is_marker_echoed=False)
    pro = sent(video(pro=True), "t2", is_marker_echoed=False)
    both = [search(standard), search(pro)]
    unclear = find(both, [pending()])
    assert isinstance(unclear["t1"], Unclear)
    assert isinstance(unclear["t2"], Unclear)
    proven = find(both, [pending(title="sg-job_1-t2")])
    assert proven == {"t1": NotSeen(), "t2": Found(remote_id="task_1")}


# --- remixes and extensions -----------------------------------------------------------------------------

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)


@pytest.mark.parametrize(
    ("said", "is_it"),
    [
        ({"post": {"id": "s_1"}}, True),
        ("s_1", True),
        ({"words": "unknown"}, True),
        ({"post": {"id": "s_2"}}, False),
        (None, False),
    ],
)
def test_what_a_remix_was_made_of_must_agree(said: Any, is_it: bool) -> None:
    """Another post, or none, is another task; a draft's id says only that it is a remix."""
    for target in ("s_1", "gen_1"):
        one = sent(video(remix=SOURCE), prepared={"remix_target": target}, is_marker_echoed=False)
        found = looked(one, pending(remix_target_post=said))
        is_remix = is_it or (target == "gen_1" and said is not None)
        assert found == (Found(remote_id="task_1") if is_remix else NotSeen())
    plain = sent(video(), is_marker_echoed=False)
    assert (looked(plain, pending(remix_target_post=said)) == NotSeen()) is (said is not None)


def extension(**more: Any) -> Sent:
    return sent(video(extend=SOURCE), prepared={"source_title": THEIRS}, **more)


def longer(task_id: str = "task_1", title: str | None = None, **more: Any) -> Seen:
    return pending(task_id, title, n_frames=600, orientation="landscape", **more)


@pytest.mark.parametrize("is_echoed", [True, False, None])
@pytest.mark.parametrize("title", [None, THEIRS])
def test_an_extension_is_found_without_a_marker(is_echoed: bool | None, title: str | None) -> None:
    """By prompt and whole length; the marker of the video that it extends does not speak against it."""
    one = extension(is_marker_echoed=is_echoed)
    assert looked(one, longer(title=title), pending("task_2", "sg-a-b")) == Found(remote_id="task_1")


def test_what_cannot_be_an_extension() -> None:
    """Another's marker, a task that was there before, other words and another length."""
    assert looked(extension(), longer(title="sg-x-y")) == NotSeen()
    assert looked(extension(known=frozenset({"task_1"})), longer()) == NotSeen()
    assert looked(extension(), pending(prompt="other")) == NotSeen()
    assert looked(extension(), draft(title=THEIRS, at=NOW - 300)) == NotSeen()


def test_an_extension_that_agrees_in_part_is_unclear() -> None:
    """Rewritten, or shown with the length of the new part: neither taken nor sent again."""
    assert isinstance(looked(extension(), longer(prompt="reworded")), Unclear)
    assert isinstance(looked(extension(), pending()), Unclear)
