"""Read the answers of the Sora web backend: tolerant of everything but the few fields that decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BeforeValidator, ValidationError, model_validator
from pydantic_core import from_json

from sora_gateway.upstreams.sora_web.fields import (
    Flag,
    Id,
    IdOrNone,
    Integer,
    Moment,
    Number,
    Text,
    as_object,
    as_objects,
    identifier,
    is_deeper,
    number,
    text,
    with_id,
)
from sora_gateway.upstreams.sora_web.wire_parts import Encodings, Late, Moderation, reader
from sora_gateway.upstreams.sora_web.wire_parts import Generation as Generation
from sora_gateway.upstreams.sora_web.wire_parts import Wire as Wire

_MAX_DEPTH = 200
"""What ``from_json`` stops at too."""


class UnreadableError(ValueError):
    """The answer has a shape that nothing of the protocol document describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Tell whether the status says that the call was done."""
        return 200 <= self.status < 300

    @property
    def is_page(self) -> bool:
        """Tell whether it is a page for people, as an edge layer sends one."""
        if "html" in self.headers.get("content-type", ""):
            return True
        return self.body[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            UnreadableError: it is something else, or nested deeper than anything that has a meaning.
        """
        # Lists of hundreds of tasks are read every second: 0.2 ms for 100 tasks, the longer way takes 0.75.
        try:
            return from_json(self.body, cache_strings="keys")
        except ValueError:
            pass  # half a character or another encoding is still JSON
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise UnreadableError("the answer is not JSON") from error
        if is_deeper(value, _MAX_DEPTH):
            raise UnreadableError("the answer is nested too deep")
        return value


# --- tasks ----------------------------------------------------------------------------------------------


class Style(Wire):
    """A style. Source: Sora web protocol, section 7.1. Example: ``{"id": "news", "display_name": "News"}``"""

    id: Text = None


class CreationConfig(Wire):
    """What a Sora 2 task was asked for, as far as the lists say it.

    Source: Sora web protocol, sections 7.1 and 7.3. Example:
    ``{"prompt": "a boat", "orientation": "landscape", "n_frames": 300, "style": {"id": "news"},
    "inpaint_image": null, "reference_inpaint_items": null}``
    """

    prompt: Text = None
    orientation: Text = None
    n_frames: Integer = None
    model: Text = None
    size: Text = None
    style: Annotated[Style | None, BeforeValidator(as_object)] = None
    inpaint_items: Any = None
    inpaint_image: Any = None
    reference_inpaint_items: Any = None
    remix_target_post: Any = None

    @property
    def has_style(self) -> bool:
        """Tell whether the style is said at all; then None means: without a style."""
        return "style" in self.model_fields_set

    @property
    def says_remix(self) -> bool:
        """Tell whether it is said what was remixed; then None means: nothing."""
        return "remix_target_post" in self.model_fields_set


def post_id(value: Any) -> str | None:
    """Return the id of a post: given as such, as ``{"id": …}``, or wrapped as ``{"post": {"id": …}}``."""
    if isinstance(value, dict):
        return post_id(value["post"]) if "post" in value else text(value.get("id"))
    return text(value)


@dataclass(frozen=True, slots=True)
class Task:
    """A task of either generation, as the lists show it. Only ``id`` is required.

    Of the hundred tasks of a list, looked at every second, three fields are wanted: all others are read when
    somebody asks for them, which takes a fifth of the time.

    Source: Sora web protocol, sections 5.3, 7.1 and 7.2. Example:
    ``{"id": "task_01kq3z", "status": "running", "progress_pct": 0.42, "prompt": "a boat", "title": null,
    "failure_reason": null, "generations": [], "creation_config": {"orientation": "landscape"}}``
    """

    id: str
    row: Mapping[str, Any]

    type = Late(text)
    task_type = Late(text)
    status = Late(text)
    progress_pct = Late(number)
    failure_reason = Late(text)
    error_message = Late(text)
    prompt = Late(text)
    title = Late(text)
    created_at = Late[float | None](reader(Moment))
    operation = Late(text)
    model = Late(text)
    size = Late(text)
    n_variants = Late[int | None](reader(Integer))
    n_frames = Late[int | None](reader(Integer))
    width = Late[int | None](reader(Integer))
    height = Late[int | None](reader(Integer))
    inpaint_items = Late[Any](reader(Any))
    num_unsafe_generations = Late[int | None](reader(Integer))
    moderation_result = Late[Moderation | None](
        reader(Annotated[Moderation | None, BeforeValidator(as_object)])
    )
    generations = Late[list[Generation]](reader(Annotated[list[Generation], BeforeValidator(as_objects)]))
    creation_config = Late[CreationConfig | None](
        reader(Annotated[CreationConfig | None, BeforeValidator(as_object)])
    )

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """Return the task that ``value`` is.

        Raises:
            ValueError: it is no object with an id.
        """
        row = value if isinstance(value, dict) else {}
        name = identifier(row.get("id")) or identifier(row.get("task_id"))
        if name is None:
            raise ValueError("a task needs an id")
        return cls(name, row)


