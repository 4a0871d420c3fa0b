"""Hand a translated request of this dialect to the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request

from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.parameters import Resolved
from sora_gateway.surfaces.gemini.references import Reference, stored
from sora_gateway.surfaces.gemini.wishes import Wish, resolve_wish
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.intake import Accepted, take_in

__all__ = ["Accepted", "Draft", "accept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request. ``kind`` is what its route makes, None: whatever the model makes."""

    wish: Wish
    references: tuple[Reference, ...]
    kind: MediaKind | None = None


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for, see ``take_in``."""
    services, wish = services_of(request), draft.wish

    def resolve(blobs: tuple[Blob, ...]) -> Resolved:
        return resolve_wish(wish, draft.kind, policy=services.policy, inputs=blobs)

    async def pictures() -> tuple[Blob, ...]:
        return await stored(services, caller, draft.references)

    needed = pictures if draft.references else None
    # The model stands in the path, and a request for another one is another request.
    whole = replace(form, fields={**form.fields, "model": wish.fields["model"]})
    return await take_in(request, caller, whole, fields=wish.fields, resolve=resolve, pictures=needed)
