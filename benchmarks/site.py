"""Start what a run needs on loopback: simulator, gateway, the plain peer and, where installed, nginx."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
from tests.functional.harness import Gateway, Process, Simulator, answers, free_port

from benchmarks import plain
from benchmarks.machine import ROOT, Cores, pinned
from benchmarks.meters import BackendMeter, StoreMeter

GATEWAY, PLAIN, NGINX = "gateway", "plain FastAPI + Redis", "nginx (limit)"
VIDEO = {"model": "sora_video2", "prompt": "a paper boat drifting down a gutter stream"}
IMAGE = {"model": "sora_image", "prompt": "a paper boat, ink drawing"}

_ACCOUNT = {"name": "one", "plan": "plus", "video_quota": 5000, "image_quota": 5000}
_PHASES = [{"status": "running", "seconds": 2.5, "progress_from": 0.1, "progress_to": 0.9}]
"""Longer than a look's interval: a task that no look saw pending is only looked for after 30 s."""
_LISTED = 20
_WAIT_S = 60.0

_SCENARIO = {
    "accounts": [_ACCOUNT],
    "timing__video__phases": _PHASES,
    "timing__video__hidden_answers": 0,
    "timing__image__phases": _PHASES,
    "timing__image__hidden_answers": 0,
}

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port};
    location ~ /content$ {{ root {folder}; try_files /video.mp4 =404; }}
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


class Peer(Process):
    """Another server."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        super().__init__([], folder)
        self._command = command
        self._folder = ROOT


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers requests."""

    name: str
    port: int
    process: psutil.Process


