"""Measure requests that are sent again and again, to all servers that can answer them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import stub
from benchmarks.meters import MIB, cpu_s, watched
from benchmarks.orders import Loader
from benchmarks.peers import CHAT, litellm_id
from benchmarks.samples import Rate
from benchmarks.site import GATEWAY, IMAGE, LITELLM, MADE_BEFORE, NGINX, PLAIN, VIDEO, Server, Site, noise
from benchmarks.transfers import UPLOAD_BYTES, padded, upload_file

Order = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that is sent again and again; ``deed`` and ``more`` say how."""

    work: str
    order: Callable[[Site, Server], Order]
    connections: tuple[int, ...]
    servers: tuple[str, ...] = (GATEWAY,)
    status: int = 200
    deed: str = "ask"
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_warmed_up(self) -> bool:
        """Tell whether it is done for a moment before it is measured; large transfers are not."""
        return self.deed == "ask" and "most" not in self.more


def ask(site: Site, loader: Loader, work: Ask, number: int, seconds: float) -> Iterator[Rate]:
    """Measure all servers of a workload one after another, each round beginning with the next one."""
    present = [site.servers[name] for name in work.servers if name in site.servers]
    turn = number % len(present)
    for connections in work.connections:
        for server in present[turn:] + present[:turn]:
            order = work.order(site, server) | {"connections": connections, "status": work.status}
            if work.is_warmed_up:
                loader.ask(server.port, **order, seconds=min(0.3, seconds / 4))
            yield measured(
                site, loader, server, work.work, {**order, **work.more, "deed": work.deed, "seconds": seconds}
            )


