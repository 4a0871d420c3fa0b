"""Take a request in: resolve its fields, fetch its pictures, hand it to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.parameters import Resolved, resolve
from sora_gateway.licences.allowance import require
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.idempotency import idempotency_of

log = get_logger(__name__)

_CHARACTER_FIELDS = frozenset(
    {"character_url", "character_timestamps", "character_from_task", "character_create", "characters"}
)
_NOT_ASKED: tuple[object, ...] = (None, False, "false", "", [], ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request. ``pictures`` are URLs, data URLs or our own links, all of the field ``param``."""

    fields: Mapping[str, Any]
    pictures: tuple[str, ...]
    param: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was asked, and the jobs that do it."""

    resolved: Resolved
    jobs: tuple[Job, ...]


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for. Fields are checked before pictures are fetched.

    Raises:
        GatewayError: any kind that ``resolve``, ``fetch_input`` or ``Generations.submit`` names.
        GatewayError(permission_denied): it asks for characters and the licence does not cover them.
    """
    services = services_of(request)
    if any(draft.fields.get(name) not in _NOT_ASKED for name in _CHARACTER_FIELDS):
        require(caller, Permission.CHARACTERS)
    resolved = resolve(draft.fields, policy=services.policy)
    if draft.pictures:
        fetch = services.generations.fetch_input
        blobs = [await fetch(picture, param=draft.param) for picture in draft.pictures]
        resolved = resolve(draft.fields, inputs=tuple(blobs), policy=services.policy)
    if resolved.ignored:
        log.info("unknown fields ignored", fields=resolved.ignored)
    promise = await idempotency_of(request, caller, form)
    jobs = await services.generations.submit(resolved.requests, caller, idempotency=promise)
    return Accepted(resolved=resolved, jobs=jobs)
