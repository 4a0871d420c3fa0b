"""Start what a run needs on loopback: a simulator, a gateway on its embedded store, and jobs in them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
from PIL import Image
from tests.functional.harness import Gateway, Simulator

from benchmarks.machine import Cores, pinned
from benchmarks.meters import BackendMeter, StoreMeter
from benchmarks.programs import run

GATEWAY, PLAIN, NGINX, LITELLM = "gateway", "plain FastAPI + Redis", "nginx (limit)", "LiteLLM"
VIDEO = {"model": "sora_video2", "prompt": "a paper boat drifting down a gutter stream"}
IMAGE = {"model": "sora_image", "prompt": "a paper boat, ink drawing"}
MADE_BEFORE = "benchmark"
"""The idempotency key of the picture that is asked for again and again."""

_ACCOUNT = {"name": "one", "plan": "plus", "video_quota": 5000, "image_quota": 5000}
_PHASES = [{"status": "running", "seconds": 2.5, "progress_from": 0.1, "progress_to": 0.9}]
"""Longer than a look's interval: a task that no look saw pending is only looked for after 30 s."""
_NOISE_PX = 192
"""A picture with a tile of noise of that size has 1.1 MB, which are 1.5 MB as base64."""
_LISTED = 20
_WAIT_S = 60.0

