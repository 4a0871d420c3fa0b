"""The routes of Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.parameters import resolve
from sora_gateway.kit.ids import new_id
from sora_gateway.surfaces.anthropic.errors import RESPONSES, error_of
from sora_gateway.surfaces.anthropic.intake import Accepted, accept
from sora_gateway.surfaces.anthropic.messages import wire
from sora_gateway.surfaces.anthropic.messages.render import (
    Head,
    render_count,
    render_end,
    render_failure,
    render_message,
    render_ping,
    render_progress,
    render_start,
    render_text,
)
from sora_gateway.surfaces.anthropic.messages.translate import translate_messages
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.forms import read_form
from sora_gateway.web.links import MAIN_VARIANT, link_to
from sora_gateway.web.routes import STREAMED, DirectRoute, body, json_response
from sora_gateway.web.streaming import EventStream, watching
from sora_gateway.web.telling import stopping, tell_character, tell_failed, tell_result, tell_unfinished
from sora_gateway.web.waiting import wait_final

log = get_logger(__name__)

router = APIRouter(route_class=DirectRoute, tags=["messages"], responses=RESPONSES)


# The doubled paths are for those who gave Anthropic's SDK the base URL of OpenAI's.
@router.post("/v1/v1/messages", include_in_schema=False)
@router.post(
    "/v1/messages",
    summary="Make an image or a video in a conversation, in Anthropic's dialect",
    response_model=wire.MessageAnswer,
    openapi_extra={"requestBody": body(wire.REQUEST), "responses": STREAMED},
)
async def create(request: Request) -> Response:
    """Make what the last user message asks for, and say where it is."""
    caller = await authenticated(request, Permission.MESSAGES)
    async with read_form(request) as form:
        talk = translate_messages(form)
        accepted = await accept(request, caller, form, talk.draft)
    if talk.ignored:
        log.info("content blocks ignored", types=talk.ignored)
    head = _head(request, accepted)
    if talk.is_streamed:
        return EventStream(
            _stream(request, caller, head, accepted),
            beat_s=services_of(request).ping_s,
            beat=render_ping(),
            farewell=_farewell(request, accepted),
        )
    jobs = await wait_final(request, accepted.jobs, caller)
    return json_response(render_message(head, _answer(request, accepted, jobs)))


@router.post("/v1/v1/messages/count_tokens", include_in_schema=False)
@router.post(
    "/v1/messages/count_tokens",
    summary="Estimate the tokens of a message",
    response_model=wire.TokenCount,
    openapi_extra={"requestBody": body(wire.COUNT_REQUEST)},
)
async def count_tokens(request: Request) -> Response:
    """Count what ``create`` would count; what it would refuse cannot be counted. Pictures count nothing."""
    await authenticated(request, Permission.MESSAGES)
    async with read_form(request) as form:
        talk = translate_messages(form)
    resolve(talk.draft.fields, policy=services_of(request).policy)
    return json_response(render_count(talk.prompt))


def _head(request: Request, accepted: Accepted) -> Head:
    asked = accepted.resolved.request
    return Head(id=new_id("msg", services_of(request).now), model=asked.model, prompt=asked.prompt)


def _farewell(request: Request, accepted: Accepted) -> bytes:
    return render_failure(stopping(link_to(request, job) for job in accepted.jobs))


async def _stream(
    request: Request, caller: Caller, head: Head, accepted: Accepted
) -> AsyncGenerator[bytes, None]:
    generations, jobs = services_of(request).generations, accepted.jobs
    for event in render_start(head):
        yield event
    said, ended = "", []
    try:
        for position, job in enumerate(jobs, 1):
            last = ""
            async with watching(generations.watch(job.id, caller)) as events:
                async for watched in events:
                    job = watched.view.job
                    line = render_progress(watched.view, position, len(jobs))
                    if line and line != last:
                        yield render_text(line)
                        said, last = said + line, line
            ended.append(job)
        text = _answer(request, accepted, ended)
    except GatewayError as error:
        yield render_failure(error)
        return
    if text:
        text = f"\n{text}" if said else text  # a <video> tag must not continue a paragraph
        yield render_text(text)
    for event in render_end(said + text):
        yield event


def _answer(request: Request, accepted: Accepted, jobs: Sequence[Job]) -> str:
    """Return what is to be said of jobs that have ended or were waited for long enough.

    Raises:
        GatewayError: no result and none to come; the error of the first.
    """
    failed = [job.error for job in jobs if job.error is not None]
    if len(failed) == len(jobs):
        raise error_of(failed[0])
    texts = []
    for job in jobs:
        if job.error is not None:
            texts.append(tell_failed(job.error.message))
        elif job.status is not Status.COMPLETED:
            texts.append(tell_unfinished(job.kind, job.id, link_to(request, job)))
        else:
            texts += [tell_result(job.kind, link) for link in _links(request, accepted, job)]
            texts += [said] if (said := tell_character(job)) is not None else []
    return "\n\n".join(texts)


def _links(request: Request, accepted: Accepted, job: Job) -> list[str]:
    encoding, variant = accepted.resolved.output_format, MAIN_VARIANT[job.kind]
    results = [output for output in job.outputs if output.variant is variant]
    return [link_to(request, job, index=output.index, encoding=encoding) for output in results]
