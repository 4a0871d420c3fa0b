"""Find reference pictures in a request, in every form that clients send them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.engine.generations import Generations
from sora_gateway.web.forms import Form, Upload

MAX_REFERENCES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A picture to start from: a file, or a text that is a URL, a data URL or bare base64."""

    param: str
    source: Upload | str


def references(form: Form, names: Sequence[str]) -> tuple[Reference, ...]:
    """Return the pictures of the fields ``names``, files before texts, in the order of ``names``.

    Raises:
        GatewayError(invalid_request): a shape that is no picture, or too many.
    """
    found = [Reference(param=name, source=upload) for name in names for upload in form.files.get(name, ())]
    found += [
        Reference(param=name, source=text) for name in names for text in _texts(form.fields.get(name), name)
    ]
    if len(found) > MAX_REFERENCES:
        message = f"{len(found)} reference pictures were sent; at most {MAX_REFERENCES} are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=names[0])
    return tuple(found)


def _texts(value: Any, param: str) -> Iterable[str]:
    match value:
        case None | "":
            return ()
        case str():
            return (value,)
        case list():
            return [text for item in value for text in _texts(item, param)]
        case {"file_id": str(file_id)}:
            raise GatewayError(ErrorKind.INVALID_REQUEST, f"There is no file '{file_id[:80]}'.", param=param)
        case {"image_url": str(url)} | {"image_url": {"url": str(url)}} | {"url": str(url)}:
            return (url,)
        case _:
            raise GatewayError(
                ErrorKind.INVALID_REQUEST,
                f"'{param}' is not a picture: send a file, a URL, a data URL, base64, or "
                '{"image_url": "..."}.',
                param=param,
            )


async def stored(generations: Generations, found: Iterable[Reference]) -> tuple[Blob, ...]:
    """Check the pictures by content and put them into the vault, in order.

    Raises:
        GatewayError(invalid_request): no picture, damaged, too large or not to be fetched.
    """
    return tuple([await _store(generations, reference) for reference in found])


async def _store(generations: Generations, reference: Reference) -> Blob:
    if isinstance(reference.source, str):
        return await generations.fetch_input(reference.source, param=reference.param)
    return await generations.store_input(await reference.source.read(), param=reference.param)


def without(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields that are no pictures."""
    dropped = set(names)
    return {name: value for name, value in fields.items() if name not in dropped}
