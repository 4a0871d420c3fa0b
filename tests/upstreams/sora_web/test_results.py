"""Lists become states of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import (
    Listed,
    RemoteFailed,
    RemoteQueued,
    RemoteRunning,
    RemoteStatus,
    RemoteSucceeded,
)
from sora_gateway.upstreams.sora_web import results
from sora_gateway.upstreams.sora_web.wire import Draft, Task, drafts_page
from tests.upstreams.sora_web.support import sample

VIOLATION = "This content may violate our guardrails."


def named(status: RemoteStatus | None) -> str:
    """Return the state in a word, with its progress or kind of error."""
    match status:
        case None:
            return "none"
        case RemoteQueued():
            return "queued"
        case RemoteRunning(progress=progress):
            return f"running {progress}"
        case RemoteSucceeded(outputs=outputs):
            return "succeeded " + " ".join(output.url for output in outputs)
        case RemoteFailed(error=error):
            return f"failed {error.kind.value}: {error.message}"
        case _:
            return "unknown"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "preprocessing", "progress_pct": None}, "queued"),
        ({"status": "queued", "progress_pct": None}, "queued"),
        ({"status": "queued", "progress_pct": 0.0}, "queued"),
        ({"status": "queued", "progress_pct": 0.2}, "running 0.2"),
        ({"status": "running", "progress_pct": 0.42}, "running 0.42"),
        ({"status": "running", "progress_pct": None}, "running None"),
        ({"status": "running", "progress_pct": 42}, "running 0.42"),
        ({"status": "running", "progress_pct": -3}, "running 0.0"),
        ({"status": "running", "progress_pct": 900}, "running 1.0"),
        ({"status": "processing", "progress_pct": 1.0}, "running 1.0"),
        ({"status": "Something New"}, "running None"),
        ({}, "running None"),
        ({"status": "succeeded"}, "none"),
        ({"status": "failed", "failure_reason": "It broke."}, "failed generation_failed: It broke."),
        ({"status": "error", "error_message": "It broke."}, "failed generation_failed: It broke."),
        ({"status": "cancelled"}, "failed generation_failed: The backend could not finish the task."),
        ({"status": "failed", "failure_reason": VIOLATION}, f"failed content_refused: {VIOLATION}"),
    ],
)
def test_states_of_pending_tasks(fields: dict[str, Any], expected: str) -> None:
    """Section 7.1: words and progress; 1.0 is not the end, a finished one is looked for in the drafts."""
    assert named(results.pending_status(Task.model_validate({"id": "t"} | fields))) == expected


def test_what_other_requests_call_a_result() -> None:
    """Sections 7.3 and 5.3: the generation's id, under either name; several results have one each."""
    draft = {"task_id": "t", "kind": "sora_draft", "url": "https://1"}
    rows = [
        draft | {"id": "gen_1", "generation_id": "gen_2"},
        draft | {"id": "gen_3"},
        draft | {"generation_id": "gen_4"},
    ]
    status = results.draft_status([Draft.model_validate(row) for row in rows])
    assert isinstance(status, RemoteSucceeded)
    assert [(output.index, output.result_id) for output in status.outputs] == [
        (0, "gen_2"),
        (1, "gen_3"),
        (2, "gen_4"),
    ]
    task = {"id": "t", "status": "succeeded", "generations": [{"id": "gen_1", "url": "https://1"}]}
    status = results.recent_status(Task.model_validate(task))
    assert isinstance(status, RemoteSucceeded)
    assert status.outputs[0].result_id == "gen_1"


