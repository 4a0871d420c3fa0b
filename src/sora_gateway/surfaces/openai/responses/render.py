"""Show jobs as a response: whole, and event by event."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

from sora_gateway.domain import jobs as domain
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.surfaces.openai.errors import code_of
from sora_gateway.surfaces.openai.responses.wire import (
    Event,
    ImageCall,
    ImageEvent,
    OutputItem,
    OutputMessage,
    OutputText,
    ResponseCode,
    ResponseError,
    ResponseObject,
    Status,
    TextEvent,
    Usage,
)
from sora_gateway.web.streaming import encode_event
from sora_gateway.web.usage import text_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a response says of itself, whatever became of it."""

    id: str
    created_at: float
    model: str
    prompt: str
    service_tier: str = "default"
    is_background: bool = False
    tools: Sequence[Mapping[str, Any]] = ()
    instructions: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    previous_response_id: str | None = None


def response_id(job: Job, encoding: str | None) -> str:
    """Return the id of the response whose first job is ``job``, with the format its pictures are wanted in.

    It carries all that is needed to show the response again, see ``translate_id``.
    """
    return f"resp_{_tail(job)}{encoding or ''}"


def _tail(job: Job) -> str:
    return job.id.partition("_")[2]


def status_of(jobs: Sequence[Job]) -> Status:
    """Return the state of a response: completed if anything was made, failed or cancelled if nothing was."""
    if any(not job.is_final for job in jobs):
        is_queued = all(job.status is domain.Status.QUEUED for job in jobs)
        return "queued" if is_queued else "in_progress"
    if any(job.error is None for job in jobs):
        return "completed"
    is_cancelled = all(job.status is domain.Status.CANCELLED for job in jobs)
    return "cancelled" if is_cancelled else "failed"


def error_of(jobs: Sequence[Job]) -> ResponseError | None:
    """Return why a response has failed, None if it has not."""
    if status_of(jobs) != "failed":
        return None
    first = next(job.error for job in jobs if job.error is not None and job.status is domain.Status.FAILED)
    return _error(first.kind, first.code, first.message)


def _error(kind: ErrorKind, code: str | None, message: str) -> ResponseError:
    return {"code": _CODES.get(kind, "server_error"), "message": message, "type": code_of(kind, code)}


_CODES: Mapping[ErrorKind, ResponseCode] = {
    ErrorKind.CONTENT_REFUSED: "image_content_policy_violation",
    ErrorKind.INVALID_REQUEST: "invalid_prompt",
    ErrorKind.INVALID_MODEL: "invalid_prompt",
    ErrorKind.MODEL_NOT_FOUND: "invalid_prompt",
    ErrorKind.UNSUPPORTED: "invalid_prompt",
    ErrorKind.RATE_LIMITED: "rate_limit_exceeded",
    ErrorKind.INSUFFICIENT_QUOTA: "rate_limit_exceeded",
    ErrorKind.ACCOUNT_EXHAUSTED: "rate_limit_exceeded",
    ErrorKind.ACCOUNT_RATE_LIMITED: "rate_limit_exceeded",
}


def render_image(
    job: Job, index: int, *, result: str | None = None, encoding: str | None = None
) -> ImageCall:
    """Return a picture, or without a ``result`` the call that makes it."""
    item: ImageCall = {
        "id": f"ig_{_tail(job)}_{index}",
        "type": "image_generation_call",
        "status": "in_progress" if result is None else "completed",
        "result": result,
    }
    if result is None:
        return item
    item["revised_prompt"] = None
    item["size"] = job.request.size
    if encoding is not None:
        item["output_format"] = encoding
    return item


def render_message(job: Job, text: str) -> OutputMessage:
    """Return what is said of a job."""
    return {**_begun_message(f"msg_{_tail(job)}"), "status": "completed", "content": [_part(text)]}


def _begun_message(item_id: str) -> OutputMessage:
    return {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}


def _part(text: str) -> OutputText:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def render_response(head: Head, jobs: Sequence[Job], output: Sequence[OutputItem]) -> ResponseObject:
    """Return the response as its jobs are."""
    status = status_of(jobs)
    response = _response(head, status)
    response["error"] = error_of(jobs)
    if status == "completed":
        response["completed_at"] = int(max(job.completed_at or 0 for job in jobs))
        response["output"] = list(output)
        response["usage"] = render_usage(head.prompt, output)
    return response


