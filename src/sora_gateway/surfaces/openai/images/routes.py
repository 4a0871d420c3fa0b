"""The routes of the Images API: the answer waits for the job."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import Output
from sora_gateway.surfaces.openai.errors import RESPONSES, render_error
from sora_gateway.surfaces.openai.images import wire
from sora_gateway.surfaces.openai.images.render import render_completed, render_images, render_partial
from sora_gateway.surfaces.openai.images.translate import (
    Asked,
    translate_edit,
    translate_generation,
    translate_variation,
)
from sora_gateway.surfaces.openai.intake import Accepted, accept
from sora_gateway.surfaces.openai.results import (
    base64_of,
    embedded_of,
    encoding_of,
    results_of,
    still_running,
)
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.embedding import json_with_files
from sora_gateway.web.forms import Form, read_form
from sora_gateway.web.links import link_to
from sora_gateway.web.pictures import preview
from sora_gateway.web.routes import STREAMED, DirectRoute, body
from sora_gateway.web.state import Services
from sora_gateway.web.streaming import EventStream, encode_event, watching
from sora_gateway.web.telling import stopping
from sora_gateway.web.waiting import wait_final

router = APIRouter(route_class=DirectRoute, tags=["images"], responses=RESPONSES)


@router.post(
    "/v1/images/generations",
    summary="Make images",
    response_model=wire.ImagesResponse,
    openapi_extra={"requestBody": body(wire.GENERATION, files=("image",)), "responses": STREAMED},
)
async def generate(request: Request) -> Response:
    """Make images and answer with them."""
    return await _answer(request, translate_generation, "image_generation")


@router.post(
    "/v1/images/edits",
    summary="Change pictures",
    response_model=wire.ImagesResponse,
    openapi_extra={"requestBody": body(wire.EDIT, files=("image",)), "responses": STREAMED},
)
async def edit(request: Request) -> Response:
    """Make images of pictures and answer with them."""
    return await _answer(request, translate_edit, "image_edit")


@router.post(
    "/v1/images/variations",
    summary="Make variations of a picture",
    response_model=wire.ImagesResponse,
    openapi_extra={"requestBody": body(wire.VARIATION, files=("image",)), "responses": STREAMED},
)
async def vary(request: Request) -> Response:
    """Make images that resemble a picture and answer with them."""
    return await _answer(request, translate_variation, "image_edit")


async def _answer(request: Request, translate: Callable[[Form], Asked], made: wire.Made) -> Response:
    caller = await authenticated(request, Permission.IMAGES)
    async with read_form(request) as form:
        asked = translate(form)
        if asked.is_streamed:
            _refuse_for_stream(asked)
        accepted = await accept(request, caller, form, asked.draft)
    if asked.is_streamed:
        events = _stream(request, caller, accepted, made, has_preview=asked.partial_images > 0)
        farewell = encode_event(render_error(stopping(link_to(request, job) for job in accepted.jobs)))
        return EventStream(events, beat_s=services_of(request).ping_s, farewell=farewell)
    (job,) = await wait_final(request, accepted.jobs, caller)
    if not job.is_final:
        raise still_running(request, job)
    return await _whole(request, job, asked, accepted.resolved.output_format)


def _refuse_for_stream(asked: Asked) -> None:
    if asked.as_url:
        message = "'response_format' is 'url', but a stream ends with the picture itself: leave it out."
        raise GatewayError(ErrorKind.UNSUPPORTED, message, param="response_format")
    if str(asked.draft.fields.get("n") or "1").strip() != "1":
        message = "'n' must be 1 with 'stream': a stream ends with one image."
        raise GatewayError(ErrorKind.UNSUPPORTED, message, param="n")


async def _whole(request: Request, job: Job, asked: Asked, encoding: str | None) -> Response:
    outputs = results_of(job)
    images = [await _image(request, job, output, asked, encoding) for output in outputs]
    first = encoding_of(outputs[0], encoding)
    answer = render_images(job.request, images, created_at=job.created_at, encoding=first)
    return json_with_files(answer)


async def _image(
    request: Request, job: Job, output: Output, asked: Asked, encoding: str | None
) -> wire.Image:
    image: wire.Image
    if asked.as_url:
        other = encoding if encoding != encoding_of(output, None) else None
        image = {"url": link_to(request, job, index=output.index, encoding=other)}
    else:
        image = {"b64_json": await embedded_of(services_of(request), output, encoding)}
    if asked.revised_prompt is not None:
        image["revised_prompt"] = asked.revised_prompt
    return image


async def _stream(
    request: Request, caller: Caller, accepted: Accepted, made: wire.Made, *, has_preview: bool
) -> AsyncGenerator[bytes, None]:
    """Yield the events of a job: on request one with the result made small, then the one that ends it.

    The backend shows no pictures while it works, so there is nothing earlier to show, and never more than one
    to show early: fewer partial images than asked are allowed.
    """
    services, (job,), encoding = services_of(request), accepted.jobs, accepted.resolved.output_format
    try:
        async with watching(services.generations.watch(job.id, caller)) as events:
            async for watched in events:
                job = watched.view.job
        output = results_of(job)[0]
        shown = encoding_of(output, encoding) or "png"
        small = await _preview(services, output, shown) if has_preview else None
        if small is not None:
            yield render_partial(job.request, small, made=made, created_at=job.created_at, encoding=shown)
        picture = await base64_of(services, output, encoding)
        yield render_completed(job.request, picture, made=made, created_at=job.created_at, encoding=shown)
    except GatewayError as error:
        yield encode_event(render_error(error))


async def _preview(services: Services, output: Output, encoding: str) -> str | None:
    """Return the result made small as base64; None if that fails, which must not cost the result."""
    try:
        return base64.b64encode(await preview(services, output.blob, encoding)).decode("ascii")
    except GatewayError:
        return None
