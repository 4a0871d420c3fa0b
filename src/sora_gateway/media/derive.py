"""Look into pictures and videos and derive smaller ones, two at a time, in threads."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media import clips, pictures, videos
from sora_gateway.media.threads import in_thread
from sora_gateway.ports.media import MediaFacts

T = TypeVar("T")

THUMBNAIL_PX = 640
_THREADS = 2  # a picture of 50 million pixels takes 200 MB while it is open


class LocalMediaTools:
    """Decode with Pillow and PyAV on this machine; see ``ports.media.MediaTools``.

    At most two files are open at a time, whoever asks; the others wait in line. Sizes are those in which a
    picture is shown, after turning it as its EXIF says.
    """

    def __init__(self, *, max_pixels: int = pictures.MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="media")

    async def probe_image(self, picture: bytes | Path) -> MediaFacts:
        """Decide by content what a caller's picture is and decode it whole.

        Raises:
            GatewayError(invalid_request): not a PNG, JPEG or WebP picture, damaged, animated, too large.
        """
        if isinstance(picture, bytes):
            return await self._run(lambda: pictures.probe(picture, max_pixels=self._max_pixels))
        return await self._run(lambda: pictures.probe_upload(picture, max_pixels=self._max_pixels))

    async def probe_clip(self, path: Path) -> MediaFacts:
        """Decide by content what a caller's clip is, and read it to its end.

        Raises:
            GatewayError(invalid_request): not an mp4, QuickTime or WebM video, damaged, too long, too large.
        """
        return await self._run(lambda: clips.probe(path))

    async def probe_upload(self, path: Path) -> MediaFacts:
        """The same for a file that may be a picture too.

        Raises:
            GatewayError(invalid_request): neither, or not usable.
        """
        return await self._run(lambda: self._probe_upload(path))

    async def probe_file(self, path: Path) -> MediaFacts:
        """The same for a result: a picture, or an mp4 with its first and last pictures decoded.

        Raises:
            GatewayError(generation_failed): it is neither, damaged, or cut off.
        """
        return await self._run(lambda: self._probe_file(path))

    async def thumbnail(self, path: Path) -> bytes:
        """Return the picture, or the video's first one, as WebP with at most 640 px on its longest side.

        Raises:
            GatewayError(generation_failed): it cannot be decoded.
        """
        return await self._run(lambda: self._thumbnail(path))

    async def spritesheet(self, path: Path) -> bytes:
        """Return a JPEG with up to 5x4 pictures of the video, laid out as ``videos.spritesheet`` says.

        Raises:
            GatewayError(generation_failed): it cannot be decoded.
        """
        return await self._run(lambda: _spritesheet(path))

    async def encode(self, path: Path, encoding: str) -> bytes:
        """Return the picture as ``png``, ``jpeg`` or ``webp``; unchanged if that is what it is.

        Raises:
            GatewayError(invalid_request): no such encoding.
            GatewayError(generation_failed): it cannot be decoded.
        """
        return await self._run(lambda: pictures.encode(path, encoding, max_pixels=self._max_pixels))

    def close(self) -> None:
        """Let the threads go; work in line is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await in_thread(work, self._threads)
        except OSError as error:
            raise GatewayError(
                ErrorKind.STORAGE_UNAVAILABLE, "A file in the media folder cannot be read."
            ) from error

    def _probe_upload(self, path: Path) -> MediaFacts:
        head = _head(path)
        if pictures.format_of(head):
            return pictures.probe_upload(path, max_pixels=self._max_pixels)
        if clips.type_of(head):
            return clips.probe(path)
        raise GatewayError(
            ErrorKind.INVALID_REQUEST,
            "The file is neither a PNG, JPEG or WebP picture nor an mp4, QuickTime or WebM video:"
            f" its content looks like {pictures.describe(head)}.",
        )

    def _probe_file(self, path: Path) -> MediaFacts:
        head = _head(path)
        if videos.is_mp4(head):
            return videos.probe(path)
        if pictures.format_of(head):
            return pictures.probe_result(path, max_pixels=self._max_pixels)
        raise GatewayError(
            ErrorKind.GENERATION_FAILED,
            f"The backend's file is neither an mp4 video nor a PNG, JPEG or WebP picture:"
            f" it looks like {pictures.describe(head)}.",
        )

    def _thumbnail(self, path: Path) -> bytes:
        if videos.is_mp4(_head(path)):
            return pictures.thumbnail(videos.first_picture(path), THUMBNAIL_PX)
        return pictures.thumbnail_of_file(path, THUMBNAIL_PX, max_pixels=self._max_pixels)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _spritesheet(path: Path) -> bytes:
    out = io.BytesIO()
    videos.spritesheet(path).save(out, "JPEG", quality=85)
    return out.getvalue()
