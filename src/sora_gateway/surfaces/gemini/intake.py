"""Hand a translated request of this dialect to the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.parameters import Resolved
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.gemini.references import Reference, stored
from sora_gateway.surfaces.gemini.wishes import Wish, extension_of, fields_of, in_their_words, resolve_wish
from sora_gateway.web.conversation import taken_up
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form
from sora_gateway.web.intake import Accepted, take_in

__all__ = ["Accepted", "Draft", "accept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A translated request. ``kind`` is what its route makes, None: whatever the model makes.

    ``start`` is a video that it names; without references and ``start`` it may be about what was made
    before: ``said`` is what the model said, the newest first.
    """

    wish: Wish
    references: tuple[Reference, ...]
    kind: MediaKind | None = None
    start: Start | None = None
    said: tuple[str, ...] = ()


async def accept(request: Request, caller: Caller, form: Form, draft: Draft) -> Accepted:
    """Submit what ``draft`` asks for, see ``take_in``."""
    services, wish = services_of(request), draft.wish
    made = await taken_up(services, caller, draft.said, wish.fields, param="contents")
    taken = () if made.picture is None else (Reference(param="contents", source=made.picture),)
    references, start = (*draft.references, *taken), draft.start or made.start

    def resolve(blobs: tuple[Blob, ...]) -> Resolved:
        return resolve_wish(wish, draft.kind, policy=services.policy, inputs=blobs)

    async def pictures() -> tuple[Blob, ...]:
        return await stored(services, caller, references)

    fields = wish.fields
    if start is not None and start.extends:
        fields = extension_of(wish, services.policy)
    elif start is not None or fields.get("remix_target_id"):
        resolve(())  # a change is understood by our words alone: what is wrong in Google's is said before
        fields = fields_of(wish, services.policy)
    # The model stands in the path, and a request for another one is another request.
    whole = replace(form, fields={**form.fields, "model": wish.fields["model"]})
    needed = pictures if references else None
    try:
        return await take_in(
            request, caller, whole, fields=fields, resolve=resolve, pictures=needed, start=start
        )
    except GatewayError as error:
        if start is None or not start.extends:
            raise
        if error.kind is ErrorKind.NOT_FOUND and error.param == start.param:
            raise GatewayError(ErrorKind.INVALID_REQUEST, error.message, param=error.param) from error
        raise in_their_words(error, wish) from error