class DownloadUrls(Wire):
    """The links of a draft by watermark.

    Source: Sora web protocol, section 8.3. Example: ``{"watermark": "https://…", "no_watermark": null}``
    """

    watermark: Text = None
    no_watermark: Text = None


class Draft(Wire):
    """A finished Sora 2 result, good or bad. One without ``task_id`` belongs to no task of ours.

    Source: Sora web protocol, section 7.3. Examples:
    ``{"id": "gen_01kq40", "task_id": "task_01kq3z", "kind": "sora_draft", "created_at": 1774606312.4,
    "url": "https://…", "downloadable_url": "https://…", "download_urls": {"no_watermark": null},
    "width": 640, "height": 352, "duration_s": 10.1}`` and
    ``{"id": "gen_01kq41", "task_id": "task_01kq3y", "kind": "sora_content_violation", "url": null,
    "reason_str": "This content may violate our guardrails."}``
    """

    id: Id
    generation_id: Text = None
    task_id: IdOrNone = None
    kind: Text = None
    created_at: Moment = None
    prompt: Text = None
    title: Text = None
    width: Integer = None
    height: Integer = None
    duration_s: Number = None
    url: Text = None
    downloadable_url: Text = None
    download_urls: Annotated[DownloadUrls | None, BeforeValidator(as_object)] = None
    encodings: Annotated[Encodings | None, BeforeValidator(as_object)] = None
    output_blocked: Flag = False
    reason_str: Text = None
    markdown_reason_str: Text = None
    violation_reason: Text = None
    failure_reason: Text = None
    error_reason: Text = None
    reason: Text = None
    error_message: Text = None
    message: Text = None
    creation_config: Annotated[CreationConfig | None, BeforeValidator(as_object)] = None
    post: Any = None
    can_remix: Any = None
    can_extend: Any = None

    @model_validator(mode="before")
    @classmethod
    def _either_id(cls, value: Any) -> Any:
        return with_id(value, "id", "generation_id")

    @property
    def post_id(self) -> str | None:
        """The post that shows it, if there is one."""
        return post_id(self.post)

    @property
    def refusal(self) -> str | None:
        """The first text that says why there is no file, in the reading order of section 7.3."""
        texts = (
            self.reason_str,
            self.markdown_reason_str,
            self.violation_reason,
            self.failure_reason,
            self.error_reason,
            self.reason,
            self.error_message,
            self.message,
        )
        return next((text for text in texts if text), None)


# --- lists ----------------------------------------------------------------------------------------------

