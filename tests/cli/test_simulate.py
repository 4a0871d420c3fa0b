"""Prove that the simulated backend can be run and used by hand."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import httpx2

from sora_gateway.cli.simulate import described
from sora_gateway.simulator.server import SimulatorAddress
from tests.cli.conftest import Command
from tests.cli.processes import Process


def test_described() -> None:
    """A person reads where it is, how to point a gateway at it, and whole tokens."""
    account = {"name": "plus", "plan": "plus", "email": "p@example.org", "access_token": "e" * 400}
    text = described(
        SimulatorAddress(
            base_url="http://127.0.0.1:8100", media_origin="http://127.0.0.1:8101", accounts=(account,)
        )
    )
    assert "SORA_GATEWAY_SORA_WEB_BASE_URL=http://127.0.0.1:8100/backend" in text
    assert "http://127.0.0.1:8101" in text
    assert "e" * 400 in text


def test_runs_until_told(start: Callable[..., Process]) -> None:
    """It answers on the address it prints, and ends with exit code 0."""
    process = start("simulate", "--port", "0", "--scenario", "fast", "--json")
    address = json.loads(process.line("{"))
    answer = httpx2.get(f"{address['base_url']}/simulator/accounts", trust_env=False)
    assert [one["name"] for one in answer.json()["items"]] == ["free", "plus", "pro"]
    assert process.stop()[0] == 0


def test_mistakes(command: Command) -> None:
    """An unknown scenario is wrong usage; a taken port is told."""
    result = command("simulate", "--scenario", "none")
    assert (result.exit_code, "no scenario named 'none'" in result.stderr) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = command("simulate", "--port", str(taken.getsockname()[1]))
    assert (result.exit_code, "is taken by another program" in result.stderr) == (1, True)
