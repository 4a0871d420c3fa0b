"""Read what the lists say of tasks: states, files, failures. Pure.

Source: Sora web protocol, sections 5.3 (decision table), 7.1, 7.3 (kinds, texts) and 8.3 (which link).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import (
    Listed,
    RemoteFailed,
    RemoteOutput,
    RemoteQueued,
    RemoteRunning,
    RemoteStatus,
    RemoteSucceeded,
)
from sora_gateway.upstreams.sora_web.errors import content_error, failure
from sora_gateway.upstreams.sora_web.translate import FRAMES_PER_SECOND, MARKER_PREFIX
from sora_gateway.upstreams.sora_web.wire import Draft, Generation, Task

_FAILED = frozenset({"failed", "error", "rejected", "cancelled", "canceled", "expired"})
_DONE = frozenset({"succeeded", "completed", "complete", "finished"})
_ENDED = _FAILED | _DONE
_WAITING = frozenset({"queued", "preprocessing", "pending"})
_REFUSED_KINDS = frozenset({"sora_content_violation", "sora_context_violation"})
_ERROR_KINDS = frozenset({"sora_error"})
_GOOD_KIND = "sora_draft"


def marker_of(title: str | None) -> str | None:
    """Return ``title`` if a gateway wrote it."""
    return title if title and title.startswith(MARKER_PREFIX) else None


def is_unfinished(task: Task) -> bool:
    """Tell whether the task still holds a slot."""
    return (task.status or "").lower() not in _ENDED


def listed(task: Task, *, is_first_generation: bool) -> Listed:
    """Return the task as something that may count against the account's slots."""
    is_image = is_first_generation and kind_of(task) is MediaKind.IMAGE
    return Listed(
        kind=MediaKind.IMAGE if is_image else MediaKind.VIDEO,
        is_unfinished=is_unfinished(task),
        marker=marker_of(task.title),
    )


def kind_of(task: Task) -> MediaKind:
    """Return what a first-generation task makes."""
    return MediaKind.VIDEO if "video" in (task.type or task.task_type or "") else MediaKind.IMAGE


def progress(task: Task) -> float | None:
    """Return 0.0 to 1.0; numbers above 1 are percent."""
    value = task.progress_pct
    if value is None:
        return None
    return min(max(value / 100 if value > 1 else value, 0.0), 1.0)


def pending_status(task: Task) -> RemoteStatus | None:
    """Return the state of a listed Sora 2 task; None: it is done, its result is among the drafts."""
    status = (task.status or "").lower()
    if status in _FAILED:
        return RemoteFailed(error=failure(_failure_text(task)))
    if status in _DONE:
        return None
    return _under_way(task, status)


def recent_status(task: Task) -> RemoteStatus:
    """Return the state of a first-generation task."""
    status = (task.status or "").lower()
    if status in _FAILED:
        text = _failure_text(task)
        return RemoteFailed(error=content_error(text) if _is_refusal(task) else failure(text))
    if status not in _DONE:
        return _under_way(task, status)
    outputs = _generation_outputs(task)
    if outputs:
        return RemoteSucceeded(outputs=outputs)
    if _is_refusal(task):
        return RemoteFailed(error=content_error(_failure_text(task)))
    # Done, and the files are not ready yet.
    return RemoteRunning(progress=progress(task))


def draft_status(drafts: Sequence[Draft], *, is_watermark_wanted: bool = False) -> RemoteStatus | None:
    """Return the end of a Sora 2 task by its drafts; None: they say nothing, it may still render."""
    found = (_draft_output(draft, is_watermark_wanted) for draft in drafts)
    good = [output for output in found if output is not None]
    if good:
        numbered = (replace(output, index=index) for index, output in enumerate(good))
        return RemoteSucceeded(outputs=tuple(numbered))
    return next((status for status in map(_draft_failure, drafts) if status is not None), None)


def blank_failure() -> RemoteFailed:
    """Return the state of a task whose draft stayed without file and reason for too long."""
    return RemoteFailed(error=content_error(None))


def _under_way(task: Task, status: str) -> RemoteStatus:
    share = progress(task)
    if status in _WAITING and not share:
        return RemoteQueued()
    return RemoteRunning(progress=share)


def _failure_text(task: Task) -> str | None:
    code = task.moderation_result.code if task.moderation_result else None
    return task.failure_reason or task.error_message or code


def _is_refusal(task: Task) -> bool:
    verdict = task.moderation_result
    return (task.num_unsafe_generations or 0) > 0 or (verdict is not None and verdict.is_refusal)


def _generation_outputs(task: Task) -> tuple[RemoteOutput, ...]:
    usable: Iterable[tuple[Generation, str]] = (
        (generation, link) for generation in task.generations if (link := generation.link)
    )
    return tuple(
        RemoteOutput(
            index=index,
            url=link,
            width_px=generation.width,
            height_px=generation.height,
            duration_s=_seconds(generation, task),
            result_id=generation.id,
        )
        for index, (generation, link) in enumerate(usable)
    )


def _seconds(generation: Generation, task: Task) -> float | None:
    if kind_of(task) is MediaKind.IMAGE:
        return None
    source = generation.encodings.source if generation.encodings else None
    if source is not None and source.duration_secs:
        return source.duration_secs
    frames = generation.n_frames or task.n_frames
    return frames / FRAMES_PER_SECOND if frames else None


def _draft_output(draft: Draft, is_watermark_wanted: bool) -> RemoteOutput | None:
    if draft.output_blocked or draft.kind in _REFUSED_KINDS | _ERROR_KINDS:
        return None
    link, has_watermark = _best_link(draft, is_watermark_wanted)
    if link is None:
        return None
    return RemoteOutput(
        index=0,
        url=link,
        width_px=draft.width,
        height_px=draft.height,
        duration_s=draft.duration_s,
        watermark=has_watermark,
        result_id=draft.generation_id or draft.id,
    )


def _best_link(draft: Draft, is_watermark_wanted: bool) -> tuple[str | None, bool | None]:
    marks = draft.download_urls
    if is_watermark_wanted and marks and marks.watermark:
        return marks.watermark, True
    if marks and marks.no_watermark:
        return marks.no_watermark, False
    if draft.downloadable_url:
        # Accounts without a clean rendition get the marked file under both names (section 8.3).
        is_marked = marks is not None and marks.watermark is not None
        return draft.downloadable_url, True if is_marked else None
    if marks and marks.watermark:
        return marks.watermark, True
    source = draft.encodings.source if draft.encodings else None
    return (source.link if source else None) or draft.url, None


def _draft_failure(draft: Draft) -> RemoteFailed | None:
    text = draft.refusal
    if draft.kind in _REFUSED_KINDS or draft.output_blocked:
        return RemoteFailed(error=content_error(text))
    if draft.kind in _ERROR_KINDS:
        return RemoteFailed(error=failure(text))
    if text:
        # A draft of the good kind without a file but with a reason is a refusal (section 7.3).
        return RemoteFailed(error=content_error(text) if draft.kind == _GOOD_KIND else failure(text))
    if draft.kind not in (_GOOD_KIND, None):
        return RemoteFailed(error=failure(None))
    return None
