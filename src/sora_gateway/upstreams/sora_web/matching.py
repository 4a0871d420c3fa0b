"""Decide which listed task, if any, is a submission that never got its answer. Pure.

A task proves itself by our marker in its title or by an upload of ours; everything else is comparison of the
fields that the lists echo. A field that is not echoed neither speaks for a task nor against it. An extension
carries no marker; it may show the one of the video that it extends, and its prompt may have been rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import Finding, Found, NotSeen, Sent, Unclear
from sora_gateway.upstreams.sora_web.fields import is_post
from sora_gateway.upstreams.sora_web.results import kind_of, marker_of
from sora_gateway.upstreams.sora_web.translate import FRAMES_PER_SECOND, SOURCE_TITLE, CreateCall
from sora_gateway.upstreams.sora_web.wire import CreationConfig, Draft, Task, post_id

SLACK_S = 120.0
"""Clocks may differ by so much; older tasks cannot be the one that was sent."""

_UPLOAD_KEYS = frozenset({"upload_id", "upload_media_id", "file_id", "uploaded_file_id", "generation_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A task with what the lists echo of its request. ``created_at`` is None where no list says it."""

    id: str
    echo: Mapping[str, Any]
    marker: str | None
    created_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A submission to look for, with the call that was sent for it."""

    sent: Sent
    call: CreateCall

    @property
    def is_marked(self) -> bool:
        """Tell whether the call carried the marker in a field that may be echoed."""
        return "title" in self.call.body

    @property
    def inherited(self) -> str | None:
        """The marker that an extension may show: that of the video it extends."""
        return marker_of(self.sent.prepared.get(SOURCE_TITLE))


def find(searches: Sequence[Search], seen: Sequence[Seen]) -> dict[str, Finding]:
    """Return for each ticket which of ``seen`` it is. One task is never two tickets'."""
    proven = {search.sent.ticket_id: _proven(search, seen) for search in searches}
    taken = {task.id for task in proven.values() if task is not None}
    findings: dict[str, Finding] = {}
    for search in searches:
        ticket = search.sent.ticket_id
        task = proven[ticket]
        rest = [other for other in seen if other.id not in taken]
        findings[ticket] = Found(remote_id=task.id) if task is not None else _compared(search, rest)
    return _without_conflicts(findings, taken)


def _proven(search: Search, seen: Sequence[Seen]) -> Seen | None:
    ours = _uploads_of(search.call.body)
    marked = [task for task in seen if task.marker is not None and task.marker == search.sent.marker]
    if not marked:
        fresh = (task for task in seen if task.id not in search.sent.known)
        marked = [task for task in fresh if ours & task.echo.get("uploads", frozenset())]
    return _oldest(marked) if marked else None


def _compared(search: Search, seen: Sequence[Seen]) -> Finding:
    sent = search.sent
    is_echoed = sent.is_marker_echoed if search.is_marked else False
    if is_echoed is True:
        return NotSeen()
    asked = asked_echo(search.call)
    possible = [task for task in seen if _may_be(task, search)]
    candidates = [task for task in possible if _agrees(task.echo, asked)]
    if not candidates:
        return _rewritten(search, possible, asked)
    if is_echoed is None:
        return Unclear(
            reason=f"{len(candidates)} unmarked task(s) agree, and it is not known whether marks are shown"
        )
    if len(candidates) == 1 or all(asked.items() <= task.echo.items() for task in candidates):
        return Found(remote_id=_oldest(candidates).id)
    return Unclear(reason=f"{len(candidates)} tasks agree, and the lists do not show all that was asked")


def _rewritten(search: Search, possible: Sequence[Seen], asked: Mapping[str, Any]) -> Finding:
    """Return what is left where no task agrees in all: an extension may have been rewritten or retold.

    Its prompt is rewritten before it is made, and whether its length is told with that of its video is not
    recorded. One of the two is enough to forbid that it is sent again.
    """
    if search.call.total_s is None:
        return NotSeen()
    is_there = any(task.echo.get(name) == asked[name] for task in possible for name in asked)
    return Unclear(reason="a task agrees with the extension in part") if is_there else NotSeen()


def _may_be(task: Seen, search: Search) -> bool:
    sent = search.sent
    if task.marker not in (None, search.inherited) or task.id in sent.known:
        return False
    return task.created_at is None or task.created_at >= sent.sent_at - SLACK_S


