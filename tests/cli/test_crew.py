"""Prove that workers are started, started anew and ended; what they do is played by short scripts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sora_gateway.cli.crew import MOST_QUICK, Crew, End, pause_s
from sora_gateway.cli.listening import bind
from sora_gateway.cli.plain import CommandError, cause_of, told
from sora_gateway.settings import Settings

HEAD = """
import json, os, signal, socket, sys, time
orders = json.loads(sys.stdin.readline())
number = orders["number"]
def say(**words): print(json.dumps({"is_ready": False, "failure": None} | words), flush=True)
def serve():
    sys.stdin.readline()
    say(is_ready=True)
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.setblocking(True)
    while True:
        with listener.accept()[0] as peer:
            peer.sendall(json.dumps([os.getpid(), number, os.environ["PROMETHEUS_MULTIPROC_DIR"]]).encode())
"""


class Stage:
    """A crew that runs, with what it said."""

    def __init__(self, folder: Path, script: str, workers: int, **options: Any) -> None:
        self.listener = bind("127.0.0.1", 0)
        self.ready = asyncio.Event()
        self.times_ready = 0
        options = {"pause": lambda quick: 0.0, **options}
        self.crew = Crew(
            Settings(workers=workers),
            self.listener,
            folder,
            on_ready=self._on_ready,
            command=(sys.executable, "-S", "-c", HEAD + script),
            **options,
        )

    def _on_ready(self) -> None:
        self.times_ready += 1
        self.ready.set()

    async def ask(self) -> list[Any]:
        """Call, and return process, number and folder of who answers."""
        reader, writer = await asyncio.open_connection(*self.listener.getsockname())
        try:
            answer: list[Any] = json.loads(await reader.read())
            return answer
        finally:
            writer.close()


Begin = Callable[..., contextlib.AbstractAsyncContextManager[Stage]]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Return what starts a crew that plays ``script`` and ends it with the block."""

    @contextlib.asynccontextmanager
    async def started(script: str, workers: int = 2, **options: Any) -> AsyncIterator[Stage]:
        stage = Stage(tmp_path, script, workers, **options)
        with stage.listener:
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                group.create_task(stage.crew.run())
                await stage.crew.wait_started()
                yield stage
                stage.crew.stop()
        assert not psutil.Process().children()

    return started


async def failure(running: contextlib.AbstractAsyncContextManager[Stage]) -> BaseException:
    """Return what ends a crew that nobody stops."""
    try:
        async with running as stage:
            stage.crew.open()
            await asyncio.Event().wait()
    except ExceptionGroup as error:
        return error
    raise AssertionError("it ended in peace")


async def test_they_serve_on_one_socket(begin: Begin, tmp_path: Path) -> None:
    """All answer on the socket once the store is open; readiness is told once; a stop ends all."""
    async with begin("serve()") as stage:
        pids = {child.pid for child in psutil.Process().children()}
        assert len(pids) == 2
        assert not stage.ready.is_set()
        stage.crew.open()
        await stage.ready.wait()
        seen = set()
        while len(seen) < 2:
            pid, number, folder = await stage.ask()
            seen.add((pid, number))
            assert folder == str(tmp_path)
    assert {pid for pid, _ in seen} == pids
    assert {number for _, number in seen} == {1, 2}
    assert stage.times_ready == 1


async def test_a_killed_one_comes_back(begin: Begin) -> None:
    """Under its number, as another process."""
    async with begin("serve()", workers=1) as stage:
        stage.crew.open()
        pid, number, _ = await stage.ask()
        os.kill(pid, 9)
        again, same, _ = await stage.ask()
    assert number == same == 1
    assert again != pid


async def test_it_is_enough(begin: Begin) -> None:
    """A worker that never comes up ends the whole with its own reason; the others are ended too."""
    script = "if number == 1: serve()\nsay(failure='The disk is on fire.')\nraise SystemExit(3)"
    assert told(await failure(begin(script))) == (
        f"Worker 2 ended {MOST_QUICK} times in a row. The disk is on fire.",
        1,
    )
    assert not psutil.Process().children()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("os.kill(os.getpid(), signal.SIGABRT)", "SIGABRT"),
        ("print('hello'); raise SystemExit(0)", "exit code 0"),
    ],
)
async def test_silent_ends(begin: Begin, script: str, reason: str) -> None:
    """Without a report the reason is how it ended; a worker must not end by itself at all."""
    error = cause_of(await failure(begin(script, workers=1)))
    assert isinstance(error, CommandError)
    assert reason in str(error)


async def test_deaf(begin: Begin) -> None:
    """Who does not listen to the stop is killed."""
    script = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nserve()"
    async with begin(script, longest_stop_s=0.2) as stage:
        stage.crew.open()
        await stage.ready.wait()


async def test_stop_while_pausing(begin: Begin) -> None:
    """A stop does not wait for the next try."""
    is_pausing = asyncio.Event()

    def pause(quick: int) -> float:
        is_pausing.set()
        return 1000.0 * quick

    async with begin("raise SystemExit(1)", workers=1, pause=pause):
        await is_pausing.wait()


def test_pauses() -> None:
    """A worker that lived is started again at once, a failing one ever later."""
    assert pause_s(0) == 0
    assert 0.3 < pause_s(1) <= 0.5
    assert 2.9 < pause_s(4) <= 4


@pytest.mark.parametrize(
    ("was_ready", "lived_s", "is_quick"), [(True, 60, False), (True, 1, True), (False, 60, True)]
)
def test_quick(was_ready: bool, lived_s: float, is_quick: bool) -> None:
    """Quick is who never answered, or not for long."""
    assert End(was_ready=was_ready, lived_s=lived_s, reason="").is_quick is is_quick
