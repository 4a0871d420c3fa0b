"""Hand a translated request of this dialect to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from sora_gateway.web.material import picture_from, picture_of_file
from sora_gateway.web.state import Services

__all__ = ["Accepted", "Draft", "FileId", "accept"]


@dataclass(frozen=True, slots=True)
class FileId:
    """The id of a file of the caller's, or of a job whose result is a picture."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request. ``pictures`` are URLs, data URLs or ids of files, all of the field ``param``.

    ``start`` is a video that it names; without pictures and ``start`` it may be about what was made before:
    ``said`` is what the assistant said, the newest first.
    """

    fields: Mapping[str, Any]
    pictures: tuple[FileId | str, ...]
    param: str
    start: Start | None = None
    said: tuple[str, ...] = ()


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for, see ``take_in``."""
    services = services_of(request)
    made = await taken_up(services, caller, draft.said, draft.fields, param=draft.param)
    sources = draft.pictures if made.picture is None else (made.picture,)

    def resolve(blobs: tuple[Blob, ...]) -> Resolved:
        return parameters.resolve(draft.fields, inputs=blobs, policy=services.policy)

    async def pictures() -> tuple[Blob, ...]:
        return tuple([await _stored(services, caller, source, draft.param) for source in sources])

    needed, start = pictures if sources else None, draft.start or made.start
    return await take_in(
        request, caller, form, fields=draft.fields, resolve=resolve, pictures=needed, start=start
    )


async def _stored(services: Services, caller: Caller, source: FileId | str, param: str) -> Blob:
    if isinstance(source, FileId):
        return await picture_of_file(services, caller, source.id, param=param)
    return await picture_from(services, caller, source, param=param)
