"""Take a translated request in: check it, store its pictures, hand it to the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request

from sora_gateway.domain.character_fields import CharacterWish, asks_for_characters, character_wish
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.extension import resolve_extension
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.parameters import Resolved, resolve_remix
from sora_gateway.domain.priorities import read_service_tier
from sora_gateway.domain.starts import Start, read_start
from sora_gateway.domain.values import boolean, show
from sora_gateway.licences.allowance import require
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.callbacks import callback_of
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form, Upload
from sora_gateway.web.idempotency import idempotency_of
from sora_gateway.web.planning import PlannedError, plan
from sora_gateway.web.starting import Ground, ground_of, started, with_characters
from sora_gateway.web.state import Services

log = get_logger(__name__)

Pictures = Callable[[], Awaitable[tuple[Blob, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was asked, and the jobs that do it."""

    resolved: Resolved
    jobs: tuple[Job, ...]


async def take_in(
    request: Request,
    caller: Caller,
    form: Form,
    *,
    fields: Mapping[str, Any],
    resolve: Callable[[tuple[Blob, ...]], Resolved],
    pictures: Pictures | None,
    start: Start | None = None,
) -> Accepted:
    """Submit what ``fields`` ask for, as ``resolve`` understands them with the pictures that were stored.

    With ``start`` (or the field ``remix_target_id``) it is a change or an extension of that video, and what
    the fields leave open stays as it is there. Fields are checked before anything is fetched, so that
    nothing is fetched for a request that is refused. ``form`` is what the caller sent; an idempotency key
    stands for it.

    Raises:
        GatewayError: any kind of ``resolve``, ``pictures``, ``web.starting`` and ``Generations.submit``.
        GatewayError(permission_denied): it asks for characters and the licence does not cover them.
        PlannedError: ``dry_run`` was asked for.
    """
    services = services_of(request)
    said = {**form.query, **form.fields, **fields}
    callback = callback_of(request, said)
    priority = read_service_tier(said.get("service_tier", said.get("serviceTier")))
    clip = _clip(form)
    if clip is not None or asks_for_characters(fields):
        require(caller, Permission.CHARACTERS)
    promise = None if is_dry(fields) else await idempotency_of(request, caller, form)
    before = await services.generations.replayed(promise) if promise is not None else None
    if before is not None:
        return _repeated(before, fields)
    wish = _wish(fields, clip)
    named = read_start(fields.get("remix_target_id"), param="remix_target_id")
    if named is not None:
        # On a route that makes no videos, or with a model that changes none, the field itself is refused.
        resolve(())
    start = _one_start(start, named)
    ground = await ground_of(services, caller, start) if start is not None else None
    understand = resolve if ground is None or start is None else _from_ground(fields, start, ground, services)
    resolved = understand(())
    if pictures is not None:
        resolved = understand(await pictures())
    if resolved.ignored:
        log.info("unknown fields ignored", fields=resolved.ignored)
    asked = resolved.request if start is None else started(resolved.request, start, ground)
    asked = await with_characters(services, caller, wish, asked, clip)
    resolved = replace(resolved, request=replace(asked, callback=callback, priority=priority))
    if is_dry(fields):
        raise PlannedError(await plan(request, resolved.requests, caller))
    jobs = await services.generations.submit(resolved.requests, caller, idempotency=promise)
    return Accepted(resolved=resolved, jobs=jobs)


def _repeated(jobs: tuple[Job, ...], fields: Mapping[str, Any]) -> Accepted:
    """Return what an equal request was given; its fields were checked then."""
    request = jobs[0].request
    encoding = fields.get("output_format")
    resolved = Resolved(
        request=request,
        n=request.n if request.kind is MediaKind.IMAGE else len(jobs),
        output_format=encoding if isinstance(encoding, str) and encoding else None,
    )
    return Accepted(resolved=resolved, jobs=jobs)


def _clip(form: Form) -> Upload | None:
    """Return the clip that came as a file in place of a URL."""
    uploads = form.files.get("character_url", ())
    if len(uploads) > 1:
        message = f"'character_url' is given {len(uploads)} times; a character is made of one clip."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="character_url")
    return uploads[0] if uploads else None


def _wish(fields: Mapping[str, Any], clip: Upload | None) -> CharacterWish:
    if clip is None:
        return character_wish(fields)
    if fields.get("character_url"):
        message = "'character_url' is given as a file and as a text: give one."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="character_url")
    wish = character_wish({**fields, "character_url": clip.name or "a file"})
    return replace(wish, url=None)


def _one_start(start: Start | None, named: Start | None) -> Start | None:
    if start is None or named is None:
        return start or named
    if (start.job_id, start.post_id) != (named.job_id, named.post_id):
        message = (
            f"'remix_target_id' names another video ({named.job_id or named.post_id}) than "
            f"'{start.param}' ({start.job_id or start.post_id}): give one."
        )
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="remix_target_id")
    return start


def _from_ground(
    fields: Mapping[str, Any], start: Start, ground: Ground, services: Services
) -> Callable[[tuple[Blob, ...]], Resolved]:
    if start.extends:
        return lambda _: resolve_extension(fields, ground.request, policy=services.policy)
    return lambda blobs: resolve_remix(fields, ground.request, inputs=blobs, policy=services.policy)


def is_dry(fields: Mapping[str, Any]) -> bool:
    """Tell whether only a plan is wanted.

    Raises:
        GatewayError(invalid_request): ``dry_run`` is no boolean.
    """
    value = fields.get("dry_run")
    if value in (None, ""):
        return False
    flag = boolean(value)
    if flag is None:
        message = f"'dry_run' is {show(value)}; true or false is allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="dry_run")
    return flag
