"""What is measured: each workload yields samples of one round."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping

import psutil

from benchmarks.asking import ASKS, Ask, ask, relayed_events, upload_order
from benchmarks.counts import count_status
from benchmarks.fleet import in_flight
from benchmarks.machine import pinned
from benchmarks.meters import MIB, BackendMeter, cpu_s, watched
from benchmarks.nodes import nodes
from benchmarks.orders import Loader
from benchmarks.relay import relay
from benchmarks.samples import Figure, Sample
from benchmarks.simulated import simulated
from benchmarks.site import GATEWAY, IMAGE, LITELLM, VIDEO, Site, new_gateway
from benchmarks.transfers import count_copies, count_upload_copies

_STREAMS = (1, 100, 1000)
_WHOLE_IMAGES = 3
_WHOLE_CHATS = 4
_SETTLE_S = 3.0


def counts(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Sample]:
    """Count what is promised, once: counts do not vary as times do."""
    del seconds
    if number == 0:
        yield from count_status(site, loader)
        yield from count_copies(site, loader)
        yield from count_upload_copies(site, loader, upload_order(site, site.servers[GATEWAY]))


def whole_images(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Make images from the request to the answer: submit, look, fetch, keep, encode."""
    del number, seconds
    with watched(site.process) as usage:
        order = {"request": site.request("POST", "/images/generations", IMAGE), "connections": 1}
        seen = loader.ask(site.gateway.port, **order, most=_WHOLE_IMAGES)
    what = "image made and answered (submit to base64)"
    yield Figure(what=f"{what}: CPU", unit="ms", value=usage.cpu_s / seen["requests"] * 1000)
    yield Figure(what=f"{what}: time, most of it the simulated backend's", unit="ms", value=seen["p50_ms"])


def whole_chats(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Stream chats that make an image, from the request over progress to the link; and relay many events."""
    del number, seconds
    body = {
        "model": IMAGE["model"],
        "stream": True,
        "messages": [{"role": "user", "content": IMAGE["prompt"]}],
    }
    with watched(site.process) as usage:
        order = {"request": site.request("POST", "/chat/completions", body), "connections": 1}
        seen = loader.ask(site.gateway.port, **order, most=_WHOLE_CHATS)
    what = "chat stream that makes an image (request to link)"
    yield Figure(what=f"{what}: CPU", unit="ms", value=usage.cpu_s / seen["requests"] * 1000)
    for name, cpu_us in relayed_events(site, loader):
        yield Figure(
            what=f"{name}: chat streams of 100 events relayed, CPU per event", unit="µs", value=cpu_us
        )


def streams(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Open event streams of one job, then cancel it: each gets a last event and ends."""
    del number, seconds
    with site.client() as client:
        for count in _STREAMS:
            job_id = client.post("/videos", json=VIDEO).raise_for_status().json()["id"]
            request = site.request("GET", f"/videos/{job_id}/events", Connection="close")
            before_bytes = site.process.memory_info().rss
            loader.tell("open", site.gateway.port, request=request, connections=count)
            grown_bytes = site.process.memory_info().rss - before_bytes
            before_cpu_s, began_s = cpu_s(site.process), time.perf_counter()
            client.post(f"/videos/{job_id}/cancel").raise_for_status()
            seen_at = sorted(loader.tell("ended", event="video.failed")["seen_at"])
            used_s = cpu_s(site.process) - before_cpu_s
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
    "counts": counts,
    # Streams early: memory that a process has taken once it does not give back, so later it seems free.
    "streams": streams,
    **{name: _asking(work) for name, work in ASKS.items()},
    "image-whole": whole_images,
    "chat-whole": whole_chats,
    "start": start_and_idle,
    "relay": relay,
    "nodes": nodes,
    "simulator": simulated,
    "in-flight": in_flight,
}


def servers_of(name: str) -> frozenset[str]:
    """Return who is measured by a workload."""
    if name == "chat-whole":
        return frozenset({GATEWAY, LITELLM})
    return frozenset(ASKS[name].servers) if name in ASKS else frozenset({GATEWAY})