def _agrees(echo: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(echo[name] == value for name, value in asked.items() if name in echo)


def _oldest(tasks: Iterable[Seen]) -> Seen:
    return min(tasks, key=lambda task: (task.created_at is None, task.created_at or 0.0, task.id))


def _without_conflicts(findings: dict[str, Finding], taken: set[str]) -> dict[str, Finding]:
    claims = [finding.remote_id for finding in findings.values() if isinstance(finding, Found)]
    for ticket, finding in findings.items():
        if (
            isinstance(finding, Found)
            and claims.count(finding.remote_id) > 1
            and finding.remote_id not in taken
        ):
            findings[ticket] = Unclear(reason="one task agrees with several submissions")
    return findings


# --- echoes -------------------------------------------------------------------------------------------------


def asked_echo(call: CreateCall) -> dict[str, Any]:
    """Return every field of ``call`` that its result depends on, in the form of the echoes."""
    body = call.body
    if call.total_s is not None:
        # Its other fields are those of the video that it extends.
        return {"prompt": _folded(body["user_prompt"]), "n_frames": FRAMES_PER_SECOND * call.total_s}
    echo = {
        "prompt": _folded(body["prompt"]),
        "n_frames": body["n_frames"],
        "uploads": _uploads_of(body),
    }
    if body.get("kind") == "video":
        names = ("orientation", "model", "size")
        target = body.get("remix_target_id")
        remix: dict[str, Any] = {"is_remix": target is not None}
        if is_post(target):
            remix["remix"] = target
        return echo | remix | {name: body[name] for name in names} | {"style": body["style_id"]}
    return echo | {
        "orientation": _shape(body["width"], body["height"]),
        "operation": body["operation"],
        "n_variants": body["n_variants"],
        "kind": "image" if body["type"] == "image_gen" else "video",
    }


def seen_pending(task: Task) -> Seen:
    """Return a Sora 2 task of the pending list as a candidate."""
    config = task.creation_config or CreationConfig()
    echo = _config_echo(config, task.prompt) | _known(
        orientation=config.orientation or _shape(task.width, task.height),
        n_frames=config.n_frames or task.n_frames,
        model=_model(config.model or task.model),
        size=config.size or task.size,
        uploads=_echoed_uploads(task.inpaint_items, *_inpaints(config)),
    )
    return Seen(id=task.id, echo=echo, marker=marker_of(task.title), created_at=task.created_at)


def seen_draft(draft: Draft, task_id: str) -> Seen:
    """Return a finished Sora 2 task as a candidate."""
    config = draft.creation_config or CreationConfig()
    echo = _config_echo(config, draft.prompt) | _known(
        orientation=config.orientation or _shape(draft.width, draft.height),
        n_frames=config.n_frames,
        model=_model(config.model),
        size=config.size,
        uploads=_echoed_uploads(*_inpaints(config)),
    )
    return Seen(id=task_id, echo=echo, marker=marker_of(draft.title), created_at=draft.created_at)


def seen_recent(task: Task) -> Seen:
    """Return a first-generation task as a candidate."""
    kind = kind_of(task)
    echo = _known(
        prompt=_folded(task.prompt) if task.prompt else None,
        n_frames=(task.n_frames or None) if kind is MediaKind.VIDEO else 1,
        orientation=_shape(task.width, task.height),
        operation=task.operation,
        n_variants=task.n_variants,
        kind=kind.value if task.type or task.task_type else None,
        uploads=_echoed_uploads(task.inpaint_items),
    )
    return Seen(id=task.id, echo=echo, marker=marker_of(task.title), created_at=task.created_at)


def merged(tasks: Iterable[Seen]) -> list[Seen]:
    """Return one candidate per task: what several lists say of it together, the earliest creation."""
    whole: dict[str, Seen] = {}
    for task in tasks:
        other = whole.get(task.id)
        if other is None:
            whole[task.id] = task
            continue
        times = [moment for moment in (task.created_at, other.created_at) if moment is not None]
        whole[task.id] = Seen(
            id=task.id,
            echo={**other.echo, **task.echo},
            marker=other.marker or task.marker,
            created_at=min(times, default=None),
        )
    return list(whole.values())


def _config_echo(config: CreationConfig, prompt: str | None) -> dict[str, Any]:
    text = prompt or config.prompt
    echo: dict[str, Any] = {"prompt": _folded(text)} if text else {}
    if config.has_style:
        echo["style"] = config.style.id if config.style else None
    if config.says_remix:
        target = post_id(config.remix_target_post)
        echo["is_remix"] = bool(config.remix_target_post)
        if is_post(target):
            echo["remix"] = target
    return echo


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _folded(prompt: str) -> str:
    return " ".join(prompt.split())


def _shape(width: int | None, height: int | None) -> str | None:
    # Pixels of an answer are not those of the request (sections 5.1 and C10): only the shape is compared.
    if not width or not height:
        return None
    if abs(width - height) <= 0.05 * max(width, height):
        return "square"
    return "landscape" if width > height else "portrait"


def _model(name: str | None) -> str | None:
    # A dated alias stands for its model: sy_8_20251208.
    if name is None:
        return None
    return next(
        (model for model in ("sy_8", "sy_ore") if name == model or name.startswith(f"{model}_")), name
    )


def _inpaints(config: CreationConfig) -> tuple[Any, ...]:
    return config.inpaint_items, config.inpaint_image, config.reference_inpaint_items


def _echoed_uploads(*values: Any) -> frozenset[str] | None:
    """Return the ids of the pictures, None where nothing is said of pictures."""
    said = [value for value in values if value is not None]
    if not said:
        return None
    ids = frozenset(identifier for value in said for identifier in _ids(value))
    # Something is there, in words that are not understood: no echo.
    return ids if ids or all(value in ([], {}) for value in said) else None


def _uploads_of(body: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(_ids(body.get("inpaint_items")))


def _ids(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        for item in value:
            yield from _ids(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _UPLOAD_KEYS and isinstance(item, str):
                yield item
            elif isinstance(item, dict | list):
                yield from _ids(item)
