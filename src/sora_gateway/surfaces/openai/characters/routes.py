"""The routes of characters."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.priorities import read_service_tier
from sora_gateway.domain.requests import Clip
from sora_gateway.engine.characters import character_request
from sora_gateway.surfaces.openai.characters import wire
from sora_gateway.surfaces.openai.characters.render import (
    render_character,
    render_characters,
    render_deleted,
)
from sora_gateway.surfaces.openai.characters.translate import Asked, translate_character
from sora_gateway.surfaces.openai.errors import RESPONSES, error_of
from sora_gateway.surfaces.openai.listing import LISTING, translate_listing
from sora_gateway.web.callbacks import callback_of
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.forms import Form, read_form
from sora_gateway.web.idempotency import idempotency_of
from sora_gateway.web.intake import is_dry
from sora_gateway.web.planning import PlannedError, plan
from sora_gateway.web.routes import DirectRoute, body, json_response, parameters
from sora_gateway.web.starting import clip_of, with_blob
from sora_gateway.web.waiting import wait_final

LONGEST_S = 240.0
"""How long the answer is held; a character takes seconds, in a crowd minutes."""

router = APIRouter(route_class=DirectRoute, tags=["characters"], responses=RESPONSES)

_ID = parameters(path={"character_id": "the character's id"})


_CREATE = {
    "requestBody": body(wire.CREATE, files=("file", "video")),
    "parameters": parameters(
        header={"Idempotency-Key": "equal requests with one key make one character, for 24 h"}
    ),
}


@router.post(
    "/v1/videos/characters",
    summary="Make a character (OpenAI's path)",
    response_model=wire.CharacterObject,
    openapi_extra=_CREATE,
)
@router.post(
    "/v1/characters",
    summary="Make a character",
    response_model=wire.CharacterObject,
    openapi_extra=_CREATE,
)
async def create(request: Request) -> Response:
    """Make a character of a clip or of a finished video, and answer when it is ready or after 240 s."""
    caller = await authenticated(request, Permission.CHARACTERS)
    async with read_form(request) as form:
        character = await _begun(request, caller, form, translate_character(form))
    job = (await services_of(request).generations.get(character.job_id, caller)).job
    if not job.is_final:
        await wait_final(request, [job], caller, most_s=LONGEST_S)
    character = await services_of(request).characters.get(character.id, caller)
    if character.status is CharacterStatus.FAILED and character.error is not None:
        raise error_of(character.error)
    return json_response(render_character(character))


async def _begun(request: Request, caller: Caller, form: Form, asked: Asked) -> Character:
    """Submit the job that makes the character, once for equal requests with one key."""
    services = services_of(request)
    callback = callback_of(request, form.fields)
    priority = read_service_tier(form.fields.get("service_tier"))
    promise = None if is_dry(asked.fields) else await idempotency_of(request, caller, form)
    before = await services.generations.replayed(promise) if promise is not None else None
    if before is not None:
        return await services.characters.remember(before[0])
    wanted = character_request(await _clip(request, caller, asked), asked.name)
    wanted = replace(wanted, callback=callback, priority=priority)
    if is_dry(asked.fields):
        raise PlannedError(await plan(request, [wanted], caller))
    (job,) = await services.generations.submit([wanted], caller, idempotency=promise)
    return await services.characters.remember(job)


async def _clip(request: Request, caller: Caller, asked: Asked) -> Clip:
    services, names = services_of(request), asked.names
    if asked.file_id is not None:
        blob = await services.files.input_of(asked.file_id, caller, param=names.url, kind=MediaKind.VIDEO)
        copy = await services.generations.store_clip(blob, param=names.url)
        return with_blob(Clip(start_s=asked.wish.start_s, end_s=asked.wish.end_s), copy, names)
    clip = await clip_of(services, caller, asked.wish, upload=asked.upload, names=names)
    if clip is None:
        raise GatewayError(ErrorKind.INVALID_REQUEST, "There is nothing to make a character of.", param="url")
    return clip


@router.get(
    "/v1/characters",
    summary="List characters",
    response_model=wire.CharacterList,
    openapi_extra={"parameters": LISTING},
)
async def listing(request: Request) -> Response:
    """List the caller's characters by creation time."""
    caller = await authenticated(request, Permission.CHARACTERS)
    wanted = translate_listing(request.query_params)
    page = await services_of(request).characters.page(
        caller, after=wanted.after, limit=wanted.limit, ascending=wanted.ascending
    )
    return json_response(render_characters(page))


@router.get(
    "/v1/videos/characters/{character_id}",
    summary="Look at a character (OpenAI's path)",
    response_model=wire.CharacterObject,
    openapi_extra={"parameters": _ID},
)
@router.get(
    "/v1/characters/{character_id}",
    summary="Look at a character",
    response_model=wire.CharacterObject,
    openapi_extra={"parameters": _ID},
)
async def retrieve(request: Request) -> Response:
    """Show a character; one that could not be made says why."""
    caller = await authenticated(request, Permission.CHARACTERS)
    character = await services_of(request).characters.get(request.path_params["character_id"], caller)
    return json_response(render_character(character))


@router.delete(
    "/v1/characters/{character_id}",
    summary="Delete a character",
    response_model=wire.CharacterDeleted,
    openapi_extra={"parameters": _ID},
)
async def delete(request: Request) -> Response:
    """Delete a character here and at the backend; prompts cannot name it any more."""
    caller = await authenticated(request, Permission.CHARACTERS)
    character_id = request.path_params["character_id"]
    await services_of(request).characters.delete(character_id, caller)
    return json_response(render_deleted(character_id))
