"""A simulated backend over a real socket, with a clock that the test moves by hand."""

from __future__ import annotations

import asyncio
import functools
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
from PIL import Image

from sora_gateway.simulator.render import VideoSpec, render_video
from sora_gateway.simulator.scenario import AccountSettings, Scenario, load_scenario
from sora_gateway.simulator.server import SimulatorAddress, SimulatorConfig, serve

# pytest-asyncio asks for the current loop before it makes its own; Python 3.11 answers by creating one that
# nobody closes, unless it was told that there is none.
asyncio.set_event_loop(None)

START = 1_790_000_000.0


@dataclass
class Clock:
    """A wall clock that stands still until it is moved."""

    at: float = START

    def __call__(self) -> float:
        return self.at


@dataclass
class Sim:
    """A running simulator and one client of it."""

    address: SimulatorAddress
    http: httpx2.AsyncClient
    clock: Clock
    extra: dict[str, str] = field(default_factory=lambda: {"openai-sentinel-token": "ok"})

    def account(self, name: str) -> dict[str, Any]:
        return next(item for item in self.address.accounts if item["name"] == name)

    def headers(self, name: str = "plus") -> dict[str, str]:
        return {"authorization": f"Bearer {self.account(name)['access_token']}", **self.extra}

    async def get(self, path: str, account: str = "plus", **query: Any) -> httpx2.Response:
        return await self.http.get(path, headers=self.headers(account), params=query)

    async def post(self, path: str, body: Any, account: str = "plus") -> httpx2.Response:
        return await self.http.post(path, headers=self.headers(account), json=body)

    async def video(self, prompt: str = "a boat", account: str = "plus", **more: Any) -> httpx2.Response:
        return await self.post("/backend/nf/create", video_body(prompt=prompt, **more), account)

    async def image(self, prompt: str = "a cat", account: str = "plus", **more: Any) -> httpx2.Response:
        return await self.post("/backend/video_gen", image_body(prompt=prompt, **more), account)

    async def upload(self, data: bytes, account: str = "plus", filename: str = "a.png") -> httpx2.Response:
        files = {"file": (filename, data, "image/png")}
        return await self.http.post("/backend/uploads", headers=self.headers(account), files=files)

    async def send_file(
        self, path: str, name: str, data: bytes, account: str = "plus", **fields: str
    ) -> httpx2.Response:
        files = {"file": (name, data, "application/octet-stream")}
        return await self.http.post(path, headers=self.headers(account), files=files, data=fields)

    async def cameo(
        self, name: str = "video.mp4", data: bytes | None = None, account: str = "plus", **fields: str
    ) -> httpx2.Response:
        """Upload a clip of four seconds, or ``data``."""
        return await self.send_file("/backend/characters/upload", name, data or clip(), account, **fields)

    async def avatar(self, account: str = "plus", color: str = "red") -> str:
        """Upload an avatar and return its pointer."""
        path = "/backend/project_y/file/upload"
        answer = await self.send_file(path, "profile.webp", picture(color), account, use_case="profile")
        pointer: str = answer.json()["asset_pointer"]
        return pointer

    async def finalize(
        self, cameo_id: str, username: str, account: str = "plus", **more: Any
    ) -> httpx2.Response:
        pointer = more.pop("profile_asset_pointer", None) or await self.avatar(account)
        body = {
            "cameo_id": cameo_id,
            "username": username,
            "display_name": username.title(),
            "profile_asset_pointer": pointer,
            "instruction_set": None,
            "safety_instruction_set": None,
        }
        return await self.post("/backend/characters/finalize", body | more, account)

    async def character(
        self, username: str, account: str = "plus", *, visibility: str = "private", color: str = "red"
    ) -> dict[str, Any]:
        """Make a character and return it."""
        cameo_id = (await self.cameo(account=account)).json()["id"]
        self.clock.at += 60
        pointer = await self.avatar(account, color)
        made = await self.finalize(cameo_id, username, account, profile_asset_pointer=pointer)
        assert made.status_code == 200, made.text
        path = f"/backend/project_y/cameos/by_id/{cameo_id}/update_v2"
        updated: dict[str, Any] = (await self.post(path, {"visibility": visibility}, account)).json()
        return updated

    async def published(self, draft: dict[str, Any], account: str = "plus", **more: Any) -> dict[str, Any]:
        """Publish a draft and return the post."""
        body = {"attachments_to_create": [{"generation_id": draft["id"], "kind": "sora"}], "post_text": ""}
        answer = await self.post("/backend/project_y/post", body | more, account)
        assert answer.status_code == 200, answer.text
        post: dict[str, Any] = answer.json()["post"]
        return post

    async def frames(self, link: str) -> list[Image.Image]:
        """Return the first frame of every second behind a link."""
        data = (await self.http.get(link)).content
        with av.open(io.BytesIO(data)) as container:
            return [
                frame.to_image() for index, frame in enumerate(container.decode(video=0)) if index % 30 == 0
            ]

    async def drafts(self, account: str = "plus", **query: Any) -> dict[str, Any]:
        answer = await self.get("/backend/project_y/profile/drafts/v2", account, **query)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def finished(self, prompt: str = "a boat", account: str = "plus", **more: Any) -> dict[str, Any]:
        """Create a video, let it finish and return its draft."""
        created = await self.video(prompt, account, **more)
        assert created.status_code == 200, created.text
        self.clock.at += 200
        draft: dict[str, Any] = (await self.drafts(account))["items"][0]
        assert draft["task_id"] == created.json()["id"]
        return draft


