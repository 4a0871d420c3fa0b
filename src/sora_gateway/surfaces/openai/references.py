"""Find reference pictures in a request, in every form that clients send them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob
from sora_gateway.web.forms import Form, Upload
from sora_gateway.web.material import picture_from, picture_of_file
from sora_gateway.web.state import Services

MAX_REFERENCES = 16


@dataclass(frozen=True, slots=True)
class FileId:
    """The id of a file of the caller's, or of a job whose result is a picture."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A picture to start from: a file, its id, or a text that is a URL, a data URL or bare base64."""

    param: str
    source: Upload | FileId | str


def references(form: Form, names: Sequence[str]) -> tuple[Reference, ...]:
    """Return the pictures of the fields ``names``, files before texts, in the order of ``names``.

    Raises:
        GatewayError(invalid_request): a shape that is no picture, or too many.
    """
    found = [Reference(param=name, source=upload) for name in names for upload in form.files.get(name, ())]
    found += [
        Reference(param=name, source=source)
        for name in names
        for source in _sources(form.fields.get(name), name)
    ]
    if len(found) > MAX_REFERENCES:
        message = f"{len(found)} reference pictures were sent; at most {MAX_REFERENCES} are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=names[0])
    return tuple(found)


def _sources(value: Any, param: str) -> Iterator[FileId | str]:
    match value:
        case None | "":
            return
        case str():
            yield value
        case list():
            for item in value:
                yield from _sources(item, param)
        case {"file_id": str(file_id)} if file_id:
            yield FileId(file_id)
        case {"image_url": str(url)} | {"image_url": {"url": str(url)}} | {"url": str(url)}:
            yield url
        case _:
            raise GatewayError(
                ErrorKind.INVALID_REQUEST,
                f"'{param}' is not a picture: send a file, a URL, a data URL, base64, "
                '{"image_url": "..."} or {"file_id": "..."}.',
                param=param,
            )


async def stored(services: Services, caller: Caller, found: Iterable[Reference]) -> tuple[Blob, ...]:
    """Check the pictures by content and put them into the vault, in order; files of the caller are copied.

    Raises:
        GatewayError(invalid_request): no picture, damaged, too large, not to be fetched, or no file of the
            caller's; ``param`` is named.
    """
    return tuple([await _store(services, caller, reference) for reference in found])


async def _store(services: Services, caller: Caller, reference: Reference) -> Blob:
    param = reference.param
    match reference.source:
        case str() as text:
            return await picture_from(services, caller, text, param=param)
        case FileId(file_id):
            return await picture_of_file(services, caller, file_id, param=param)
        case upload:
            return await services.generations.store_input(upload.file, param=param)


def without(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields that are no pictures."""
    dropped = set(names)
    return {name: value for name, value in fields.items() if name not in dropped}
