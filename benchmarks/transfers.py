"""Send large bodies, and count how often the bytes of a file are copied on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.meters import read_bytes, written_bytes
from benchmarks.orders import Loader
from benchmarks.samples import Count
from benchmarks.site import GATEWAY, Server, Site

UPLOAD_BYTES = 10_000_000

_BOUNDARY = "benchmark-boundary"
_RANGE_BYTES = 1_000_000
_CALLS = 10


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart body that lies in a file."""

    path: Path

    def order(self, site: Site, server: Server, path: str) -> dict[str, Any]:
        """Return the order that sends it to ``path``."""
        size_bytes = self.path.stat().st_size
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        head = site.request("POST", path, server=server, size_bytes=size_bytes, Content_Type=kind)
        return {"request": head, "body_file": str(self.path)}


def upload_file(
    folder: Path, field: str, name: str, media_type: str, data: Callable[[], bytes], **fields: str
) -> Upload:
    """Return a body with one file and ``fields``; it is made once."""
    path = folder / f"upload-{field}"
    if not path.exists():
        path.write_bytes(multipart(field, name, media_type, data(), fields))
    return Upload(path)


def multipart(field: str, name: str, media_type: str, data: bytes, fields: dict[str, str]) -> bytes:
    """Return a ``multipart/form-data`` body."""
    texts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    kind = f"Content-Type: {media_type}\r\n\r\n"
    return b"".join([texts.encode(), head.encode(), kind.encode(), data, f"\r\n--{_BOUNDARY}--\r\n".encode()])


def padded(video: bytes, size_bytes: int) -> bytes:
    """Return an MP4 file of that size, whose last box, if it is ``free``, shrinks or is put there."""
    at = last = 0
    while at + 8 <= len(video):
        length = int.from_bytes(video[at : at + 4])
        if length == 1:  # a box that may be longer than 4 GB tells its length behind its name
            length = int.from_bytes(video[at + 8 : at + 16])
        last, at = at, at + max(8, length)
    kept = video[:last] if video[last + 4 : last + 8] == b"free" else video
    rest = size_bytes - len(kept)
    return kept + rest.to_bytes(4) + b"free" + bytes(rest - 8)


def count_copies(site: Site, loader: Loader) -> Iterator[Count]:
    """Count what is read of a file for each byte that is sent of it; Linux alone can tell."""
    server = site.servers[GATEWAY]
    path = f"/videos/{site.video_id}/content"
    whole = {"request": site.request("GET", path)}
    piece = {"request": site.request("GET", path, Range=f"bytes=0-{_RANGE_BYTES - 1}"), "status": 206}
    for what, order in (("whole", whole), ("a Range of 1 MB", piece)):
        before = read_bytes(server.process)
        seen = loader.ask(server.port, **order, connections=1, most=_CALLS)
        after = read_bytes(server.process)
        if before is None or after is None:
            return
        yield Count(
            what=f"download, {what}: bytes read for each byte sent",
            counted=round((after - before) / seen["size_bytes"], 2),
            promised=1,
            slack=0.05,
        )


def count_upload_copies(site: Site, loader: Loader, order: dict[str, Any]) -> Iterator[Count]:
    """Count what is written for each byte of an upload: it lies where it stays while it comes."""
    server = site.servers[GATEWAY]
    before = written_bytes(server.process)
    made = loader.ask(server.port, **order, connections=1, most=_CALLS)["requests"]
    after = written_bytes(server.process)
    if before is not None and after is not None:
        yield Count(
            what="upload of 10 MB: bytes written for each byte received",
            counted=round((after - before) / (made * UPLOAD_BYTES), 2),
            promised=1,
        )