USABLE = {"url": "https://1", "download_status": "ready"}
UNREADY = {"url": None, "download_status": "processing"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "queued"}, "queued"),
        ({"status": "running", "progress_pct": 0.5}, "running 0.5"),
        ({"status": "succeeded", "generations": [USABLE]}, "succeeded https://1"),
        ({"status": "succeeded", "generations": [UNREADY], "progress_pct": 1}, "running 1.0"),
        ({"status": "succeeded", "generations": []}, "running None"),
        (
            {"status": "succeeded", "generations": [USABLE, {"url": "https://2"}, UNREADY]},
            "succeeded https://1 https://2",
        ),
        (
            {"status": "succeeded", "generations": [USABLE], "num_unsafe_generations": 3},
            "succeeded https://1",
        ),
        (
            {"status": "succeeded", "num_unsafe_generations": 1},
            "failed content_refused: The backend refused the content of the request.",
        ),
        (
            {"status": "succeeded", "moderation_result": {"type": "passed", "is_output_rejection": True}},
            "failed content_refused: The backend refused the content of the request.",
        ),
        ({"status": "failed", "failure_reason": "It broke."}, "failed generation_failed: It broke."),
        (
            {"status": "failed", "moderation_result": {"type": "blocked", "code": "nudity"}},
            "failed content_refused: The backend refused the content of the request (nudity).",
        ),
        ({"status": "rejected", "error_message": "It broke."}, "failed generation_failed: It broke."),
        ({"status": "expired"}, "failed generation_failed: The backend could not finish the task."),
    ],
)
def test_states_of_first_generation_tasks(fields: dict[str, Any], expected: str) -> None:
    """Section 5.3: the decision table."""
    assert named(results.recent_status(Task.model_validate({"id": "t"} | fields))) == expected


def test_the_image_of_the_document() -> None:
    """The whole file with its real size."""
    status = results.recent_status(Task.model_validate(sample("image_task")))
    assert isinstance(status, RemoteSucceeded)
    (output,) = status.outputs
    assert (output.width_px, output.height_px, output.duration_s) == (1536, 1024, None)
    assert output.url.endswith("img_0.png?se=…&sig=…")


def test_a_first_generation_video_has_a_duration() -> None:
    """From the encoding, else from its frames."""
    task = {"id": "t", "type": "video_gen", "status": "succeeded", "n_frames": 300, "generations": [USABLE]}
    status = results.recent_status(Task.model_validate(task))
    assert isinstance(status, RemoteSucceeded)
    assert status.outputs[0].duration_s == 10.0
    source = {"encodings": {"source": {"path": "https://s", "duration_secs": 9.9}}}
    status = results.recent_status(Task.model_validate(task | {"generations": [USABLE | source]}))
    assert isinstance(status, RemoteSucceeded)
    assert (status.outputs[0].url, status.outputs[0].duration_s) == ("https://s", 9.9)


REFUSAL = "failed content_refused: "
FAILURE = "failed generation_failed: "


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "sora_draft", "url": "https://u"}, "succeeded https://u"),
        ({"kind": "sora_edit", "url": "https://u"}, "succeeded https://u"),
        ({"kind": "sora_draft", "downloadable_url": "https://d", "url": "https://u"}, "succeeded https://d"),
        ({"kind": "sora_draft"}, "none"),
        ({}, "none"),
        ({"kind": "sora_draft", "reason_str": "No, sorry."}, REFUSAL + "No, sorry."),
        ({"kind": "sora_draft", "url": "https://u", "reason_str": "Well."}, "succeeded https://u"),
        (
            {"kind": "sora_draft", "url": "https://u", "output_blocked": True},
            REFUSAL + "The backend refused the content of the request.",
        ),
        ({"kind": "sora_content_violation", "reason_str": "No, sorry."}, REFUSAL + "No, sorry."),
        (
            {"kind": "sora_content_violation", "url": "https://u", "markdown_reason_str": "M m"},
            REFUSAL + "M m",
        ),
        ({"kind": "sora_context_violation", "violation_reason": "V v"}, REFUSAL + "V v"),
        (
            {"kind": "sora_error", "error_reason": "code_7"},
            FAILURE + "The backend could not finish the task (code_7).",
        ),
        ({"kind": "sora_error"}, FAILURE + "The backend could not finish the task."),
        ({"kind": "sora_new_kind"}, FAILURE + "The backend could not finish the task."),
        ({"kind": "sora_new_kind", "message": "It broke."}, FAILURE + "It broke."),
    ],
)
def test_ends_of_sora_2_tasks(fields: dict[str, Any], expected: str) -> None:
    """Section 7.3: kind, link and reason decide; neither link nor reason decides nothing yet."""
    assert (
        named(results.draft_status([Draft.model_validate({"id": "g", "task_id": "t"} | fields)])) == expected
    )