Row = TypeVar("Row", bound=Task | Draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """A piece of a list. ``is_whole``: all its entries could be read. ``onward`` leads to the next piece."""

    rows: tuple[Row, ...]
    is_whole: bool
    onward: str | None = None


def pending_page(value: Any) -> Page[Task]:
    """Return the unfinished Sora 2 tasks.

    Source: Sora web protocol, section 7.1: a bare array, ``{"items": […]}`` tolerated. Example:
    ``[{"id": "task_01kq3z", "status": "queued", "progress_pct": null}]``

    Raises:
        UnreadableError: it is no list.
    """
    rows = value if isinstance(value, list) else _listed(value, "items", "tasks", "task_responses")
    return _page(Task.model_validate, rows, None)


def recent_page(value: Any) -> Page[Task]:
    """Return first-generation tasks, newest first; ``onward`` is the id to go on before.

    Source: Sora web protocol, section 5.4. Example:
    ``{"task_responses": [{"id": "task_01kq3v"}], "last_id": "task_01kq3v", "has_more": false}``

    Raises:
        UnreadableError: it holds no list.
    """
    rows = value if isinstance(value, list) else _listed(value, "task_responses", "tasks", "items", "data")
    # A very old feed wraps each task: {"ordering_key": …, "payload": {task}}.
    rows = [row["payload"] if isinstance(row, dict) and "payload" in row else row for row in rows]
    has_more = isinstance(value, dict) and value.get("has_more") is True
    page = _page(Task.model_validate, rows, None)
    if not has_more or not page.rows:
        return page
    return Page(rows=page.rows, is_whole=page.is_whole, onward=text(value.get("last_id")) or page.rows[-1].id)


def drafts_page(value: Any) -> Page[Draft]:
    """Return finished Sora 2 results, newest first; ``onward`` is the cursor.

    Source: Sora web protocol, section 7.3. Example: ``{"items": [{"id": "gen_01kq40"}], "cursor": "eyJr"}``

    Raises:
        UnreadableError: it holds no list.
    """
    rows = value if isinstance(value, list) else _listed(value, "items", "drafts")
    return _page(Draft.model_validate, rows, text(value.get("cursor")) if isinstance(value, dict) else None)


def _listed(value: Any, *keys: str) -> list[Any]:
    if isinstance(value, dict):
        for key in keys:
            if isinstance(value.get(key), list):
                rows: list[Any] = value[key]
                return rows
    raise UnreadableError("the answer holds no list")


def _page(validate: Callable[[Any], Row], rows: list[Any], onward: str | None) -> Page[Row]:
    read: list[Row] = []
    for row in rows:
        try:
            read.append(validate(row))
        except ValueError:
            continue
    return Page(rows=tuple(read), is_whole=len(read) == len(rows), onward=onward)


# --- answers to calls -----------------------------------------------------------------------------------


class BalanceObject(Wire):
    """The video quota as many answers carry it.

    Source: Sora web protocol, section 3.3. Example:
    ``{"estimated_num_videos_remaining": 22, "estimated_num_purchased_videos_remaining": 0,
    "credit_remaining": 0, "rate_limit_reached": false, "access_resets_in_seconds": 51207}``
    """

    estimated_num_videos_remaining: Number = None
    estimated_num_purchased_videos_remaining: Number = None
    rate_limit_reached: Flag = False
    access_resets_in_seconds: Number = None


class Carrier(Wire):
    """Any answer that may carry the quota. Source: Sora web protocol, sections 3.3, 6.3 and 11.3.

    Example: ``{"rate_limit_and_credit_balance": {"estimated_num_videos_remaining": 22}}``
    """

    rate_limit_and_credit_balance: Annotated[BalanceObject | None, BeforeValidator(as_object)] = None


class Created(Carrier):
    """The answer to a creation.

    Source: Sora web protocol, sections 5.1 and 6.3. Example:
    ``{"id": "task_01kq3z0s7hf1t8m4x5d2j9bwnc", "status": "preprocessing", "priority": 1}``
    """

    id: Id

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: Any) -> Any:
        # One client met a list that held one task.
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return with_id(value, "id", "task_id")


class Received(Wire):
    """What any upload may say of its file: whether it will be refused later on.

    Source: Sora web protocol, section 4.2. Example:
    ``{"contains_realistic_person": false, "user_error_message": null}``
    """

    contains_realistic_person: Flag = False
    user_error_message: Text = None


class Uploaded(Received):
    """The answer to an upload.

    Source: Sora web protocol, sections 4.1, 4.3 and 9.2. Example:
    ``{"id": "media_01kq3txxg1e7ybr94d8mzs5p6c", "type": "image", "width": 1024, "height": 1024}``
    """

    id: Id


class ErrorObject(Wire):
    """The inside of an error. Source: Sora web protocol, section 0.5. Example: ``{"code": "heavy_load"}``"""

    message: Text = None
    type: Text = None
    param: Text = None
    code: Text = None


def _error(value: Any) -> Any:
    if isinstance(value, str):
        # Plain OAuth has a code here, other layers a sentence.
        return {"message": value} if " " in value else {"code": value}
    return value if isinstance(value, dict) else None


class Problem(Carrier):
    """What an unsuccessful answer says.

    Source: Sora web protocol, sections 0.5 and 11.3. Examples:
    ``{"error": {"message": "…", "type": "invalid_request_error", "param": null, "code": "heavy_load"}}``,
    ``{"type": "rate_limit_exhausted", "rate_limit_and_credit_balance": {"rate_limit_reached": true}}``
    """

    error: Annotated[ErrorObject | None, BeforeValidator(_error)] = None
    type: Text = None
    code: Text = None
    message: Text = None
    detail: Text = None
    error_description: Text = None

    @property
    def error_code(self) -> str:
        """The code in lower case, or an empty text."""
        return ((self.error.code if self.error else None) or self.code or "").lower()

    @property
    def text(self) -> str:
        """The message, or an empty text."""
        return (
            (self.error.message if self.error else None)
            or self.message
            or self.detail
            or self.error_description
            or ""
        )


def problem(answer: Answer) -> Problem:
    """Return what ``answer`` says went wrong; an answer that is not understood says nothing."""
    try:
        value = answer.json()
        return Problem.model_validate(value if isinstance(value, dict) else {})
    except (UnreadableError, ValidationError):
        return Problem()
