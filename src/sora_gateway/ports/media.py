"""The sockets for bytes: the vault, the fetcher, derived pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sora_gateway.domain.media import Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What a file turned out to be when it was decoded."""

    media_type: str
    width_px: int
    height_px: int
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A whole file on this machine, which nobody changes; it stays as long as whoever gave it says.

    ``digest`` is the SHA-256 of its bytes, in hex.
    """

    path: Path
    size_bytes: int
    digest: str


class Spool(Protocol):
    """A file that comes in. It lies near the vault and goes with its block, whether it was kept or not."""

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Append ``pieces``, all in one go.

        Raises:
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """
        ...

    def file(self) -> LocalFile:
        """Return what has come, to be asked for once nothing is written any more."""
        ...


class VaultWriter(Protocol):
    """A file being written; it exists under its name only after ``commit``."""

    path: Path
    """Where the bytes lie on this machine until then, for decoding."""

    async def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """
        ...

    async def commit(self, facts: MediaFacts) -> Blob:
        """Make the file durable (file and folder synced) and visible under its name, at once and whole."""
        ...


class Vault(Protocol):
    """Keeps files for all nodes that share it. Names are made by the gateway, never by callers."""

    async def open(self) -> str:
        """Make the vault ready and return its own id, which is the same for everyone who shares it.

        Raises:
            GatewayError(storage_unavailable): it cannot be written.
        """
        ...

    def writer(self, name: str) -> AbstractAsyncContextManager[VaultWriter]:
        """Write ``name``; leaving the block without ``commit`` leaves nothing behind."""
        ...

    def spool(self) -> AbstractAsyncContextManager[Spool]:
        """Take a file in that has no name yet; what is to stay of it is given to ``keep``."""
        ...

    async def keep(self, name: str, file: LocalFile, facts: MediaFacts) -> Blob:
        """Make ``file`` durable and visible under ``name``, at once and whole.

        Its bytes are not copied where it comes from ``spool`` or is a file of this vault, which stays: the
        two share them and are removed one by one.

        Raises:
            GatewayError(not_found): ``file`` is gone.
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """
        ...

    async def size(self, name: str) -> int | None:
        """Return the length of ``name`` in bytes, None if it is not there."""
        ...

    def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes ``start`` up to but not including ``end`` in pieces, in constant memory."""
        ...

    def local_path(self, name: str) -> Path | None:
        """Return the file's path where it lies on this machine, None where it does not."""
        ...

    async def delete(self, name: str) -> None:
        """Remove ``name``; not an error if it is gone."""
        ...

    async def sweep(self, older_than_s: float) -> int:
        """Remove half-written files that nobody touched for so long; return how many."""
        ...

    async def names(self, older_than_s: float = 0.0) -> list[str]:
        """Return the names of all files that are at least so old."""
        ...


class MediaTools(Protocol):
    """Decodes and derives, in threads, so that the event loop never waits for pixels."""

    async def probe_image(self, picture: bytes | Path) -> MediaFacts:
        """Decide by content what the picture is and decode it whole.

        Raises:
            GatewayError(invalid_request): not a PNG, JPEG or WebP picture (GIF's first frame does not count),
                damaged, or more pixels than allowed (a decompression bomb).
        """
        ...

    async def probe_clip(self, path: Path) -> MediaFacts:
        """Decide by content what a caller's clip is: ``video/mp4``, ``video/quicktime`` or ``video/webm``.

        Raises:
            GatewayError(invalid_request): none of them, damaged, cut off, too long or too large.
        """
        ...

    async def probe_upload(self, path: Path) -> MediaFacts:
        """Decide by content what a caller's file is: a picture as for ``probe_image``, or a clip.

        Raises:
            GatewayError(invalid_request): neither, or not usable.
        """
        ...

    async def probe_file(self, path: Path) -> MediaFacts:
        """The same for a result on disk: an image or a video.

        Raises:
            GatewayError(generation_failed): it cannot be decoded.
        """
        ...

    async def thumbnail(self, path: Path) -> bytes:
        """Return a WebP picture of the first frame, longest side at most 640 px."""
        ...

    async def spritesheet(self, path: Path) -> bytes:
        """Return a JPEG with a grid of frames, evenly spaced over the video."""
        ...

    async def encode(self, path: Path, encoding: str) -> bytes:
        """Return the picture at ``path`` as ``png``, ``jpeg`` or ``webp``, transparency on white for JPEG."""
        ...


class Fetcher(Protocol):
    """Gets a caller's URL safely."""

    async def fetch(self, url: str, *, limit_bytes: int, param: str) -> bytes:
        """Return the body of an http(s) URL.

        Every address is checked when it is used: no private, loopback, link-local or reserved one, also
        after redirects, unless the operator allows it.

        Raises:
            GatewayError(invalid_request): scheme, address, status, size or time; ``param`` names the field.
        """
        ...


class Poster(Protocol):
    """Tells a caller's server something, as safely as a ``Fetcher`` gets something."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        """Send ``body`` to an http(s) URL and return the status of the answer, whatever it is.

        Addresses are checked as by ``Fetcher.fetch``. Redirects are not followed. What is answered is read up
        to 64 KiB and thrown away.

        Raises:
            GatewayError(invalid_request): the address is refused, nobody answers there, or not in
                ``timeout_s``; the text says which, fit for the caller's eyes.
        """
        ...


class Links(Protocol):
    """Makes and checks signed paths that open a file in a browser without a key."""

    def sign(self, job_id: str, variant: str, index: int, expires_at: float) -> str:
        """Return ``{name}?exp={unix}&sig={signature}``, to be put behind the media route."""
        ...

    def verify(self, job_id: str, variant: str, index: int, exp: str, sig: str) -> bool:
        """Tell whether the signature is ours, for exactly this file, and not expired."""
        ...