def measured(site: Site, loader: Loader, server: Server, work: str, order: Order) -> Rate:
    """Carry an order out and return what it cost."""
    store_before_s = cpu_s(site.store.process)
    with watched(server.process) as usage:
        seen = loader.ask(server.port, **order)
    made = seen["requests"]
    return Rate(
        work=work,
        connections=order["connections"],
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


def _get(path: Callable[[Site], str], **headers: str) -> Callable[[Site, Server], Order]:
    """Return the order of a GET of a video; LiteLLM has ids of its own."""

    def order(site: Site, server: Server) -> Order:
        text = path(site)
        if server.name == LITELLM:
            text = text.replace(site.video_id, litellm_id(site.video_id))
        return {"request": site.request("GET", text, server=server, **headers)}

    return order


def _post(path: str, body: Callable[[Site], Any], **headers: str) -> Callable[[Site, Server], Order]:
    return lambda site, server: {"request": site.request("POST", path, body(site), server=server, **headers)}


def _picture(site: Site, server: Server) -> Order:
    """Ask for the picture that was made; the stub behind LiteLLM has it whatever is asked."""
    body = IMAGE if server.name == LITELLM else site.picture
    headers = {"Idempotency_Key": MADE_BEFORE}
    return {"request": site.request("POST", "/images/generations", body, server=server, **headers)}


_STATUS = _get(lambda site: f"/videos/{site.video_id}")
_CONTENT = _get(lambda site: f"/videos/{site.video_id}/content")
_CREATE = _post("/videos", lambda _: VIDEO)
_EVENTS = CHAT | {"model": stub.EVENTS_MODEL}
_PACE = {"deed": "pace", "more": {"per_s": 300}}


def upload_order(site: Site, server: Server) -> Order:
    """Send a video of 10 MB as a file."""
    body = upload_file(site.folder, "file", "video.mp4", "video/mp4", lambda: _ten_mb(site), purpose="vision")
    return body.order(site, server, "/files")


def _ten_mb(site: Site) -> bytes:
    """Return a video of 10 MB: the finished one with less padding behind it."""
    with site.client() as client:
        data = client.get(f"/videos/{site.video_id}/content").raise_for_status().content
    return padded(data, UPLOAD_BYTES)


def _create_with_picture(site: Site, server: Server) -> Order:
    """Make a video from a picture of 10 MB."""
    body = upload_file(site.folder, "input_reference", "noise.png", "image/png", lambda: noise(1826), **VIDEO)
    return body.order(site, server, "/videos")


ASKS: Mapping[str, Ask] = {
    # What takes memory comes first: what a process has taken once it does not give back, so later it is free.
    "upload": Ask(
        work="upload 10 MB as a file, 8 times",
        order=upload_order,
        connections=(8,),
        servers=(GATEWAY, PLAIN),
        more={"most": 8},
    ),
    "content-large": Ask(
        work="download 200 MB, 8 times",
        order=_get(lambda site: f"/videos/{site.large_id}/content"),
        connections=(8,),
        servers=(GATEWAY, PLAIN, NGINX),
        more={"most": 8},
    ),
    "content-slow": Ask(
        work="download 200 MB at 2 MB/s, cut off",
        order=_get(lambda site: f"/videos/{site.large_id}/content"),
        connections=(8,),
        servers=(GATEWAY, PLAIN, NGINX),
        deed="sip",
        more={"bytes_per_s": 2_000_000},
    ),
    "upload-picture": Ask(
        work="create with a picture of 10 MB, 8 times",
        order=_create_with_picture,
        connections=(8,),
        more={"most": 8},
    ),
    "status": Ask(
        work="job status, finished",
        order=_STATUS,
        connections=(1, 64),
        servers=(GATEWAY, PLAIN, NGINX, LITELLM),
    ),
    "status-queued": Ask(
        work="job status, queued",
        order=_get(lambda site: f"/videos/{site.queued_id}"),
        connections=(1, 64),
    ),
    "status-paced": Ask(
        work="job status, finished, 300 per s",
        order=_STATUS,
        connections=(16,),
        servers=(GATEWAY, PLAIN, NGINX),
        **_PACE,
    ),
    "create": Ask(
        work="create a job",
        order=_CREATE,
        connections=(1, 16),
        servers=(GATEWAY, PLAIN, LITELLM),
    ),
    "create-paced": Ask(
        work="create a job, 300 per s",
        order=_CREATE,
        connections=(16,),
        servers=(GATEWAY, PLAIN),
        **_PACE,
    ),
    "list": Ask(
        work="list 20 jobs",
        order=_get(lambda _: "/videos?limit=20"),
        connections=(1, 16),
    ),
    "image": Ask(
        work="image answer of 1.5 MB, made before",
        order=_picture,
        connections=(1,),
        servers=(GATEWAY, PLAIN, LITELLM),
    ),
    "chat": Ask(
        work="chat stream, a prompt worded",
        order=_post("/chat/completions", lambda _: CHAT),
        connections=(1, 16),
        servers=(GATEWAY, LITELLM),
    ),
    "content": Ask(
        work="download 20 MB",
        order=_CONTENT,
        connections=(1, 8),
        servers=(GATEWAY, PLAIN, NGINX, LITELLM),
    ),
    "content-range": Ask(
        work="download 1 MB of 20 MB (Range)",
        order=_get(lambda site: f"/videos/{site.video_id}/content", Range="bytes=5000000-5999999"),
        connections=(1, 8),
        servers=(GATEWAY, PLAIN, NGINX),
        status=206,
    ),
}
"""By the name under which each can be run alone."""


def relayed_events(site: Site, loader: Loader) -> Iterator[tuple[str, float]]:
    """Yield what an event costs a server that relays a stream of many, in µs of CPU."""
    server = site.servers.get(LITELLM)
    if server is None:
        return
    order = {"request": site.request("POST", "/chat/completions", _EVENTS, server=server), "connections": 4}
    loader.ask(server.port, **order, most=4)
    with watched(server.process) as usage:
        made = loader.ask(server.port, **order, most=24)["requests"]
    yield server.name, usage.cpu_s / (made * stub.EVENTS) * 1e6
