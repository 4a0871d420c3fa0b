"""Prove that the demo's simulator starts, keeps its ports, and does not outlive its parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest

from sora_gateway.cli.demo_child import simulator_running
from sora_gateway.cli.plain import CommandError
from tests.cli.processes import gone


async def test_same_ports_again(tmp_path: Path) -> None:
    """A second run on the folder has the addresses and the accounts of the first."""
    seen = []
    for _ in range(2):
        async with simulator_running(scenario="fast", data_dir=tmp_path) as simulator:
            async with httpx2.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"{simulator.base_url}/healthz")).status_code == 200
            ids = [account["user_id"] for account in simulator.accounts]
            seen.append((simulator.base_url, simulator.media_origin, ids))
        assert simulator.process.returncode == 0
    assert seen[0] == seen[1]


async def test_damaged_note(tmp_path: Path) -> None:
    """What is no pair of ports is as good as nothing."""
    (tmp_path / "ports.json").write_text('["x"]')
    async with simulator_running(scenario="fast", data_dir=tmp_path) as simulator:
        assert simulator.base_url.startswith("http://127.0.0.1:")


async def test_does_not_start(tmp_path: Path) -> None:
    """A simulator that cannot start is an error, not a wait."""
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(CommandError, match="did not start"):
        async with simulator_running(scenario="fast", data_dir=tmp_path):
            pass


def test_parent_killed(tmp_path: Path) -> None:
    """The system closes the child's standard input when the parent is gone, and it ends."""
    code = (
        "import asyncio, pathlib, sys\n"
        "from sora_gateway.cli.demo_child import simulator_running\n"
        "async def main():\n"
        "    async with simulator_running(scenario='fast', data_dir=pathlib.Path(sys.argv[1])):\n"
        "        print('up', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) == 1
        parent.kill()
    assert gone(children, 5)
