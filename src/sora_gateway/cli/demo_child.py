"""Run the simulated backend as a child process that never outlives its parent, however that ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sora_gateway.cli.plain import CommandError

_START_S = 30.0
_STOP_S = 2.0
_LONGEST_LINE = 64 * 2**20
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A running simulated backend."""

    process: Process
    base_url: str
    media_origin: str
    accounts: tuple[Mapping[str, Any], ...]

    async def wait_end(self) -> int:
        """Wait until it ends; return its exit code. Reads what it prints, so that it never blocks."""
        if self.process.stdout is not None:
            while await self.process.stdout.read(65_536):
                pass
        return await self.process.wait()


@contextlib.asynccontextmanager
async def simulator_running(*, scenario: str, data_dir: Path) -> AsyncIterator[Simulator]:
    """Start the child, on its earlier ports if they are free, and end it with the block.

    ``data_dir`` must exist.

    It watches its standard input, which the system closes when this process is gone, killed or not.

    Raises:
        CommandError: it did not start; its own words are on standard error.
    """
    note = data_dir / "ports.json"
    port, media_port = _earlier_ports(note)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # modules of the current folder do not stand in for ours
        *("-m", "sora_gateway", "simulate", "--json", "--exit-with-stdin", "--host", _LOOPBACK),
        *("--port", str(port), "--media-port", str(media_port)),
        *("--scenario", scenario, "--data-dir", str(data_dir)),
        stdin=PIPE,
        stdout=PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl+C reaches the parent alone, which then ends it in order
    )
    try:
        simulator = await _ready(process)
        note.write_text(json.dumps([_port(simulator.base_url), _port(simulator.media_origin)]))
        yield simulator
    finally:
        await _end(process)


async def _ready(process: Process) -> Simulator:
    line = b""
    with contextlib.suppress(TimeoutError, ValueError):
        async with asyncio.timeout(_START_S):
            if process.stdout is not None:
                line = await process.stdout.readline()
    try:
        said = json.loads(line)
        return Simulator(
            process=process,
            base_url=said["base_url"],
            media_origin=said["media_origin"],
            accounts=tuple(said["accounts"]),
        )
    except (ValueError, LookupError, TypeError):
        raise CommandError("The simulator did not start; what it said stands above.") from None


async def _end(process: Process) -> None:
    """Close its standard input, which ends it; kill it if it does not listen."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _earlier_ports(note: Path) -> tuple[int, int]:
    try:
        port, media_port = (int(value) for value in json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        return 0, 0
    return (port, media_port) if _is_free(port) and _is_free(media_port) else (0, 0)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((_LOOPBACK, port))
        except (OSError, OverflowError):
            return False
        return True


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