_SCENARIO: Mapping[str, Any] = {
    "accounts": [_ACCOUNT],
    "timing__video__phases": _PHASES,
    "timing__video__hidden_answers": 0,
    "timing__image__phases": _PHASES,
    "timing__image__hidden_answers": 0,
}


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers requests, under ``prefix`` and to whoever has ``key``."""

    name: str
    port: int
    process: psutil.Process
    key: str
    prefix: str = "/sora/v1"


@dataclass(slots=True)
class Site:
    """Everything that runs.

    ``video_id`` is finished (20 MB), ``large_id`` too (200 MB), ``queued_id`` waits and will not be run.
    ``picture`` is the body of the request that made the picture under ``MADE_BEFORE``.
    """

    folder: Path
    cores: Cores
    simulator: Simulator
    gateway: Gateway
    key: str
    store: StoreMeter
    backend: BackendMeter
    servers: dict[str, Server] = field(default_factory=dict)
    video_id: str = ""
    large_id: str = ""
    queued_id: str = ""
    picture: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def process(self) -> psutil.Process:
        """The gateway's."""
        return self.servers[GATEWAY].process

    def client(self) -> httpx2.Client:
        """Return a client of the gateway, for what is not measured."""
        return httpx2.Client(
            base_url=f"{self.gateway.url}/sora/v1",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=_WAIT_S,
        )

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        server: Server | None = None,
        size_bytes: int = 0,
        **headers: str,
    ) -> str:
        """Return a whole HTTP request, or its head where a body of ``size_bytes`` is to follow."""
        server = server or self.servers[GATEWAY]
        data = "" if body is None else json.dumps(body)
        lines = [
            f"{method} {server.prefix}{path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {server.key}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        if data:
            lines.append("Content-Type: application/json")
        if data or size_bytes:
            lines.append(f"Content-Length: {len(data) or size_bytes}")
        return "\r\n".join(lines) + "\r\n\r\n" + data


@contextlib.contextmanager
def open_bare(
    folder: Path, cores: Cores, scenario: Mapping[str, Any], *, video_slots: int = 3, **variables: str
) -> Iterator[Site]:
    """Start a simulator and a gateway that holds all its accounts; ``variables`` are the gateway's."""
    with contextlib.ExitStack() as stack, pinned(cores.load):
        simulator = Simulator(folder / "simulator", **scenario)
        gateway = new_gateway(folder / "gateway", simulator, **variables)
        for process, where in ((simulator, cores.load), (gateway, cores.server)):
            run(stack, process, where)
        for ready in (simulator.ready(), gateway.ready()):
            asyncio.run(ready)
        tokens = "\n".join(asyncio.run(simulator.tokens()))
        gateway.run("account", "add", "--video-slots", str(video_slots), stdin=tokens)
        site = Site(
            folder=folder,
            cores=cores,
            simulator=simulator,
            gateway=gateway,
            key=gateway.new_key(),
            store=StoreMeter.of_gateway(gateway.data_dir),
            backend=BackendMeter(simulator.url),
        )
        site.servers[GATEWAY] = Server(GATEWAY, gateway.port, psutil.Process(gateway.pid), site.key)
        yield site


@contextlib.contextmanager
def open_site(folder: Path, cores: Cores, *, is_full: bool) -> Iterator[Site]:
    """Start everything, fill it with one finished video and a queue that does not drain.

    Args:
        is_full: with all that a measurement needs; without, what a count does, in less time.
    """
    looks = {} if is_full else {"SORA_GATEWAY_SORA_WEB_POLL_FAST_S": "0.3"}
    with open_bare(folder, cores, _SCENARIO, **looks) as site:
        if is_full:
            _make_picture(site)
        _make_videos(site, is_full=is_full)
        yield site


def new_gateway(folder: Path, simulator: Simulator, **variables: str) -> Gateway:
    """Return a gateway with room for all jobs that looks at the backend as often as it does by default."""
    settings = {
        "SORA_GATEWAY_SORA_WEB_POLL_FAST_S": "1.0",
        "SORA_GATEWAY_SORA_WEB_POLL_SLOW_S": "5.0",
        "SORA_GATEWAY_QUEUE_LIMIT": "10000000",
    }
    return Gateway(folder, simulator, **(settings | variables))


def until(condition: Callable[[], bool], what: str, *, wait_s: float = _WAIT_S) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it is not met; ``what`` says what that means.
    """
    end = time.perf_counter() + wait_s
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError(what)
        time.sleep(0.1)


def noise(side_px: int) -> bytes:
    """Return a square PNG that cannot be compressed: three bytes a pixel."""
    file = io.BytesIO()
    Image.frombytes("RGB", (side_px, side_px), os.urandom(3 * side_px**2)).save(file, "png")
    return file.getvalue()


def _make_videos(site: Site, *, is_full: bool) -> None:
    with site.client() as client:

        def make(prompt: str) -> str:
            answer = client.post("/videos", json=VIDEO | {"prompt": prompt})
            return str(answer.raise_for_status().json()["id"])

        def is_done(job_id: str) -> bool:
            video = client.get(f"/videos/{job_id}").raise_for_status().json()
            if video["status"] == "failed":
                raise RuntimeError(str(video["error"]))
            return bool(video["status"] == "completed")

        site.video_id = make("[huge:20] a glacier" if is_full else VIDEO["prompt"])
        if is_full:
            site.large_id = make("[huge:200] a longer glacier")
        for job_id in filter(None, (site.video_id, site.large_id)):
            until(lambda job_id=job_id: is_done(job_id), "the first videos are not done")
        # From here on the account may make no more videos: what is created stays in the queue.
        asyncio.run(site.simulator.post("accounts", _ACCOUNT | {"video_quota": 0}))
        site.queued_id = make(VIDEO["prompt"])
        for _ in range(_LISTED if is_full else 0):
            make(VIDEO["prompt"])
        until(lambda: _is_quiet(site), "the backend is still being asked")


def _make_picture(site: Site) -> None:
    with site.client() as client:
        files = {"file": ("noise.png", noise(_NOISE_PX), "image/png")}
        file = client.post("/files", files=files, data={"purpose": "vision"}).raise_for_status().json()
        site.picture = IMAGE | {"image": {"file_id": file["id"]}}
        headers = {"Idempotency-Key": MADE_BEFORE}
        client.post("/images/generations", json=site.picture, headers=headers).raise_for_status()


def _is_quiet(site: Site) -> bool:
    site.backend.reset()
    time.sleep(1.5)
    return not site.backend.count()
