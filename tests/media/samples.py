"""Make small real media files for the tests of this room."""

from __future__ import annotations

import io
import random
from pathlib import Path

import av
from PIL import Image

COLOURS = ["red", "lime", "blue", "yellow", "cyan", "magenta", "white", "gray"]


def picture(
    format_name: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object
) -> bytes:
    """Return a picture of noise (it must not compress to nothing), always the same for the same arguments."""
    out = io.BytesIO()
    noise = random.Random(1).randbytes(size[0] * size[1] * 3)
    Image.frombytes("RGB", size, noise).convert(mode).save(out, format_name, **options)
    return out.getvalue()


def write_video(
    path: Path,
    *,
    seconds: float = 2.0,
    size: tuple[int, int] = (90, 160),
    rate: int = 10,
    keyframe_every: int = 250,
    options: dict[str, str] | None = None,
) -> Path:
    """Write an mp4 that changes its colour every half second, in the order of ``COLOURS``."""
    with av.open(str(path), "w", format="mp4", options=options or {}) as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"g": str(keyframe_every), "preset": "ultrafast", "bf": "2"}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index in range(round(seconds * rate)):
            colour = COLOURS[int(index / rate / 0.5) % len(COLOURS)]
            for packet in stream.encode(av.VideoFrame.from_image(Image.new("RGB", size, colour))):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def write_sound(path: Path) -> Path:
    """Write an mp4 with silence and no picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 48_000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    return path


def short_id(value: object) -> str | None:
    """Return a test's id for a parameter: none of its bytes."""
    return type(value).__name__ if isinstance(value, (bytes, Image.Image)) else None