def _response(head: Head, status: Status) -> ResponseObject:
    return {
        "id": head.id,
        "object": "response",
        "created_at": int(head.created_at),
        "completed_at": None,
        "status": status,
        "background": head.is_background,
        "error": None,
        "incomplete_details": None,
        "instructions": head.instructions,
        "metadata": dict(head.metadata),
        "model": head.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": head.previous_response_id,
        "service_tier": head.service_tier,
        "tool_choice": "auto",
        "tools": [dict(tool) for tool in head.tools],
        "usage": None,
    }


def render_usage(prompt: str, output: Sequence[OutputItem]) -> Usage:
    """Return estimates; pictures are not counted in tokens."""
    asked = text_tokens(prompt)
    said = sum(
        text_tokens(part["text"]) for item in output if item["type"] == "message" for part in item["content"]
    )
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + said,
    }


def render_start(head: Head) -> Iterator[Event]:
    """Yield the events that begin every stream."""
    begun = _response(head, "in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}


def render_begun_image(item: ImageCall, index: int) -> Iterator[Event]:
    """Yield the events that begin a picture."""
    yield {"type": "response.output_item.added", "output_index": index, "item": item}
    yield _image_event("in_progress", item, index)


def render_generating(item: ImageCall, index: int) -> Event:
    """Return the event of a picture that is being made."""
    return _image_event("generating", item, index)


def render_made_image(item: ImageCall, index: int) -> Iterator[Event]:
    """Yield the events that end a picture."""
    yield _image_event("completed", item, index)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _image_event(
    state: Literal["in_progress", "generating", "completed"], item: ImageCall, index: int
) -> Event:
    name: Any = f"response.image_generation_call.{state}"
    event: ImageEvent = {"type": name, "output_index": index, "item_id": item["id"]}
    return event


def render_output(job: Job, output: Sequence[OutputItem]) -> Iterator[Event]:
    """Yield the events of a finished output whose first picture, if it has one, was begun by ``job``."""
    for index, item in enumerate(output):
        if item["type"] == "message":
            yield from render_said(item, index)
            continue
        if index > 0:
            begun = render_image(job, index)
            yield from render_begun_image(begun, index)
            yield render_generating(begun, index)
        yield from render_made_image(item, index)


def render_said(item: OutputMessage, index: int) -> Iterator[Event]:
    """Yield all events of a message."""
    item_id, part = item["id"], item["content"][0]
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun_message(item_id)}
    yield {
        "type": "response.content_part.added",
        "item_id": item_id,
        "output_index": index,
        "content_index": 0,
        "part": _part(""),
    }
    yield {**_text_event("response.output_text.delta", item_id, index), "delta": part["text"]}
    yield {**_text_event("response.output_text.done", item_id, index), "text": part["text"]}
    yield {
        "type": "response.content_part.done",
        "item_id": item_id,
        "output_index": index,
        "content_index": 0,
        "part": part,
    }
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _text_event(
    name: Literal["response.output_text.delta", "response.output_text.done"], item_id: str, index: int
) -> TextEvent:
    return {"type": name, "item_id": item_id, "output_index": index, "content_index": 0, "logprobs": []}


def render_end(response: ResponseObject) -> Event:
    """Return the event that ends a stream: ``response.failed`` with an error unless something was made."""
    if response["status"] == "completed":
        return {"type": "response.completed", "response": response}
    cancelled = _error(ErrorKind.CANCELLED, None, "The response was cancelled.")
    return {"type": "response.failed", "response": {**response, "error": response["error"] or cancelled}}


def render_broken(head: Head, error: GatewayError) -> Event:
    """Return the event that ends a stream which the gateway cannot carry on."""
    response = _response(head, "failed")
    response["error"] = _error(error.kind, error.code, error.message)
    return {"type": "response.failed", "response": response}


async def numbered(events: AsyncGenerator[Event, None], after: int = -1) -> AsyncGenerator[bytes, None]:
    """Yield ``events`` as they are sent, numbered from 0; those up to ``after`` are left out."""
    number = 0
    async with aclosing(events):
        async for event in events:
            if number > after:
                yield encode_event({**event, "sequence_number": number}, event=event["type"])
            number += 1
