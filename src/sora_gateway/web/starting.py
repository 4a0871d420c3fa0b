"""Look up what a request starts from: a finished video, a shared one, characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sora_gateway.domain.character_fields import CharacterWish, check_inside
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import Clip, GenerationRequest, Source
from sora_gateway.domain.starts import Start
from sora_gateway.web.forms import Upload
from sora_gateway.web.material import clip_from
from sora_gateway.web.state import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A finished video of the caller's: how it was asked for, and where it lies."""

    request: GenerationRequest
    source: Source


async def ground_of(services: Services, caller: Caller, start: Start) -> Ground | None:
    """Return the caller's video that ``start`` names, None where it names a shared one.

    Raises:
        GatewayError(not_found, invalid_request, unsupported): see ``Generations.source``; the field is named.
        GatewayError(invalid_request): a private video, which nobody may remix.
        GatewayError(unsupported): a shared video, which cannot be carried on.
    """
    if start.job_id is None:
        if start.extends:
            message = f"'{start.param}' names a shared video; only videos of your own can be extended."
            raise GatewayError(ErrorKind.UNSUPPORTED, message, param=start.param)
        return None
    job, source = await _source(services, caller, start.job_id, start.param)
    if job.request.private and not start.extends:
        message = f"The video '{job.id}' is private: it is never published, so it cannot be remixed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=start.param)
    return Ground(request=job.request, source=source)


async def _source(services: Services, caller: Caller, job_id: str, param: str) -> tuple[Job, Source]:
    try:
        return await services.generations.source(job_id, caller, param=param)
    except GatewayError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        message = f"'{param}' names no video of yours: '{job_id[:80]}'."
        raise GatewayError(ErrorKind.NOT_FOUND, message, param=param, code=error.code) from error


def started(request: GenerationRequest, start: Start, ground: Ground | None) -> GenerationRequest:
    """Return ``request`` with what it starts from.

    Raises:
        GatewayError(invalid_model): the model cannot change a video.
    """
    if ground is None:
        if request.family is not Family.VIDEO2:
            message = f"The model '{request.model}' cannot change a video; {Family.VIDEO2.value} can."
            raise GatewayError(ErrorKind.INVALID_MODEL, message, param="model")
        return replace(request, remix_post=start.post_id)
    if start.extends:
        return replace(request, extend=ground.source, account_id=ground.source.account_id)
    return replace(request, remix=ground.source, account_id=ground.source.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFields:
    """What the fields that ask for a character are called on a route, for its refusals."""

    url: str = "character_url"
    task: str = "character_from_task"
    timestamps: str = "character_timestamps"


async def clip_of(
    services: Services,
    caller: Caller,
    wish: CharacterWish,
    *,
    upload: Upload | None = None,
    names: ClipFields = ClipFields(),
) -> Clip | None:
    """Return the clip that a character is to be made of first, None where none is wished for.

    Raises:
        GatewayError: see ``Generations.fetch_clip``, ``store_clip`` and ``source``.
        GatewayError(invalid_request): the seconds are not in the clip.
    """
    clip = Clip(start_s=wish.start_s, end_s=wish.end_s)
    if wish.from_task is not None:
        _, source = await _source(services, caller, wish.from_task, names.task)
        check_inside(clip.start_s, clip.end_s, source.total_s, names.timestamps)
        return replace(clip, source=source)
    if upload is not None:
        return with_blob(clip, await services.generations.store_clip(upload.file, param=names.url), names)
    if wish.url is not None:
        return with_blob(clip, await clip_from(services, caller, wish.url, param=names.url), names)
    return None


def with_blob(clip: Clip, blob: Blob, names: ClipFields) -> Clip:
    """Return the clip as a part of a file.

    Raises:
        GatewayError(invalid_request): the seconds are not in the file.
    """
    if blob.duration_s is not None:
        check_inside(clip.start_s, clip.end_s, blob.duration_s, names.timestamps)
    return replace(clip, blob=blob)


async def with_characters(
    services: Services,
    caller: Caller,
    wish: CharacterWish,
    request: GenerationRequest,
    upload: Upload | None = None,
) -> GenerationRequest:
    """Return ``request`` with the characters that ``wish`` and ``upload`` (a clip as a file) ask for.

    Raises:
        GatewayError: see ``clip_of`` and ``Characters.usable``.
        GatewayError(invalid_request): characters that live on different accounts.
    """
    if not wish.is_asked and upload is None:
        return request
    keeps = None
    if wish.creates:
        keeps = Clip(start_s=wish.start_s, end_s=wish.end_s)
        check_inside(keeps.start_s, keeps.end_s, request.total_s, "character_timestamps")
    usable = await services.characters.usable(wish.ids, caller, param="characters")
    account_id = _one_account(request, [character.account_id for character in usable])
    return replace(
        request,
        character=await clip_of(services, caller, wish, upload=upload),
        keeps_character=keeps,
        mentions=tuple(character.username for character in usable if character.username is not None),
        account_id=account_id,
    )


def _one_account(request: GenerationRequest, others: Sequence[str | None]) -> str | None:
    needed = {account_id for account_id in (request.account_id, *others) if account_id is not None}
    if len(needed) > 1:
        raise GatewayError(
            ErrorKind.INVALID_REQUEST,
            "The characters and the video lie on different accounts of the backend and cannot come together.",
            param="characters",
        )
    return next(iter(needed), None)
