"""The route of the Chat Completions API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind, Output
from sora_gateway.domain.priorities import shown_service_tier
from sora_gateway.domain.text_models import Wording
from sora_gateway.kit.ids import new_id
from sora_gateway.surfaces.openai.chat import wire
from sora_gateway.surfaces.openai.chat.parts import PARAM
from sora_gateway.surfaces.openai.chat.progress import told, wait_told
from sora_gateway.surfaces.openai.chat.render import (
    Answer,
    Head,
    render_completion,
    render_delta,
    render_end,
    render_picture,
    render_start,
)
from sora_gateway.surfaces.openai.chat.translate import Shape, Talk, translate_chat, translate_shape
from sora_gateway.surfaces.openai.errors import RESPONSES, error_of, render_error
from sora_gateway.surfaces.openai.intake import Accepted, Draft, accept
from sora_gateway.surfaces.openai.references import Reference
from sora_gateway.surfaces.openai.results import base64_of, is_completed, results_of
from sora_gateway.web.conversation import taken_up
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.draining import turned_away
from sora_gateway.web.forms import read_form
from sora_gateway.web.links import link_to
from sora_gateway.web.routes import STREAMED, DirectRoute, body, json_response
from sora_gateway.web.streaming import EventStream, encode_event, watching
from sora_gateway.web.telling import stopping, tell_character, tell_failed, tell_result, tell_unfinished
from sora_gateway.web.waiting import StoppingError, wait_final, while_connected

router = APIRouter(route_class=DirectRoute, tags=["chat"], responses=RESPONSES)


@router.post(
    "/v1/chat/completions",
    summary="Make an image or a video in a conversation, or word a prompt",
    response_model=wire.ChatCompletion,
    openapi_extra={"requestBody": body(wire.REQUEST), "responses": STREAMED},
)
async def complete(request: Request) -> Response:
    """Make what the last user message asks for, and say where it is; or answer with a better prompt."""
    caller = await authenticated(request, Permission.CHAT)
    async with read_form(request) as form:
        shape, asked = translate_shape(form), translate_chat(form)
        if isinstance(asked, Wording):
            return await _word(request, caller, shape, asked)
        try:
            accepted = await accept(request, caller, form, await _taken_up(request, caller, asked))
        except GatewayError as error:
            raise asked.in_their_words(error) from error
    head = replace(
        _head(request, shape, accepted.resolved.request.model, accepted.resolved.request.prompt),
        service_tier=shown_service_tier(accepted.jobs[0].priority),
    )
    if shape.is_streamed:
        stream = _stream(request, caller, shape, head, accepted)
        return EventStream(stream, beat_s=services_of(request).ping_s, farewell=_farewell(request, accepted))
    if shape.tells_progress:
        jobs, reasoning = await wait_told(request, accepted.jobs, caller)
    else:
        jobs, reasoning = await wait_final(request, accepted.jobs, caller), ""
    answer = await _answer(request, shape, jobs, accepted.resolved.output_format)
    return json_response(render_completion(head, replace(answer, reasoning=reasoning)))


async def _taken_up(request: Request, caller: Caller, talk: Talk) -> Draft:
    """Return the draft with what was made earlier in the conversation, if it is about that."""
    draft = talk.draft
    made = await taken_up(services_of(request), caller, talk.said, draft.fields, param=PARAM)
    pictures = (Reference(param=PARAM, source=made.picture),) if made.picture is not None else ()
    return replace(draft, references=(*draft.references, *pictures), start=draft.start or made.start)


async def _word(request: Request, caller: Caller, shape: Shape, wording: Wording) -> Response:
    """Answer with a better prompt. It takes seconds, so even a stream begins when it is there."""
    enhancer, model, text = services_of(request).enhancer, wording.model, ""

    async def work() -> None:
        nonlocal text
        text = await enhancer.enhance(
            wording.prompt,
            level=model.level,
            duration_s=model.duration_s,
            groups=model.groups,
            caller=caller,
        )

    try:
        await while_connected(request, work)
    except StoppingError:
        raise turned_away() from None
    head, answer = _head(request, shape, model.id, wording.prompt), Answer(text=text)
    if not shape.is_streamed:
        return json_response(render_completion(head, answer))
    return EventStream(_chunks(render_start(head), *render_end(head, answer)))


async def _chunks(*chunks: bytes) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        yield chunk


def _head(request: Request, shape: Shape, model: str, prompt: str) -> Head:
    now = services_of(request).now
    return Head(
        id=new_id("chatcmpl", now).replace("_", "-"),
        created=int(now()),
        model=model,
        prompt=prompt,
        has_usage=shape.has_usage,
    )


def _farewell(request: Request, accepted: Accepted) -> bytes:
    return encode_event(render_error(stopping(link_to(request, job) for job in accepted.jobs)))


async def _stream(
    request: Request, caller: Caller, shape: Shape, head: Head, accepted: Accepted
) -> AsyncGenerator[bytes, None]:
    yield render_start(head)
    ended = {job.id: job for job in accepted.jobs}
    try:
        async with watching(told(services_of(request).generations, accepted.jobs, caller)) as sights:
            async for job, line in sights:
                ended[job.id] = job
                if line and not shape.hides_progress:
                    yield render_delta(head, {"reasoning_content": line})
        answer = await _answer(request, shape, list(ended.values()), accepted.resolved.output_format)
        for chunk in render_end(head, answer):
            yield chunk
    except GatewayError as error:
        yield encode_event(render_error(error))


async def _answer(request: Request, shape: Shape, jobs: Sequence[Job], encoding: str | None) -> Answer:
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
            texts.append(tell_failed(job.error.message))
        elif not is_completed(job):
            texts.append(tell_unfinished(job.kind, job.id, link_to(request, job)))
        elif shape.wants_images and job.kind is MediaKind.IMAGE:
            images += [await _data_url(request, output, encoding) for output in results_of(job)]
        else:
            outputs = results_of(job)
            links = [link_to(request, job, index=output.index, encoding=encoding) for output in outputs]
            texts += [tell_result(job.kind, link) for link in links]
            texts += [said] if (said := tell_character(job)) is not None else []
    pictures = tuple(render_picture(url, index) for index, url in enumerate(images))
    return Answer(text="\n\n".join(texts), images=pictures)


async def _data_url(request: Request, output: Output, encoding: str | None) -> str:
    media_type = f"image/{encoding}" if encoding is not None else output.blob.media_type
    return f"data:{media_type};base64,{await base64_of(services_of(request), output, encoding)}"
