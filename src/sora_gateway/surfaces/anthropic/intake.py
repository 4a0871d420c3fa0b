"""Hand a translated request of this dialect to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request

from sora_gateway.domain import parameters
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob
from sora_gateway.domain.parameters import Resolved
from sora_gateway.domain.starts import Start
from sora_gateway.web.conversation import taken_up
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.intake import Accepted, take_in

__all__ = ["Accepted", "Draft", "accept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request. ``pictures`` are URLs, data URLs or our own links, all of the field ``param``.

    ``start`` is a video that it names; without pictures and ``start`` it may be about what was made before:
    ``said`` is what the assistant said, the newest first.
    """

    fields: Mapping[str, Any]
    pictures: tuple[str, ...]
    param: str
    start: Start | None = None
    said: tuple[str, ...] = ()


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for, see ``take_in``."""
    services = services_of(request)
    fetch = partial(services.generations.fetch_input, param=draft.param)
    made = await taken_up(services, caller, draft.said, draft.fields, param=draft.param)
    sources = draft.pictures if made.picture is None else (made.picture,)

    def resolve(blobs: tuple[Blob, ...]) -> Resolved:
        return parameters.resolve(draft.fields, inputs=blobs, policy=services.policy)

    async def pictures() -> tuple[Blob, ...]:
        return tuple([await fetch(picture) for picture in sources])

    needed, start = pictures if sources else None, draft.start or made.start
    return await take_in(
        request, caller, form, fields=draft.fields, resolve=resolve, pictures=needed, start=start
    )
