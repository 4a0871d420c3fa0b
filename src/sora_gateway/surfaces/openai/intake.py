"""Hand a translated request of this dialect to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob
from sora_gateway.domain.parameters import Resolved
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.openai.references import Reference, stored
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.intake import Accepted, take_in

__all__ = ["Accepted", "Draft", "accept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request: its fields, its pictures, and the rule that resolves them.

    ``start`` is the video that it changes or carries on, where the request names one outside its fields.
    """

    fields: Mapping[str, Any]
    references: tuple[Reference, ...]
    resolve: Callable[..., Resolved]
    start: Start | None = None


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for, see ``take_in``."""
    services = services_of(request)

    def resolve(blobs: tuple[Blob, ...]) -> Resolved:
        return draft.resolve(draft.fields, inputs=blobs, policy=services.policy)

    async def pictures() -> tuple[Blob, ...]:
        return await stored(services, caller, draft.references)

    needed = pictures if draft.references else None
    return await take_in(
        request, caller, form, fields=draft.fields, resolve=resolve, pictures=needed, start=draft.start
    )
