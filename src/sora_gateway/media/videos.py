"""Open and sample mp4 videos with PyAV. Blocking: ``derive`` runs these in threads.

Only FFmpeg's mp4 demuxer is let near a file, and only after a look at its first bytes: left to guess, FFmpeg
would follow the playlist that somebody calls a video to any file or address.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.ports.media import MediaFacts

COLUMNS = 5
ROWS = 4
CELL_PX = 160

_PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1"})
_MISSING_END_S = 0.5  # a stream may be shorter than its header says by rounding and edit lists
_BROKEN = (av.FFmpegError, OSError, ValueError, LookupError)


def is_mp4(head: bytes) -> bool:
    """Tell whether ``head`` is the beginning of an mp4 (or QuickTime) video."""
    return head[4:8] == b"ftyp" and head[8:12] not in _PICTURE_BRANDS


def probe(path: Path) -> MediaFacts:
    """Decode the first picture and the last ones, and return the facts.

    Raises:
        GatewayError(generation_failed): no video stream, nothing to decode, or the end is missing.
    """
    with _opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise _failed("it has no pictures")
        duration_s = _duration_s(container, stream)
        last_s = _last_s(container, stream, duration_s, first.time or 0.0)
        if last_s < duration_s - _MISSING_END_S:
            raise _failed(f"it ends after {last_s:.1f} of {duration_s:.1f} seconds")
        return MediaFacts(
            media_type="video/mp4", width_px=first.width, height_px=first.height, duration_s=duration_s
        )


def first_picture(path: Path) -> Image.Image:
    """Return the first picture of the video.

    Raises:
        GatewayError(generation_failed): it cannot be decoded.
    """
    with _opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise _failed("it has no pictures")
        return _image(first)


def spritesheet(path: Path) -> Image.Image:
    """Return a grid of at most 5 columns by 4 rows, read line by line from the top left.

    The video is cut into 20 parts of equal length (fewer if it has fewer pictures), and each cell shows
    the picture in the middle of its part. The longest side of a cell is 160 px, cells touch each other, and
    what is left of the last row is black.

    Raises:
        GatewayError(generation_failed): it cannot be decoded.
    """
    with _opened(path) as (container, stream):
        duration_s = _duration_s(container, stream)
        count = min(COLUMNS * ROWS, stream.frames or COLUMNS * ROWS)
        times_s = [(index + 0.5) * duration_s / count for index in range(count)]
        cells = [_cell(frame) for frame in _frames_at(container, stream, times_s)]
    if not cells:
        raise _failed("it has no pictures")
    width_px, height_px = cells[0].size
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * width_px, rows * height_px))
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % columns * width_px, index // columns * height_px))
    return sheet


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    with path.open("rb") as file:
        if not is_mp4(file.read(64)):
            raise _failed("it is not an mp4 file")
    try:
        options = {"protocol_whitelist": "file"}
        with av.open(f"file:{path}", format="mp4", options=options) as container:
            if not container.streams.video:
                raise _failed("it has no video stream")
            yield container, container.streams.video[0]
    except _BROKEN as error:
        raise _failed("it is damaged or cut off") from error


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    raise _failed("it does not say how long it is")


def _last_s(container: InputContainer, stream: VideoStream, duration_s: float, first_s: float) -> float:
    """Return the end of the last picture, after decoding from the last key picture on."""
    _seek(container, stream, duration_s)
    last_s = first_s
    for frame in container.decode(stream):
        last_s = max(last_s, frame.time or 0.0)
    rate = stream.average_rate or stream.guessed_rate
    return last_s + (1 / float(rate) if rate else 0.0)


def _frames_at(container: InputContainer, stream: VideoStream, times_s: list[float]) -> Iterator[VideoFrame]:
    """Yield the picture shown at each of the ascending times, or the last one before the video ends.

    Reads forward and jumps only where a key picture lies between here and the next time; pictures that no
    other depends on are skipped, so the answer may be off by two or three pictures.
    """
    stream.codec_context.skip_frame = "NONREF"
    key_times_s = _key_times_s(stream)
    frames = container.decode(stream)
    frame: VideoFrame | None = None
    for time_s in times_s:
        here_s = -1.0 if frame is None else frame.time or 0.0
        if _has_key_between(key_times_s, here_s, time_s):
            _seek(container, stream, time_s)
            frames = container.decode(stream)
            frame = next(frames, frame)
        while frame is None or (frame.time or 0.0) < time_s:
            following = next(frames, None)
            if following is None:
                break
            frame = following
        if frame is not None:
            yield frame


def _key_times_s(stream: VideoStream) -> list[float]:
    base = stream.time_base
    if base is None:
        return []
    return [float(entry.timestamp * base) for entry in stream.index_entries if entry.is_keyframe]


def _has_key_between(key_times_s: list[float], here_s: float, time_s: float) -> bool:
    """Tell whether the last key picture up to ``time_s`` lies ahead of ``here_s`` (and is not the first)."""
    position = bisect_right(key_times_s, time_s) - 1
    return position > 0 and key_times_s[position] > here_s + 0.1


def _seek(container: InputContainer, stream: VideoStream, time_s: float) -> None:
    base = stream.time_base
    if base is not None:
        container.seek(int(time_s / base), stream=stream, backward=True)


def _cell(frame: VideoFrame) -> Image.Image:
    scale = CELL_PX / max(frame.width, frame.height)
    width_px, height_px = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    return _image(frame.reformat(width=width_px, height=height_px, format="rgb24"))


def _image(frame: VideoFrame) -> Image.Image:
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image


def _failed(reason: str) -> GatewayError:
    return GatewayError(ErrorKind.GENERATION_FAILED, f"The backend's video cannot be used: {reason}.")
