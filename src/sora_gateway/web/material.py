"""Bring in what a request is made of: the caller's own files and results are read, all else is fetched."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind, Variant
from sora_gateway.web.outputs import output_of
from sora_gateway.web.state import Services

_LONGEST_URL = 2000
_RESULT = re.compile(
    r"/v1/files/(?P<job>(?:image|video)_[0-9a-z]{26})/(?P<variant>[a-z]{5,11})"
    r"/(?P<index>\d{1,4})(?:\.[a-z0-9]{1,5})?$",
    re.ASCII,
)
_VIDEO = re.compile(r"/v1/videos/(?P<job>video_[0-9a-z]{26})/content$", re.ASCII)
_FILE = re.compile(r"/v1/files/(?P<file>(?:file|image|video)_[0-9a-z]{26})/content$", re.ASCII)
_DOWNLOAD = re.compile(
    r"/files/(?P<kind>image|video)(?P<digits>[0-9a-z]{26})(?:u(?P<index>\d{1,4}))?(?::download)?$", re.ASCII
)
_MAIN = {"image": Variant.IMAGE, "video": Variant.VIDEO}
_WORDS = {MediaKind.IMAGE: "picture", MediaKind.VIDEO: "video"}


async def picture_from(services: Services, caller: Caller, text: str, *, param: str) -> Blob:
    """Store the picture that a URL, a data URL or bare base64 stands for.

    A link of ours to something of the caller's is read and not fetched, signed or not, whatever host it
    names: its owner may see it anyway.

    Raises:
        GatewayError(invalid_request): no picture, damaged, too large or not to be fetched; ``param``
            is named.
    """
    own = await _own(services, caller, text, MediaKind.IMAGE, param)
    if own is None:
        return await services.generations.fetch_input(text, param=param)
    return await services.generations.store_input(own, param=param)


async def clip_from(services: Services, caller: Caller, text: str, *, param: str) -> Blob:
    """Do the same with a clip."""
    own = await _own(services, caller, text, MediaKind.VIDEO, param)
    if own is None:
        return await services.generations.fetch_clip(text, param=param)
    return await services.generations.store_clip(own, param=param)


async def picture_of_file(services: Services, caller: Caller, file_id: str, *, param: str) -> Blob:
    """Store a copy of a picture that the caller uploaded or that a job of his made.

    Raises:
        GatewayError(invalid_request): no such file, not finished, or no picture; ``param`` is named.
    """
    blob = await services.files.input_of(file_id, caller, param=param, kind=MediaKind.IMAGE)
    return await services.generations.store_input(blob, param=param)


async def _own(services: Services, caller: Caller, text: str, kind: MediaKind, param: str) -> Blob | None:
    """Return the file of the caller's that ``text`` is a link of, None for anything else."""
    try:
        blob = await _named(services, caller, text.strip()) if len(text) <= _LONGEST_URL else None
    except GatewayError as error:
        if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.NOT_READY, ErrorKind.EXPIRED):
            raise
        message = f"'{param}' names a result of yours that cannot be used: {error.message}"
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param) from error
    if blob is None:
        return None
    found = MediaKind.IMAGE if blob.media_type.startswith("image/") else MediaKind.VIDEO
    if found is not kind:
        message = f"'{param}' must name a {_WORDS[kind]}; the link leads to a {_WORDS[found]}."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
    return blob


async def _named(services: Services, caller: Caller, url: str) -> Blob | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("", "http", "https"):
        return None
    if (file := _FILE.search(parts.path)) is not None:
        return await _file(services, caller, file["file"])
    if (video := _VIDEO.search(parts.path)) is not None:
        asked = parse_qs(parts.query).get("variant", [Variant.VIDEO.value])[0]
        return await _output(services, caller, video["job"], asked, 0)
    if (result := _RESULT.search(parts.path)) is not None:
        return await _output(services, caller, result["job"], result["variant"], int(result["index"]))
    if (download := _DOWNLOAD.search(parts.path)) is not None:
        job_id = f"{download['kind']}_{download['digits']}"
        return await _output(services, caller, job_id, _MAIN[download["kind"]], int(download["index"] or 0))
    return None


async def _file(services: Services, caller: Caller, file_id: str) -> Blob | None:
    try:
        return (await services.files.get(file_id, caller)).blob
    except GatewayError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return None


async def _output(services: Services, caller: Caller, job_id: str, variant: str, index: int) -> Blob | None:
    if variant not in set(Variant):
        return None
    try:
        await services.generations.get(job_id, caller)
    except GatewayError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return None  # another's, if anybody's: a link like any other
    return (await output_of(services, job_id, Variant(variant), index, caller)).blob