def video_body(**more: Any) -> dict[str, Any]:
    return {
        "kind": "video",
        "prompt": "a boat",
        "orientation": "portrait",
        "size": "small",
        "n_frames": 300,
        "model": "sy_8",
        "inpaint_items": [],
    } | more


def image_body(**more: Any) -> dict[str, Any]:
    return {
        "type": "image_gen",
        "operation": "simple_compose",
        "prompt": "a cat",
        "n_variants": 1,
        "n_frames": 1,
        "width": 360,
        "height": 360,
        "inpaint_items": [],
    } | more


def scenario_of(**changes: Any) -> Scenario:
    """Return the scenario `real` without hidden answers and refused posts, with deep ``changes``."""
    data = load_scenario("real").model_dump(mode="json")
    _merge(data, {"publishing": {"refusals_first": 0}, "sentinel": {"device_id_required": False}})
    for kind in ("video", "image"):
        data["timing"][kind]["hidden_answers"] = 0
    _merge(data, changes)
    return Scenario.model_validate(data)


def account_of(name: str = "one", **more: Any) -> dict[str, Any]:
    return AccountSettings.model_validate({"name": name} | more).model_dump(mode="json")


def picture(color: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


@functools.cache
def clip(seconds: int = 4, *, title: str = "", size: tuple[int, int] = (96, 160)) -> bytes:
    """Return a real MP4 clip."""
    spec = VideoSpec(prompt="a ginger cat", seconds=seconds, width_px=size[0], height_px=size[1])
    plain = render_video(spec)
    if not title:
        return plain
    titled = io.BytesIO()
    with av.open(io.BytesIO(plain)) as source, av.open(titled, "w", format="mp4") as target:
        target.metadata["title"] = title
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return titled.getvalue()


def colour_of(image: Image.Image, box: tuple[float, float, float, float]) -> tuple[int, ...]:
    """Return the mean colour of a region, given in shares of the picture."""
    width, height = image.size
    left, top, right, bottom = box
    region = image.crop((int(left * width), int(top * height), int(right * width), int(bottom * height)))
    colour: tuple[int, ...] = region.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return colour


def distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Return the greatest difference of any channel."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and code of a refusal, having checked the envelope's keys."""
    error = answer.json()["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    return answer.status_code, error["code"]


def _merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


@asynccontextmanager
async def _running(
    scenario: Scenario | None = None, data_dir: Path | None = None, clock: Clock | None = None
) -> AsyncIterator[Sim]:
    clock = clock or Clock()
    ready: asyncio.Future[SimulatorAddress] = asyncio.get_running_loop().create_future()
    config = SimulatorConfig(port=0, scenario=scenario or scenario_of(), data_dir=data_dir)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(config, on_ready=ready.set_result, now=clock))
        address = await ready
        async with httpx2.AsyncClient(base_url=address.base_url, trust_env=False, timeout=10) as http:
            yield Sim(address, http, clock)
        server.cancel()


Running = Callable[..., AbstractAsyncContextManager[Sim]]


@pytest.fixture
def running() -> Running:
    """Return what runs a simulator: ``async with running(scenario_of(...)) as sim``."""
    return _running
