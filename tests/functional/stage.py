"""What the proofs with real files need: a gateway that is ready, and eyes for pictures and videos."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from PIL import Image

from tests.functional.harness import Gateway, Simulator, running

ORANGE = (255, 165, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What is seen of a video file."""

    size: tuple[int, int]
    duration_s: float
    first: Image.Image

    @property
    def seconds(self) -> int:
        """The duration in whole seconds."""
        return round(self.duration_s)


def film_of(data: bytes) -> Film:
    """Return what is seen of an MP4, whose first frame is decoded."""
    with av.open(io.BytesIO(data)) as container:
        assert container.duration is not None
        frame = next(container.decode(video=0)).to_image()
        return Film(size=frame.size, duration_s=container.duration / av.time_base, first=frame)


def picture_of(data: bytes) -> Image.Image:
    """Return a picture, decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def picture(colour: str = "orange", encoding: str = "JPEG", size: tuple[int, int] = (720, 1280)) -> bytes:
    """Return a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, encoding)
    return buffer.getvalue()


def clip(seconds: int = 4) -> bytes:
    """Return a small MP4 that lasts so long."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 160, "yuv420p"
        for number in range(10 * seconds):
            image = Image.new("RGB", (96, 160), (200, 5 * number % 255, 60))
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())
    return buffer.getvalue()


def has_orange(image: Image.Image) -> bool:
    """Tell whether a good part of a picture is orange."""
    pixels = list(image.convert("RGB").resize((16, 16)).get_flattened_data())
    near = [one for one in pixels if all(abs(a - b) < 60 for a, b in zip(one, ORANGE, strict=True))]
    return len(near) > len(pixels) / 4


@asynccontextmanager
async def staged(
    folder: Path, *, changes: dict[str, Any] | None = None, **variables: str
) -> AsyncIterator[tuple[Simulator, Gateway]]:
    """Run a gateway before a simulated backend, with all of its accounts."""
    simulator = Simulator(folder / "simulator", **(changes or {}))
    gateway = Gateway(folder / "gateway", simulator, **variables)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        tokens = await simulator.tokens()
        if tokens:
            gateway.add_accounts(tokens)
        yield simulator, gateway
