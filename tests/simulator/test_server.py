"""Processes and sockets: ports, signals, stdin, cancellation."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time

import httpx2
import pytest

from sora_gateway.simulator.server import SimulatorAddress, SimulatorConfig, serve
from tests.simulator.conftest import Running, scenario_of

_CHILD = """
import asyncio
from sora_gateway.simulator.server import SimulatorConfig, serve
config = SimulatorConfig(port=0, scenario="fast")
asyncio.run(serve(config, on_ready=lambda a: print(a.base_url, flush=True), exit_with_stdin=True))
"""


async def test_real_ports_are_reported_and_both_listeners_answer(running: Running) -> None:
    """Ephemeral ports are told, and the media host is an origin of its own."""
    async with running() as sim:
        assert sim.address.base_url != sim.address.media_origin
        assert (await sim.http.get("/healthz")).json() == {"status": "ok"}
        media = await sim.http.get(f"{sim.address.media_origin}/az/files/nothing/raw")
        assert media.status_code == 403
        assert [item["name"] for item in sim.address.accounts] == ["free", "plus", "pro"]


async def test_links_use_the_public_media_origin() -> None:
    """In a container the media host has another name outside."""
    ready: asyncio.Future[SimulatorAddress] = asyncio.get_running_loop().create_future()
    config = SimulatorConfig(port=0, scenario="fast", public_media_origin="http://media.test:9/")
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(config, on_ready=ready.set_result))
        assert (await ready).media_origin == "http://media.test:9"
        server.cancel()


async def test_taken_port_is_an_error(running: Running) -> None:
    """A second server on the same port fails and says so."""
    async with running() as sim:
        port = int(sim.address.base_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            await serve(SimulatorConfig(port=port, scenario=scenario_of()))


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT, "stdin"])
def test_process_ends_soon(way: signal.Signals | str) -> None:
    """A signal or the end of stdin ends the process within two seconds, an open connection or not."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child, httpx2.Client(trust_env=False) as client:
        url = child.stdout.readline().strip()
        assert client.get(f"{url}/healthz").status_code == 200
        began = time.monotonic()
        if isinstance(way, str):
            child.stdin.close()
        else:
            child.send_signal(way)
        assert child.wait(timeout=5) == 0
        assert time.monotonic() - began < 2
