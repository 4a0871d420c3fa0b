"""What is measured: each workload yields samples of one round."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import psutil

from benchmarks.machine import pinned
from benchmarks.meters import MIB, BackendMeter, cpu_s, watched
from benchmarks.orders import Loader
from benchmarks.site import GATEWAY, IMAGE, NGINX, PLAIN, VIDEO, Site, new_gateway

_STREAMS = (1, 100, 1000)
_WHOLE_IMAGES = 3
_SETTLE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One server under one load for some seconds."""

    work: str
    connections: int
    server: str
    per_s: float
    mb_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    store_cpu_ms: float
    rss_mib: float
    grown_mib: float
    load_busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that is not a rate."""

    what: str
    unit: str
    value: float


Sample = Rate | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that is sent again and again."""

    work: str
    request: Callable[[Site], str]
    connections: tuple[int, ...]
    servers: tuple[str, ...] = (GATEWAY,)


ASKS: Mapping[str, Ask] = {
    "status": Ask(
        work="job status, finished",
        request=lambda site: site.request("GET", f"/videos/{site.video_id}"),
        connections=(1, 64),
        servers=(GATEWAY, PLAIN, NGINX),
    ),
    "status-queued": Ask(
        work="job status, queued",
        request=lambda site: site.request("GET", f"/videos/{site.queued_id}"),
        connections=(1, 64),
    ),
    "create": Ask(
        work="create a job",
        request=lambda site: site.request("POST", "/videos", VIDEO),
        connections=(1, 16),
        servers=(GATEWAY, PLAIN),
    ),
    "list": Ask(
        work="list 20 jobs",
        request=lambda site: site.request("GET", "/videos?limit=20"),
        connections=(1, 16),
    ),
    "image": Ask(
        work="image answer, made before",
        request=lambda site: site.request("POST", "/images/generations", IMAGE, Idempotency_Key="benchmark"),
        connections=(1,),
        servers=(GATEWAY, PLAIN),
    ),
    "content": Ask(
        work="download 20 MB",
        request=lambda site: site.request("GET", f"/videos/{site.video_id}/content"),
        connections=(1, 8),
        servers=(GATEWAY, PLAIN, NGINX),
    ),
}


def ask(site: Site, loader: Loader, work: Ask, number: int, seconds: float) -> Iterator[Rate]:
    """Measure all servers of a workload one after another, each round beginning with the next one."""
    present = [site.servers[name] for name in work.servers if name in site.servers]
    turn = number % len(present)
    for connections in work.connections:
        for server in present[turn:] + present[:turn]:
            order = {"request": work.request(site), "connections": connections}
            loader.ask(server.port, **order, seconds=min(0.3, seconds / 4))
            store_before_s = cpu_s(site.store.process)
            with watched(server.process) as usage:
                seen = loader.ask(server.port, **order, seconds=seconds)
            made = seen["requests"]
            yield Rate(
                work=work.work,
                connections=connections,
                server=server.name,
                per_s=made / seen["seconds"],
                mb_per_s=seen["size_bytes"] / seen["seconds"] / 1e6,
                p50_ms=seen["p50_ms"],
                p99_ms=seen["p99_ms"],
                cpu_ms=usage.cpu_s / made * 1000,
                store_cpu_ms=(cpu_s(site.store.process) - store_before_s) / made * 1000,
                rss_mib=usage.rss_bytes / MIB,
                grown_mib=(usage.peak_bytes - usage.before_bytes) / MIB,
                load_busy=seen["load_busy"],
            )


def whole_images(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Make images from the request to the answer: submit, look, fetch, keep, encode."""
    del number, seconds
    with watched(site.servers[GATEWAY].process) as usage:
        order = {"request": site.request("POST", "/images/generations", IMAGE), "connections": 1}
        seen = loader.ask(site.gateway.port, **order, most=_WHOLE_IMAGES)
    what = "image made and answered (submit to base64)"
    yield Figure(what=f"{what}: CPU", unit="ms", value=usage.cpu_s / seen["requests"] * 1000)
    yield Figure(what=f"{what}: time, most of it the simulated backend's", unit="ms", value=seen["p50_ms"])


def streams(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Open event streams of one job, then cancel it: each gets a last event and ends."""
    del number, seconds
    gateway = site.servers[GATEWAY].process
    with site.client() as client:
        for count in _STREAMS:
            job_id = client.post("/videos", json=VIDEO).raise_for_status().json()["id"]
            request = site.request("GET", f"/videos/{job_id}/events", Connection="close")
            order = {"request": request, "connections": count}
            before_bytes = gateway.memory_info().rss
            loader.tell("open", site.gateway.port, **order)
            grown_bytes = gateway.memory_info().rss - before_bytes
            before_cpu_s, began_s = cpu_s(gateway), time.perf_counter()
            client.post(f"/videos/{job_id}/cancel").raise_for_status()
            seen_at = sorted(loader.tell("ended", event="video.failed")["seen_at"])
            used_s = cpu_s(gateway) - before_cpu_s
            name = f"{count:,} open event streams"
            late_s = seen_at[len(seen_at) * 99 // 100] - began_s
            yield Figure(what=f"{name}: cancel to the event, p99", unit="ms", value=late_s * 1000)
            if count > 1:
                each_kb = grown_bytes / count / 1000
                yield Figure(what=f"{name}: memory each (largest of the rounds)", unit="kB", value=each_kb)
                what = f"{name}: CPU for the last event and the end, each"
                yield Figure(what=what, unit="µs", value=used_s / count * 1e6)


def start_and_idle(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Start a second gateway on an empty folder, give it an account, and let it be."""
    del loader
    gateway = new_gateway(site.folder / f"idle-{number}", site.simulator)
    with contextlib.closing(gateway):
        began_s = time.perf_counter()
        with pinned(site.cores.server):
            gateway.start()
        _first_answer(gateway.port)
        yield Figure(what="start to the first 200, empty folder", unit="ms", value=_ms_since(began_s))
        gateway.add_accounts(asyncio.run(site.simulator.tokens()))
        time.sleep(_SETTLE_S)
        backend = BackendMeter(site.simulator.url)
        backend.reset()
        process = psutil.Process(gateway.pid)
        children = process.children(recursive=True)
        with watched(process) as usage:
            time.sleep(seconds)
        rss_bytes = usage.rss_bytes
        store_bytes = sum(child.memory_info().rss for child in children)
        yield Figure(what="idle with one account: resident", unit="MiB", value=rss_bytes / MIB)
        yield Figure(what="idle: resident, embedded store", unit="MiB", value=store_bytes / MIB)
        yield Figure(what="idle: CPU", unit="%", value=usage.cpu_s / seconds * 100)
        yield Figure(what="idle: upstream calls", unit="", value=sum(backend.count().values()))


def _ms_since(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000


def _first_answer(port: int) -> None:
    """Wait until the gateway answers; whoever connects earlier is kept waiting by its listener."""
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    end = time.perf_counter() + 30
    while time.perf_counter() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as made:
            made.sendall(request)
            if made.recv(64).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.002)
    raise TimeoutError("the gateway does not answer")


Workload = Callable[[Site, Loader, int, float], Iterator[Sample]]


def _asking(work: Ask) -> Workload:
    return lambda site, loader, number, seconds: ask(site, loader, work, number, seconds)


WORKLOADS: Mapping[str, Workload] = {
    # Streams first: memory that a process has taken once it does not give back, so later it seems free.
    "streams": streams,
    **{name: _asking(work) for name, work in ASKS.items()},
    "image-whole": whole_images,
    "start": start_and_idle,
}
