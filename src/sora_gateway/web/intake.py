"""Take a translated request in: check it, store its pictures, hand it to the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import Blob
from sora_gateway.domain.parameters import Resolved
from sora_gateway.licences.allowance import require
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.idempotency import idempotency_of

log = get_logger(__name__)

Pictures = Callable[[], Awaitable[tuple[Blob, ...]]]

_CHARACTER_FIELDS: Mapping[str, object] = {
    "character_url": None,
    "character_timestamps": "0,3",
    "character_from_task": None,
    "character_create": False,
    "characters": (),
}
_NOT_ASKED: tuple[object, ...] = (None, False, "false", "", [], ())


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
) -> Accepted:
    """Submit what ``fields`` ask for, as ``resolve`` understands them with the pictures that were stored.

    Fields are checked before pictures are fetched, so that nothing is fetched for a request that is refused.
    ``form`` is what the caller sent; an idempotency key stands for it.

    Raises:
        GatewayError: any kind that ``resolve``, ``pictures`` or ``Generations.submit`` names.
        GatewayError(permission_denied): it asks for characters and the licence does not cover them.
    """
    if any(_is_asked(name, default, fields) for name, default in _CHARACTER_FIELDS.items()):
        require(caller, Permission.CHARACTERS)
    resolved = resolve(())
    if pictures is not None:
        resolved = resolve(await pictures())
    if resolved.ignored:
        log.info("unknown fields ignored", fields=resolved.ignored)
    promise = await idempotency_of(request, caller, form)
    jobs = await services_of(request).generations.submit(resolved.requests, caller, idempotency=promise)
    return Accepted(resolved=resolved, jobs=jobs)


def _is_asked(name: str, default: object, fields: Mapping[str, Any]) -> bool:
    value = fields.get(name)
    return value not in _NOT_ASKED and value != default
