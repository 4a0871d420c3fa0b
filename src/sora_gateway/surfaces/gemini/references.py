"""Find reference pictures in a request, in every form that clients send them, and store them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind, Variant
from sora_gateway.surfaces.gemini.names import FileName, file_name_in
from sora_gateway.web.material import picture_from
from sora_gateway.web.outputs import output_of
from sora_gateway.web.state import Services

MAX_REFERENCES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A picture to start from: a URL, a data URL, or the name of a file of ours."""

    param: str
    source: str


def reference_of(value: Any, param: str) -> Reference:
    """Return the picture that ``value`` (keys in snake case) stands for.

    Raises:
        GatewayError(invalid_request): it is no picture, or lies where this server cannot read.
    """
    match value:
        case (
            {"bytes_base64_encoded": str(data)}
            | {"image_bytes": str(data)}
            | {"inline_data": {"data": str(data)}}
            | {"data": str(data)}
        ):
            _refuse_video(value, param)
            return Reference(param=param, source=_data_url(data))
        case (
            {"file_data": {"file_uri": str(uri)}}
            | {"file_uri": str(uri)}
            | {"uri": str(uri)}
            | {"gcs_uri": str(uri)}
            | str(uri)
        ) if uri:
            if uri.startswith("gs://"):
                raise _refused(param, f"'{param}' lies at {uri[:80]}, where this server cannot read.")
            return Reference(param=param, source=uri)
        case _:
            raise _refused(
                param,
                f'\'{param}\' is no picture: send {{"bytesBase64Encoded": "..."}}, '
                '{"inlineData": {"data": "..."}} or {"fileData": {"fileUri": "..."}}.',
            )


def _refuse_video(value: dict[str, Any], param: str) -> None:
    inner = value.get("inline_data")
    media_type = (inner if isinstance(inner, dict) else value).get("mime_type")
    if isinstance(media_type, str) and not media_type.startswith(("image/", "application/octet-stream")):
        raise _refused(param, f"'{param}' has a {media_type[:40]}; only pictures can be references.")


def _data_url(data: str) -> str:
    return data if data.startswith("data:") else f"data:;base64,{data}"


def limited(references: Iterable[Reference], param: str) -> tuple[Reference, ...]:
    """Return the references.

    Raises:
        GatewayError(invalid_request): there are too many.
    """
    found = tuple(references)
    if len(found) > MAX_REFERENCES:
        raise _refused(param, f"{len(found)} pictures were sent; at most {MAX_REFERENCES} are allowed.")
    return found


async def stored(services: Services, caller: Caller, references: Iterable[Reference]) -> tuple[Blob, ...]:
    """Check the pictures by content and put them into the vault, in order.

    Raises:
        GatewayError(invalid_request): no picture, damaged, too large or not to be fetched.
        GatewayError(not_found, not_ready, expired): a file of ours that is not the caller's or not there.
    """
    return tuple([await _store(services, caller, reference) for reference in references])


async def _store(services: Services, caller: Caller, reference: Reference) -> Blob:
    if not reference.source.startswith("data:"):
        name = file_name_in(reference.source)
        if name is not None:
            return await _store_own(services, caller, name, reference.param)
    return await picture_from(services, caller, reference.source, param=reference.param)


async def _store_own(services: Services, caller: Caller, name: FileName, param: str) -> Blob:
    if name.kind is not MediaKind.IMAGE:
        raise _refused(param, f"The file '{name.id}' is a video; only pictures can be references.")
    output = await output_of(services, name.job_id, Variant.IMAGE, name.index, caller)
    return await services.generations.store_input(output.blob, param=param)


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