@dataclass(slots=True)
class Site:
    """Everything that runs. ``video_id`` is finished (20 MB), ``queued_id`` waits and will not be run."""

    folder: Path
    cores: Cores
    simulator: Simulator
    gateway: Gateway
    key: str
    store: StoreMeter
    backend: BackendMeter
    servers: dict[str, Server] = field(default_factory=dict)
    video_id: str = ""
    queued_id: str = ""
    notes: list[str] = field(default_factory=list)

    def client(self) -> httpx2.Client:
        """Return a client of the gateway, for what is not measured."""
        return httpx2.Client(
            base_url=f"{self.gateway.url}/sora/v1",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=_WAIT_S,
        )

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> str:
        """Return a whole HTTP request."""
        data = "" if body is None else json.dumps(body)
        lines = [
            f"{method} /sora/v1{path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self.key}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        if data:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        return "\r\n".join(lines) + "\r\n\r\n" + data


@contextlib.contextmanager
def open_site(folder: Path, cores: Cores, *, has_peers: bool, nginx: str | None = None) -> Iterator[Site]:
    """Start everything, fill it with one finished video and a queue that does not drain."""
    with contextlib.ExitStack() as stack, pinned(cores.load):
        simulator = Simulator(folder / "simulator", **_SCENARIO)
        gateway = new_gateway(folder / "gateway", simulator, interval_s=None if has_peers else 0.3)
        for process, where in ((simulator, cores.load), (gateway, cores.server)):
            run(stack, process, where)
        for ready in (simulator.ready(), gateway.ready()):
            asyncio.run(ready)
        gateway.add_accounts(asyncio.run(simulator.tokens()))
        site = Site(
            folder=folder,
            cores=cores,
            simulator=simulator,
            gateway=gateway,
            key=gateway.new_key(),
            store=StoreMeter(gateway.data_dir),
            backend=BackendMeter(simulator.url),
        )
        site.servers[GATEWAY] = Server(GATEWAY, gateway.port, psutil.Process(gateway.pid))
        _fill(site, huge=has_peers)
        if has_peers:
            _start_peers(site, stack, nginx)
        yield site


def new_gateway(folder: Path, simulator: Simulator, *, interval_s: float | None = None) -> Gateway:
    """Return a gateway with room for all jobs that looks at the backend as often as it does by default.

    Args:
        interval_s: looks more often, for those who do not measure and do not want to wait.
    """
    return Gateway(
        folder,
        simulator,
        SORA_GATEWAY_SORA_WEB_POLL_FAST_S=str(interval_s or 1.0),
        SORA_GATEWAY_SORA_WEB_POLL_SLOW_S=str(interval_s or 5.0),
        SORA_GATEWAY_QUEUE_LIMIT="10000000",
    )


def run(stack: contextlib.ExitStack, process: Process, cores: frozenset[int]) -> None:
    """Start ``process`` on ``cores``; it ends with ``stack``."""
    with pinned(cores):
        process.start()
    stack.callback(process.close)


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.perf_counter() + _WAIT_S
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError(what)
        time.sleep(0.1)


def _fill(site: Site, *, huge: bool) -> None:
    with site.client() as client:

        def make(prompt: str) -> str:
            answer = client.post("/videos", json=VIDEO | {"prompt": prompt})
            return str(answer.raise_for_status().json()["id"])

        def is_done() -> bool:
            video = client.get(f"/videos/{site.video_id}").raise_for_status().json()
            if video["status"] == "failed":
                raise RuntimeError(str(video["error"]))
            return bool(video["status"] == "completed")

        site.video_id = make("[huge:20] a glacier" if huge else VIDEO["prompt"])
        _until(is_done, "the first video is not done")
        # From here on the account may make no more videos: what is created stays in the queue.
        asyncio.run(site.simulator.post("accounts", _ACCOUNT | {"video_quota": 0}))
        site.queued_id = make(VIDEO["prompt"])
        for _ in range(_LISTED if huge else 0):
            make(VIDEO["prompt"])
        _until(lambda: _is_quiet(site), "the backend is still being asked")


def _is_quiet(site: Site) -> bool:
    site.backend.reset()
    time.sleep(1.5)
    return not site.backend.count()


def _start_peers(site: Site, stack: contextlib.ExitStack, nginx: str | None) -> None:
    with site.client() as client:
        answer = client.get(f"/videos/{site.video_id}").text
        video = site.folder / "video.mp4"
        video.write_bytes(client.get(f"/videos/{site.video_id}/content").content)
        made = client.post("/images/generations", json=IMAGE, headers={"Idempotency-Key": "benchmark"})
        image = site.folder / "image.png"
        image.write_bytes(base64.b64decode(made.raise_for_status().json()["data"][0]["b64_json"]))
    site.notes.append(
        f"video {video.stat().st_size / 1e6:.1f} MB, image {image.stat().st_size / 1e6:.2f} MB, "
        f"{image.stat().st_size * 4 / 3e6:.2f} MB as base64, status answer {len(answer)} bytes"
    )
    site.store.client.hset(plain.KEYS, hashlib.sha256(site.key.encode()).hexdigest(), "benchmark")
    site.store.client.hset(plain.JOBS, site.video_id, answer)
    port = free_port()
    files = ["--video", str(video), "--image", str(image)]
    command = [sys.executable, "-m", "benchmarks.plain", "--port", str(port), "--socket", site.store.socket]
    _start_peer(site, stack, PLAIN, port, [*command, *files])
    if nginx is None:
        site.notes.append("nginx is not installed here, so the practical limit is missing")
        return
    port, config = free_port(), site.folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=site.folder, port=port, answer=answer.replace("'", "")))
    _start_peer(site, stack, NGINX, port, [nginx, "-c", str(config), "-g", "master_process off;"])


def _start_peer(site: Site, stack: contextlib.ExitStack, name: str, port: int, command: list[str]) -> None:
    peer = Peer(site.folder / name.split()[0], command)
    run(stack, peer, site.cores.server)
    asyncio.run(answers(f"http://127.0.0.1:{port}/openapi.json", peer))
    site.servers[name] = Server(name, port, psutil.Process(peer.pid))
