"""The media host: signed links to files, with ranges, on an origin of its own.

Sora web protocol, section 12: no cookie or bearer is needed, range requests give 206, a link that
has expired or was tampered with gives 403 and is replaced by fetching the draft again.
"""

from __future__ import annotations

import hashlib
import re

from sora_gateway.simulator.endpoint import Answer, Call, Route
from sora_gateway.simulator.errors import refusal
from sora_gateway.simulator.files import ServedFile
from sora_gateway.simulator.renditions import open_image, open_profile, open_upload, open_video

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def get_file(call: Call) -> Answer:
    """``GET /az/files/{id}/raw``: a video's full file, or the picture of a cameo."""
    cameo = call.backend.state.cameos.get(call.params["id"])
    if cameo is not None:
        _check_link(call)
        return _answer(call, await open_profile(call.backend, cameo))
    return await _video(call, "source")


async def get_derived(call: Call) -> Answer:
    """``GET /az/files/{id}/drvs/{rendition}/raw``: a smaller rendition or a still."""
    return await _video(call, call.params["rendition"])


async def get_asset(call: Call) -> Answer:
    """``GET /az/vg-assets/{id}/{name}``: a generated picture or an upload."""
    _check_link(call)
    upload = call.backend.state.uploads.get(call.params["id"])
    if upload is not None:
        return _answer(call, open_upload(call.backend, upload))
    file = call.backend.state.files.get(call.params["id"])
    if file is None or file.task.kind != "image":
        raise refusal("not_found")
    return _answer(call, await open_image(call.backend, file, call.params["name"]))


async def _video(call: Call, rendition: str) -> Answer:
    _check_link(call)
    file = call.backend.state.files.get(call.params["id"])
    if file is None or file.task.kind == "image":
        raise refusal("not_found")
    return _answer(call, await open_video(call.backend, file, rendition))


def _check_link(call: Call) -> None:
    if not call.backend.links.is_valid(call.request.url.path, call.query, call.now):
        raise refusal("link_expired")


def _answer(call: Call, file: ServedFile | None) -> Answer:
    if file is None:
        raise refusal("not_found")
    tag = hashlib.sha256(f"{file.path.name}/{file.size_bytes}".encode()).hexdigest()[:32]
    headers = {
        "etag": f'"{tag}"',
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=3600",
    }
    if call.headers.get("if-none-match") == headers["etag"]:
        return Answer(status=304, content_type=None, headers=headers)
    asked = call.headers.get("range")
    if asked is None or call.headers.get("if-range", headers["etag"]) != headers["etag"]:
        return _part(file, 0, file.size_bytes, 200, headers)
    found = byte_range(asked, file.size_bytes)
    if found is None:
        return _part(file, 0, file.size_bytes, 200, headers)
    start, stop = found
    if start >= stop:
        return Answer(
            status=416, content_type=None, headers=headers | {"content-range": f"bytes */{file.size_bytes}"}
        )
    headers["content-range"] = f"bytes {start}-{stop - 1}/{file.size_bytes}"
    return _part(file, start, stop, 206, headers)


def _part(file: ServedFile, start: int, stop: int, status: int, headers: dict[str, str]) -> Answer:
    return Answer(
        status=status,
        content_type=file.media_type,
        headers=headers,
        stream=lambda: file.read(start, stop),
        length=stop - start,
    )


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of a single-range header, an empty range if unsatisfiable.

    ``None`` stands for a header that HTTP says to ignore: another unit, several ranges, nonsense.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        return max(0, size - int(last)), size
    stop = min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return None
    return int(first), stop


ROUTES = (
    Route(method="GET", template="/az/files/{id}/raw", handler=get_file, needs_bearer=False),
    Route(
        method="GET", template="/az/files/{id}/drvs/{rendition}/raw", handler=get_derived, needs_bearer=False
    ),
    Route(method="GET", template="/az/vg-assets/{id}/{name}", handler=get_asset, needs_bearer=False),
)
