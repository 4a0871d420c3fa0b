"""The routes of the Responses API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.priorities import shown_service_tier
from sora_gateway.surfaces.openai.errors import RESPONSES, error_of, render_error
from sora_gateway.surfaces.openai.intake import accept
from sora_gateway.surfaces.openai.responses import wire
from sora_gateway.surfaces.openai.responses.render import (
    Head,
    numbered,
    render_begun_image,
    render_broken,
    render_end,
    render_generating,
    render_image,
    render_message,
    render_output,
    render_response,
    render_start,
    response_id,
    status_of,
)
from sora_gateway.surfaces.openai.responses.translate import (
    Asked,
    translate_create,
    translate_id,
    translate_watching,
    unknown,
)
from sora_gateway.surfaces.openai.results import embedded_of, encoding_of, is_completed, results_of
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.embedding import in_full, json_with_files
from sora_gateway.web.forms import read_form
from sora_gateway.web.links import link_to
from sora_gateway.web.routes import STREAMED, DirectRoute, body, json_response, parameters
from sora_gateway.web.streaming import EventStream, encode_event, watching
from sora_gateway.web.telling import stopping, tell_character, tell_failed, tell_result
from sora_gateway.web.waiting import wait_final

router = APIRouter(route_class=DirectRoute, tags=["responses"], responses=RESPONSES)

_ID = parameters(path={"response_id": "the response's id"})


@router.post(
    "/v1/responses",
    summary="Make an image or a video as a response",
    response_model=wire.ResponseObject,
    openapi_extra={"requestBody": body(wire.REQUEST), "responses": STREAMED},
)
async def create(request: Request) -> Response:
    """Make what the last user message asks for, and answer with it, or at once with ``background``."""
    caller = await authenticated(request, Permission.RESPONSES)
    async with read_form(request) as form:
        asked = translate_create(form)
        accepted = await accept(request, caller, form, asked.draft)
    jobs, encoding = accepted.jobs, accepted.resolved.output_format
    head = _head(jobs[0], encoding, asked)
    if asked.is_streamed:
        return _streamed(request, caller, head, jobs, encoding)
    if asked.is_background:
        return json_response(render_response(head, jobs, ()))
    ended = await wait_final(request, jobs, caller)
    _require_results(request, head, ended)
    return json_with_files(await _whole(request, head, ended, encoding))


@router.get(
    "/v1/responses/{response_id}",
    summary="Look at a response",
    response_model=wire.ResponseObject,
    openapi_extra={
        "parameters": [
            *_ID,
            *parameters(query={"stream": "true or false", "starting_after": "resume after this event"}),
        ],
        "responses": STREAMED,
    },
)
async def retrieve(request: Request) -> Response:
    """Show a response as it is now, or stream it from its beginning or the place where one was."""
    caller = await authenticated(request, Permission.RESPONSES)
    asked = translate_watching(request.query_params)
    head, jobs, encoding = await _find(request, caller)
    if asked.is_streamed:
        return _streamed(request, caller, head, jobs, encoding, after=asked.after)
    return json_with_files(await _whole(request, head, jobs, encoding))


@router.post(
    "/v1/responses/{response_id}/cancel",
    summary="Cancel a response",
    response_model=wire.ResponseObject,
    openapi_extra={"parameters": _ID},
)
async def cancel(request: Request) -> Response:
    """Cancel what is not finished of a response; one that has ended is shown unchanged."""
    caller = await authenticated(request, Permission.RESPONSES)
    head, jobs, encoding = await _find(request, caller)
    generations = services_of(request).generations
    after = [(await generations.cancel(job.id, caller)).job for job in jobs]
    return json_with_files(await _whole(request, head, after, encoding))


def _head(job: Job, encoding: str | None, asked: Asked | None = None) -> Head:
    head = Head(
        id=response_id(job, encoding),
        created_at=job.created_at,
        model=job.request.model,
        prompt=job.request.prompt,
        service_tier=shown_service_tier(job.priority),
    )
    if asked is None:
        return head
    return replace(
        head,
        is_background=asked.is_background,
        tools=asked.tools,
        instructions=asked.instructions,
        metadata=asked.metadata,
        previous_response_id=asked.previous_response_id,
    )


async def _find(request: Request, caller: Caller) -> tuple[Head, tuple[Job, ...], str | None]:
    """Return a response of the caller's: its head, its jobs and the format of its pictures.

    Raises:
        GatewayError(not_found): there is none, or a job of it was deleted.
        GatewayError(expired): its results were kept long enough.
    """
    id_, services = request.path_params["response_id"], services_of(request)
    named = translate_id(id_)
    first = await _job(request, caller, named.job_ids)
    others = [await _job(request, caller, (job_id,)) for job_id in first.variants if job_id != first.id]
    jobs = (first, *others)
    if any(job.expires_at is not None and job.expires_at <= services.now() for job in jobs):
        message = f"The results of the response '{id_}' were kept long enough and are gone."
        raise GatewayError(ErrorKind.EXPIRED, message, param="response_id")
    return _head(first, named.encoding), jobs, named.encoding


async def _job(request: Request, caller: Caller, job_ids: Sequence[str]) -> Job:
    for job_id in job_ids:
        try:
            return (await services_of(request).generations.get(job_id, caller)).job
        except GatewayError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    raise unknown(request.path_params["response_id"])


def _require_results(request: Request, head: Head, jobs: Sequence[Job]) -> None:
    """Pass if there is something to answer with, now and in one answer.

    Raises:
        GatewayError(still_running): not yet.
        GatewayError: no result and none to come; the error of the first.
    """
    unfinished = next((job for job in jobs if not job.is_final), None)
    if unfinished is not None:
        raise GatewayError(
            ErrorKind.STILL_RUNNING,
            f"The {unfinished.kind.value} is still being made, as job '{unfinished.id}'. Ask for the "
            f"response '{head.id}' later; once it is finished it opens at {link_to(request, unfinished)}",
        )
    failed = [job.error for job in jobs if job.error is not None]
    if len(failed) == len(jobs):
        raise error_of(failed[0])


async def _whole(
    request: Request, head: Head, jobs: Sequence[Job], encoding: str | None
) -> wire.ResponseObject:
    return render_response(head, jobs, await _output(request, jobs, encoding))


async def _output(request: Request, jobs: Sequence[Job], encoding: str | None) -> list[wire.OutputItem]:
    """Return the items of a response that has something to show, in order; else none."""
    if status_of(jobs) != "completed":
        return []
    items: list[wire.OutputItem] = []
    for job in jobs:
        if job.error is not None:
            items.append(render_message(job, tell_failed(job.error.message)))
        elif job.kind is MediaKind.IMAGE:
            items += await _images(request, job, encoding)
        elif is_completed(job):
            links = [link_to(request, job, index=output.index) for output in results_of(job)]
            texts = [tell_result(job.kind, link) for link in links]
            texts += [said] if (said := tell_character(job)) is not None else []
            items.append(render_message(job, "\n\n".join(texts)))
    return items


async def _images(request: Request, job: Job, encoding: str | None) -> list[wire.ImageCall]:
    services = services_of(request)
    return [
        render_image(
            job,
            position,
            result=await embedded_of(services, output, encoding),
            encoding=encoding_of(output, encoding),
        )
        for position, output in enumerate(results_of(job))
    ]


def _streamed(
    request: Request,
    caller: Caller,
    head: Head,
    jobs: Sequence[Job],
    encoding: str | None,
    *,
    after: int = -1,
) -> Response:
    # The response has not failed when the server ends, so no event of it says so: an error without a number.
    goodbye = encode_event(render_error(stopping(link_to(request, job) for job in jobs)))
    events = numbered(_events(request, caller, head, jobs, encoding), after)
    return EventStream(events, beat_s=services_of(request).ping_s, farewell=goodbye)


async def _events(
    request: Request, caller: Caller, head: Head, jobs: Sequence[Job], encoding: str | None
) -> AsyncGenerator[wire.Event, None]:
    """Yield what happens to a response: whoever asks again later sees the same events in the same order."""
    for event in render_start(head):
        yield event
    begun = render_image(jobs[0], 0) if jobs[0].kind is MediaKind.IMAGE else None
    if begun is not None:
        for event in render_begun_image(begun, 0):
            yield event
    ended = []
    try:
        for job in jobs:
            async with watching(services_of(request).generations.watch(job.id, caller)) as sights:
                async for watched in sights:
                    job = watched.view.job
                    if begun is not None and job.status is not Status.QUEUED:
                        yield render_generating(begun, 0)
                        begun = None
            ended.append(job)
        output = await in_full(await _output(request, ended, encoding))
        for event in render_output(ended[0], output):
            yield event
        yield render_end(render_response(head, ended, output))
    except GatewayError as error:
        yield render_broken(head, error)
