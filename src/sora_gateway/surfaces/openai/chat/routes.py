"""The route of the Chat Completions API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind, Output
from sora_gateway.kit.ids import new_id
from sora_gateway.surfaces.openai.chat import wire
from sora_gateway.surfaces.openai.chat.render import (
    Answer,
    Head,
    render_completion,
    render_delta,
    render_end,
    render_failed,
    render_link,
    render_picture,
    render_progress,
    render_unfinished,
)
from sora_gateway.surfaces.openai.chat.translate import Talk, translate_chat
from sora_gateway.surfaces.openai.errors import RESPONSES, error_of, render_error
from sora_gateway.surfaces.openai.intake import Accepted, accept
from sora_gateway.surfaces.openai.results import base64_of, is_completed, results_of
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.forms import read_form
from sora_gateway.web.links import link_to
from sora_gateway.web.routes import DirectRoute, body, json_response
from sora_gateway.web.streaming import EventStream, encode_event, watching
from sora_gateway.web.waiting import wait_final

router = APIRouter(route_class=DirectRoute, tags=["chat"], responses=RESPONSES)


@router.post(
    "/v1/chat/completions",
    summary="Make an image or a video in a conversation",
    response_model=wire.ChatCompletion,
    openapi_extra={"requestBody": body(wire.REQUEST)},
)
async def complete(request: Request) -> Response:
    """Make what the last user message asks for, and say where it is."""
    caller = await authenticated(request, Permission.CHAT)
    async with read_form(request) as form:
        talk = translate_chat(form)
        accepted = await accept(request, caller, form, talk.draft)
    head = _head(request, talk, accepted)
    if talk.is_streamed:
        stream = _stream(request, caller, talk, head, accepted)
        return EventStream(stream, beat_s=services_of(request).ping_s, farewell=_farewell(request, accepted))
    jobs = await wait_final(request, accepted.jobs, caller)
    return json_response(
        render_completion(head, await _answer(request, talk, jobs, accepted.resolved.output_format))
    )


def _head(request: Request, talk: Talk, accepted: Accepted) -> Head:
    asked, now = accepted.resolved.request, services_of(request).now
    return Head(
        id=new_id("chatcmpl", now).replace("_", "-"),
        created=int(now()),
        model=asked.model,
        prompt=asked.prompt,
        has_usage=talk.has_usage,
    )


def _farewell(request: Request, accepted: Accepted) -> bytes:
    links = ", ".join(link_to(request, job) for job in accepted.jobs)
    message = f"The server is being restarted. The job goes on; once it is finished it opens at {links}"
    return encode_event(render_error(GatewayError(ErrorKind.INTERNAL, message, code="server_stopping")))


async def _stream(
    request: Request, caller: Caller, talk: Talk, head: Head, accepted: Accepted
) -> AsyncGenerator[bytes, None]:
    generations, jobs = services_of(request).generations, accepted.jobs
    yield render_delta(head, {"role": "assistant", "content": ""})
    ended = []
    try:
        for position, job in enumerate(jobs, 1):
            said = ""
            async with watching(generations.watch(job.id, caller)) as events:
                async for watched in events:
                    job = watched.view.job
                    line = render_progress(watched.view, position, len(jobs))
                    if line != said:
                        yield render_delta(head, {"reasoning_content": line})
                    said = line
            ended.append(job)
        answer = await _answer(request, talk, ended, accepted.resolved.output_format)
        for chunk in render_end(head, answer):
            yield chunk
    except GatewayError as error:
        yield encode_event(render_error(error))


async def _answer(request: Request, talk: Talk, jobs: Sequence[Job], encoding: str | None) -> Answer:
    """Return what is to be said of jobs that have ended or were waited for long enough.

    ``encoding`` is the format that pictures are wanted in, None: as they are.

    Raises:
        GatewayError: no result and none to come; the error of the first.
    """
    failed = [job.error for job in jobs if job.error is not None]
    if len(failed) == len(jobs):
        raise error_of(failed[0])
    texts, images = [], []
    for job in jobs:
        if job.error is not None:
            texts.append(render_failed(job.error.message))
        elif not is_completed(job):
            texts.append(render_unfinished(job.kind, job.id, link_to(request, job)))
        elif talk.wants_images and job.kind is MediaKind.IMAGE:
            images += [await _data_url(request, output, encoding) for output in results_of(job)]
        else:
            outputs = results_of(job)
            links = [link_to(request, job, index=output.index, encoding=encoding) for output in outputs]
            texts += [render_link(job.kind, link) for link in links]
    pictures = tuple(render_picture(url, index) for index, url in enumerate(images))
    return Answer(text="\n\n".join(texts), images=pictures)


async def _data_url(request: Request, output: Output, encoding: str | None) -> str:
    media_type = f"image/{encoding}" if encoding is not None else output.blob.media_type
    return f"data:{media_type};base64,{await base64_of(services_of(request), output, encoding)}"