@pytest.mark.parametrize(
    "key",
    [
        "reason_str",
        "markdown_reason_str",
        "violation_reason",
        "failure_reason",
        "error_reason",
        "reason",
        "error_message",
        "message",
    ],
)
def test_every_key_of_a_refusal_is_read(key: str) -> None:
    """Section 7.3: eight clients, eight keys."""
    draft = Draft.model_validate({"id": "g", "kind": "sora_content_violation", key: "Just because."})
    assert named(results.draft_status([draft])) == REFUSAL + "Just because."


@pytest.mark.parametrize(
    ("fields", "url", "watermark"),
    [
        (
            {
                "download_urls": {"no_watermark": "https://n", "watermark": "https://w"},
                "downloadable_url": "https://n",
            },
            "https://n",
            False,
        ),
        ({"download_urls": {"watermark": "https://w"}, "downloadable_url": "https://w"}, "https://w", True),
        ({"download_urls": {"watermark": "https://w"}, "downloadable_url": "https://d"}, "https://d", True),
        ({"download_urls": None, "downloadable_url": "https://d"}, "https://d", None),
        ({"download_urls": {"watermark": "https://w"}, "url": "https://u"}, "https://w", True),
        ({"encodings": {"source": {"path": "https://s"}}, "url": "https://u"}, "https://s", None),
        ({"encodings": {"source": {"path": "az/internal"}}, "url": "https://u"}, "https://u", None),
        ({"encodings": {"source_wm": {"path": "https://s"}}, "url": "https://u"}, "https://u", None),
    ],
)
def test_which_file_and_whether_it_is_marked(
    fields: dict[str, Any], url: str, watermark: bool | None
) -> None:
    """Section 8.3: the unmarked one where it is offered, and no guess about the others."""
    status = results.draft_status([Draft.model_validate({"id": "g", "kind": "sora_draft"} | fields)])
    assert isinstance(status, RemoteSucceeded)
    assert (status.outputs[0].url, status.outputs[0].watermark) == (url, watermark)


def test_the_draft_of_the_document() -> None:
    """Pixels and seconds are the file's own."""
    status = results.draft_status([drafts_page(sample("drafts")).rows[0]])
    assert isinstance(status, RemoteSucceeded)
    (output,) = status.outputs
    assert (output.width_px, output.height_px, output.duration_s, output.watermark) == (640, 352, 10.1, True)


def test_several_drafts_of_one_task() -> None:
    """Results count, in order; a refusal beside them does not hide them."""
    drafts = [
        Draft.model_validate({"id": "g1", "kind": "sora_error"}),
        Draft.model_validate({"id": "g2", "url": "https://2"}),
        Draft.model_validate({"id": "g3", "url": "https://3"}),
    ]
    status = results.draft_status(drafts)
    assert isinstance(status, RemoteSucceeded)
    assert [(output.index, output.url) for output in status.outputs] == [(0, "https://2"), (1, "https://3")]


def test_what_counts_against_the_slots() -> None:
    """Kind, end and marker of tasks of either generation."""
    image = Task.model_validate(sample("image_task"))
    video = Task.model_validate({"id": "t", "status": "queued", "title": "sg-job_1-t1"})
    old_video = Task.model_validate({"id": "t", "type": "video_gen", "status": "failed", "title": "sg"})
    assert results.listed(image, is_first_generation=True) == Listed(
        kind=MediaKind.IMAGE, is_unfinished=False
    )
    assert results.listed(video, is_first_generation=False) == Listed(
        kind=MediaKind.VIDEO, is_unfinished=True, marker="sg-job_1-t1"
    )
    assert results.listed(old_video, is_first_generation=True) == Listed(
        kind=MediaKind.VIDEO, is_unfinished=False
    )
