"""Take a request in: resolve what it asks for, store its pictures, hand it to the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request

from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.parameters import Resolved
from sora_gateway.licences.allowance import require
from sora_gateway.surfaces.gemini.references import Reference, stored
from sora_gateway.surfaces.gemini.wishes import Wish, resolve_wish
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.idempotency import idempotency_of

log = get_logger(__name__)

CHARACTER_FIELDS = frozenset(
    {"character_url", "character_timestamps", "character_from_task", "character_create", "characters"}
)
_NOT_ASKED: tuple[object, ...] = (None, False, "false", "", [], ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request. ``kind`` is what its route makes, None: whatever the model makes."""

    wish: Wish
    references: tuple[Reference, ...]
    kind: MediaKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was asked, and the jobs that do it."""

    resolved: Resolved
    jobs: tuple[Job, ...]


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for. Fields are checked before pictures are fetched.

    Raises:
        GatewayError: any kind that ``resolve_wish``, ``stored`` or ``Generations.submit`` names.
        GatewayError(permission_denied): it asks for characters and the licence does not cover them.
    """
    services, wish = services_of(request), draft.wish
    if any(wish.fields.get(name) not in _NOT_ASKED for name in CHARACTER_FIELDS):
        require(caller, Permission.CHARACTERS)
    resolved = resolve_wish(wish, draft.kind, policy=services.policy)
    if draft.references:
        blobs = await stored(services, caller, draft.references)
        resolved = resolve_wish(wish, draft.kind, policy=services.policy, inputs=blobs)
    if resolved.ignored:
        log.info("unknown fields ignored", fields=resolved.ignored)
    # The model stands in the path, and a request for another one is another request.
    whole = replace(form, fields={**form.fields, "model": wish.fields["model"]})
    promise = await idempotency_of(request, caller, whole)
    jobs = await services.generations.submit(resolved.requests, caller, idempotency=promise)
    return Accepted(resolved=resolved, jobs=jobs)
