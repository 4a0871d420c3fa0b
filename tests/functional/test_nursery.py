"""A command from the nursery is a process as any other: its words, folder, files, end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.functional.harness import Gateway, Process, Simulator, environment, free_port, running
from tests.functional.nursery import Nursery

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked"),
]


def test_words_and_end(tmp_path: Path) -> None:
    """Each command has its own words and its own exit code; what it prints comes to its own files."""
    said = []
    nursery = Nursery(environment())
    for words in (["--version"], ["licence", "create"], ["--version"]):
        with TemporaryFile() as nothing, TemporaryFile() as out, TemporaryFile() as err:
            files = (nothing.fileno(), out.fileno(), err.fileno())
            child = nursery.start(words, tmp_path, environment(), files)
            code = child.wait(20)
            out.seek(0)
            err.seek(0)
            said.append((code, out.read().split(b" ")[0], bool(err.read())))
    nursery.close()
    assert said == [(0, b"sora-gateway", False), (2, b"", True), (0, b"sora-gateway", False)]


async def test_signals(tmp_path: Path) -> None:
    """It is the leader of its session, ends gently by one signal and is killed by another."""
    simulator = Simulator(tmp_path)
    with running(simulator):
        await simulator.ready()
        assert os.getsid(simulator.pid) == simulator.pid != os.getsid(0)
        with pytest.raises(subprocess.TimeoutExpired):
            simulator.wait(0.01)
        simulator.signal(signal.SIGTERM)
        assert simulator.wait(10) in (0, -signal.SIGTERM)
        assert not simulator.is_alive()
        simulator.start()
        await simulator.ready()
        simulator.kill()
        assert simulator.wait(0) == -signal.SIGKILL


def test_environment(tmp_path: Path) -> None:
    """Variables and folder are those that were given, not those of the nursery."""
    folder = tmp_path / "elsewhere"
    gateway = Gateway(folder, Simulator(tmp_path / "simulator"), SORA_GATEWAY_LOG_LEVEL="nonsense")
    with pytest.raises(AssertionError, match="nonsense"):
        gateway.run("licence", "list")
    port = free_port()
    broken = Process(["serve", "--port", str(port)], folder, SORA_GATEWAY_DATA_DIR=str(tmp_path / "data"))
    (folder / ".env").write_text("SORA_GATEWAY_LOG_FORMAT=nonsense\n")
    with running(broken):
        assert broken.wait(20) == 2
    assert "nonsense" in broken.log.read_text()
