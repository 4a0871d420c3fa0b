"""The routes of content generation and prediction: the answer waits for the job."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import parse_model_name
from sora_gateway.kit.ids import new_id
from sora_gateway.surfaces.gemini.errors import RESPONSES, error_of, render_error
from sora_gateway.surfaces.gemini.generate_content import wire
from sora_gateway.surfaces.gemini.generate_content.render import (
    Head,
    as_array,
    as_events,
    error_element,
    error_event,
    render_content,
    render_count,
    render_failed,
    render_picture,
    render_piece,
    render_predictions,
    render_progress,
    render_video,
)
from sora_gateway.surfaces.gemini.generate_content.translate import (
    is_sse,
    translate_content,
    translate_counting,
    translate_prediction,
)
from sora_gateway.surfaces.gemini.intake import Accepted, accept
from sora_gateway.surfaces.gemini.names import CLOUD, VERSIONS, file_uri
from sora_gateway.surfaces.gemini.results import embedded_of, media_type_of, results_of, still_running
from sora_gateway.surfaces.gemini.streaming import ContentStream
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.embedding import in_full, json_with_files
from sora_gateway.web.forms import read_form
from sora_gateway.web.links import link_to
from sora_gateway.web.routes import DirectRoute, Endpoint, body, json_response, parameters
from sora_gateway.web.streaming import watching
from sora_gateway.web.telling import stopping, tell_character
from sora_gateway.web.waiting import wait_final


async def generate(request: Request) -> Response:
    """Make what the last turn of the user asks for, and answer with it."""
    caller, accepted = await _accepted(request)
    jobs = await wait_final(request, accepted.jobs, caller)
    unfinished = next((job for job in jobs if not job.is_final), None)
    if unfinished is not None:
        raise still_running(request, unfinished)
    return json_with_files(render_content(_head(request, accepted), await _parts(request, accepted, jobs)))


async def stream(request: Request) -> Response:
    """The same, with thoughts about the progress; as events with ``alt=sse``, else as a JSON array."""
    caller, accepted = await _accepted(request)
    pieces, goodbye = _pieces(request, caller, accepted), _goodbye(request, accepted.jobs)
    has_events = is_sse(request.query_params)
    return ContentStream(
        as_events(pieces) if has_events else as_array(pieces),
        is_sse=has_events,
        beat_s=services_of(request).ping_s,
        farewell=error_event(goodbye)
        if has_events
        else lambda has_begun: error_element(goodbye, is_first=not has_begun),
    )


async def count(request: Request) -> Response:
    """Estimate the tokens of a conversation."""
    await authenticated(request, Permission.GEMINI)
    _check_model(request)
    async with read_form(request) as form:
        return json_response(render_count(translate_counting(form)))


async def predict(request: Request) -> Response:
    """Make pictures and answer with them."""
    caller = await authenticated(request, Permission.GEMINI)
    async with read_form(request) as form:
        draft = translate_prediction(form, request.path_params["model"])
        accepted = await accept(request, caller, form, draft)
    (job,) = await wait_final(request, accepted.jobs, caller)
    if not job.is_final:
        raise still_running(request, job)
    services, encoding = services_of(request), accepted.resolved.output_format
    pictures: list[wire.Prediction] = [
        {
            "mimeType": media_type_of(output, encoding),
            "bytesBase64Encoded": await embedded_of(services, output, encoding),
        }
        for output in results_of(job)
    ]
    return json_with_files(render_predictions(pictures))


def _check_model(request: Request) -> None:
    try:
        parse_model_name(request.path_params["model"], services_of(request).policy.aliases)
    except GatewayError as error:
        code = ErrorKind.MODEL_NOT_FOUND.value
        raise GatewayError(ErrorKind.NOT_FOUND, error.message, param="model", code=code) from error


async def _accepted(request: Request) -> tuple[Caller, Accepted]:
    caller = await authenticated(request, Permission.GEMINI)
    async with read_form(request) as form:
        draft = translate_content(form, request.path_params["model"])
        return caller, await accept(request, caller, form, draft)


def _head(request: Request, accepted: Accepted) -> Head:
    asked = accepted.resolved.request
    id_ = new_id("resp", services_of(request).now).replace("_", "-")
    return Head(id=id_, model=asked.model, prompt=asked.prompt)


def _goodbye(request: Request, jobs: Sequence[Job]) -> Mapping[str, Any]:
    return render_error(stopping(link_to(request, job) for job in jobs))


async def _pieces(
    request: Request, caller: Caller, accepted: Accepted
) -> AsyncGenerator[Mapping[str, Any], None]:
    generations, head, jobs = services_of(request).generations, _head(request, accepted), accepted.jobs
    ended = []
    try:
        for position, job in enumerate(jobs, 1):
            said = None
            async with watching(generations.watch(job.id, caller)) as events:
                async for watched in events:
                    job = watched.view.job
                    thought = render_progress(watched.view, position, len(jobs))
                    if thought != said:
                        yield render_piece(head, [thought])
                    said = thought
            ended.append(job)
        yield await in_full(render_content(head, await _parts(request, accepted, ended)))
    except GatewayError as error:
        yield render_error(error)


async def _parts(request: Request, accepted: Accepted, jobs: Sequence[Job]) -> list[wire.Part]:
    """Return what is to be said of jobs that have ended.

    Raises:
        GatewayError: there is no result; the error of the first.
    """
    failed = [job.error for job in jobs if job.error is not None]
    if len(failed) == len(jobs):
        raise error_of(failed[0])
    parts: list[wire.Part] = []
    for job in jobs:
        if job.error is not None:
            parts.append(render_failed(job.error.message))
        else:
            parts += await _results(request, job, accepted.resolved.output_format)
    return parts


async def _results(request: Request, job: Job, encoding: str | None) -> list[wire.Part]:
    parts: list[wire.Part] = []
    for output in results_of(job):
        if job.kind is MediaKind.IMAGE:
            data = await embedded_of(services_of(request), output, encoding)
            parts.append(render_picture(media_type_of(output, encoding), data))
        else:
            uri = file_uri(request, job.id, job.kind, output.index)
            link = link_to(request, job, index=output.index)
            parts += render_video(output.blob.media_type, uri, link)
    said = tell_character(job)
    return [*parts, {"text": said}] if said is not None else parts


_STREAM = {
    "200": {
        "description": "With `alt=sse` events without names, else an array; progress comes as thoughts, "
        "`finishReason` with the last piece",
        "content": {"text/event-stream": {}},
    }
}
_VERBS: tuple[tuple[str, Endpoint, str, Any, dict[str, Any]], ...] = (
    (
        "generateContent",
        generate,
        "Make images or a video in a conversation",
        wire.GenerateContentResponse,
        wire.GENERATE,
    ),
    ("streamGenerateContent", stream, "The same, streamed", None, wire.GENERATE),
    ("countTokens", count, "Estimate tokens", wire.CountTokensResponse, wire.COUNT),
    ("predict", predict, "Make images", wire.PredictResponse, wire.PREDICT),
)


def build_router() -> APIRouter:
    """Return the routes, one for each verb and place where models stand."""
    router = APIRouter(route_class=DirectRoute, tags=["gemini"], responses=RESPONSES)
    for place in (*VERSIONS, CLOUD):
        for verb, endpoint, summary, answer, asked in _VERBS:
            router.add_api_route(
                f"/{place}/models/{{model:path}}:{verb}",
                endpoint,
                methods=["POST"],
                summary=summary,
                response_model=answer,
                include_in_schema=place == VERSIONS[0],
                openapi_extra={
                    "requestBody": body(asked),
                    "parameters": parameters(path={"model": "a name of `GET /v1beta/models`"}),
                    **({"responses": _STREAM} if answer is None else {}),
                },
            )
    return router
