"""Measure the simulator itself: whoever measures with it must know that it is not the bottleneck."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
from tests.functional.harness import Simulator

from benchmarks.machine import Cores
from benchmarks.meters import watched
from benchmarks.orders import Loader
from benchmarks.programs import running
from benchmarks.samples import Figure
from benchmarks.site import Site, until

_VIDEOS = 12
_TASKS = 3
TASK: dict[str, Any] = {
    "kind": "video",
    "orientation": "portrait",
    "size": "small",
    "n_frames": 300,
    "model": "sy_8",
    "inpaint_items": [],
}
"""What is asked of the backend for a video, but its prompt."""


def simulated(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Ask a simulator of its own for its list of pending tasks, then for videos that nobody saw before."""
    yield from measure(site.folder / f"simulated-{number}", site.cores, loader, seconds)


def measure(folder: Path, cores: Cores, loader: Loader, seconds: float) -> Iterator[Figure]:
    """Run the simulator on the core of the server under test and measure it."""
    account = {"name": "one", "plan": "plus", "video_quota": 5000, "image_quota": 0, "video_concurrency": 100}
    changes = {"timing__video__hidden_answers": 0, "accounts": [account]}
    simulator = Simulator(folder, **changes)
    with running(simulator, cores.server):
        asyncio.run(simulator.ready())
        (token,) = asyncio.run(simulator.tokens())
        process = psutil.Process(simulator.pid)
        with httpx2.Client(base_url=simulator.url, headers=bearer(token), timeout=60) as client:
            urls = _make_videos(client)
            began_s = time.perf_counter()
            with watched(process) as usage:
                for url in urls:
                    client.get(url).raise_for_status()
            took_s = time.perf_counter() - began_s
            yield Figure(what="simulator: videos of 10 s rendered", unit="per s", value=len(urls) / took_s)
            yield Figure(what="simulator: CPU of each", unit="ms", value=usage.cpu_s / len(urls) * 1000)
            for index in range(_TASKS):
                _create(client, f"[stuck] {index}")
        lines = ["GET /backend/nf/pending/v2 HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in bearer(token).items()]
        order = {"request": "\r\n".join(lines) + "\r\n\r\n", "connections": 16}
        loader.ask(simulator.port, **order, seconds=0.3)
        with watched(process) as usage:
            seen = loader.ask(simulator.port, **order, seconds=seconds)
        made = seen["requests"]
        yield Figure(what="simulator: status calls", unit="per s", value=made / seen["seconds"])
        yield Figure(what="simulator: CPU of each status call", unit="ms", value=usage.cpu_s / made * 1000)


def bearer(token: str) -> dict[str, str]:
    """Return the headers of a caller of the backend."""
    return {"Authorization": f"Bearer {token}", "openai-sentinel-token": "simulated"}


def _create(client: httpx2.Client, prompt: str) -> None:
    client.post("/backend/nf/create", json={**TASK, "prompt": prompt}).raise_for_status()


def _make_videos(client: httpx2.Client) -> list[str]:
    """Make videos and return where each can be fetched."""
    for index in range(_VIDEOS):
        _create(client, f"a paper boat, number {index}")
    urls: list[str] = []

    def are_there() -> bool:
        answer = client.get("/backend/project_y/profile/drafts/v2", params={"limit": 100})
        urls[:] = itertools.chain.from_iterable(_links(item) for item in answer.json()["items"])
        return len(urls) == _VIDEOS

    until(are_there, "the simulator's videos are not done")
    return urls


def _links(item: dict[str, Any]) -> list[str]:
    draft = item.get("draft", item)
    url = draft.get("downloadable_url") or draft.get("url")
    return [str(url)] if url else []
