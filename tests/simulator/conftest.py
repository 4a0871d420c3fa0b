"""A simulated backend over a real socket, with a clock that the test moves by hand."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

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
