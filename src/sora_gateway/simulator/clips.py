"""Read uploaded clips: how long they are, which texts they carry, what one of their frames looks like."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import av
from av.container.input import InputContainer
from PIL import Image, ImageOps

from sora_gateway.simulator.errors import invalid

_SIDE_PX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What is known of a clip. ``texts`` are those of the file itself: title, comment and the like."""

    seconds: float
    texts: tuple[str, ...]


def inspect_clip(data: bytes) -> Clip:
    """Return the facts of an MP4 whose first frame can be decoded.

    Raises:
        RefusalError: 400 ``invalid_request``, the bytes are something else.
    """
    try:
        with av.open(io.BytesIO(data), "r", metadata_errors="ignore") as container:
            if "mp4" not in container.format.name or not container.streams.video:
                raise invalid("The file is no MP4 video.", "file")
            _frame_at(container, 0.0)
            return Clip(seconds=(container.duration or 0) / av.time_base, texts=tuple(_texts(container)))
    except (av.FFmpegError, ValueError):
        raise invalid("The file is no MP4 video.", "file") from None


def square_at(path: Path, at_s: float) -> bytes:
    """Return the middle of the frame at ``at_s`` as a square WebP picture.

    Raises:
        ValueError: the video ends before it.
    """
    with av.open(path, "r") as container:
        image = _frame_at(container, at_s)
    side = min(_SIDE_PX, *image.size)
    file = io.BytesIO()
    ImageOps.fit(image, (side, side)).save(file, "webp", quality=82, method=2)
    return file.getvalue()


def read_timestamps(text: str) -> tuple[float, float]:
    """Return start and end of ``"start,end"`` (section 4.3).

    Raises:
        RefusalError: 400 ``invalid_request``, these are no two numbers.
    """
    try:
        start, end = (float(part) for part in text.split(","))
    except ValueError:
        raise invalid("timestamps must be two numbers: start,end.", "timestamps") from None
    return start, end


def check_timestamps(start_s: float, end_s: float, seconds: float) -> None:
    """Check that a character's piece lasts 1 to 3 seconds and lies inside its video.

    Raises:
        RefusalError: 400 ``invalid_request``.
    """
    # Written so that "not a number" fails as well.
    if not 1.0 - 1e-6 <= end_s - start_s <= 3.0 + 1e-6:
        raise invalid("Start and end must be 1 to 3 seconds apart.", "timestamps")
    if not (start_s >= 0 and end_s <= seconds + 0.1):
        raise invalid(f"The timestamps must lie inside the video of {seconds:g} seconds.", "timestamps")


def _frame_at(container: InputContainer, at_s: float) -> Image.Image:
    if at_s > 0:
        container.seek(int(at_s * av.time_base))
    for frame in container.decode(video=0):
        if (frame.time or 0.0) >= at_s - 0.02:
            image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
            return image
    raise ValueError(f"the video has no frame at {at_s:g} s")


def _texts(container: InputContainer) -> list[str]:
    streams = [stream.metadata for stream in container.streams]
    return [str(text) for metadata in (container.metadata, *streams) for text in metadata.values()]
