"""Measure one, two and three nodes on one store: what each call costs all of them together.

All nodes share the one core that is measured, so rates say nothing here; CPU does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from tests.functional.harness import Gateway

from benchmarks.machine import Cores
from benchmarks.meters import StoreMeter, cpu_s
from benchmarks.orders import Loader
from benchmarks.programs import Program, run
from benchmarks.samples import Figure
from benchmarks.site import VIDEO, Site, new_gateway, until
from sora_gateway.stores.embedded import find_binary

NODES = 3


def nodes(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure]:
    """Start nodes one by one and measure status and create on all that run."""
    folder = site.folder / f"nodes-{number}"
    with contextlib.ExitStack() as stack:
        store = open_store(stack, folder / "store", site.cores)
        gateways = [_join(site, stack, folder, store, 1)]
        gateways[0].add_accounts(asyncio.run(site.simulator.tokens()))
        key = gateways[0].new_key()
        job_id = _final_job(gateways[0], key)
        for count in range(1, NODES + 1):
            if count > 1:
                gateways.append(_join(site, stack, folder, store, count))
            time.sleep(1.0)
            for what, method, path, body in (
                ("status call", "GET", f"/videos/{job_id}", None),
                ("create", "POST", "/videos", VIDEO),
            ):
                request = site.request(method, path, body).replace(site.key, key)
                order = {"request": request, "connections": 6, "ports": [one.port for one in gateways]}
                loader.ask(gateways[0].port, **order, seconds=0.3)
                name = f"{count} node{'s' if count > 1 else ''} on one store: {what}"
                yield from _measured(gateways, store, loader, order, name, seconds)


def open_store(stack: contextlib.ExitStack, folder: Path, cores: Cores) -> StoreMeter:
    """Start a server as the embedded one is started, but one that belongs to nobody."""
    folder.mkdir(parents=True)
    socket = str(folder / "s")
    command = [str(find_binary()), "--port", "0", "--unixsocket", socket, "--dir", str(folder), "--save", ""]
    program = Program(folder, [*command, "--appendonly", "yes", "--appendfsync", "always"])
    run(stack, program, cores.server)
    meter = StoreMeter(socket, program.pid)
    until(lambda: Path(socket).exists() and _answers(meter), "the store does not answer")
    return meter


def _answers(meter: StoreMeter) -> bool:
    return bool(meter.client.ping())


def _join(site: Site, stack: contextlib.ExitStack, folder: Path, store: StoreMeter, number: int) -> Gateway:
    gateway = new_gateway(
        folder / f"node-{number}",
        site.simulator,
        REDIS_URL=f"unix://{store.socket}",
        SORA_GATEWAY_SECRET_KEY="a secret of this benchmark",  # noqa: S106 - guards nothing
        SORA_GATEWAY_MEDIA_DIR=str(folder / "media"),
    )
    run(stack, gateway, site.cores.server)
    asyncio.run(gateway.ready())
    return gateway


def _final_job(gateway: Gateway, key: str) -> str:
    """Return the id of a job that has ended."""

    async def make() -> str:
        async with gateway.client(key) as client:
            made = (await client.post("/videos", json=VIDEO)).raise_for_status().json()
            (await client.post(f"/videos/{made['id']}/cancel")).raise_for_status()
            return str(made["id"])

    return asyncio.run(make())


def _measured(
    gateways: Sequence[Gateway],
    store: StoreMeter,
    loader: Loader,
    order: dict[str, Any],
    name: str,
    seconds: float,
) -> Iterator[Figure]:
    processes = [psutil.Process(gateway.pid) for gateway in gateways]
    before_s, store_before_s = sum(map(cpu_s, processes)), cpu_s(store.process)
    made = loader.ask(gateways[0].port, **order, seconds=seconds)["requests"]
    used_s, store_s = sum(map(cpu_s, processes)) - before_s, cpu_s(store.process) - store_before_s
    yield Figure(what=f"{name}: CPU of all gateways", unit="ms", value=used_s / made * 1000)
    yield Figure(what=f"{name}: CPU of the store", unit="ms", value=store_s / made * 1000)
    yield Figure(what=f"{name}: store : gateways", unit="", value=store_s / used_s)
