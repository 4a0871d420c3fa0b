"""One server for each data directory, whoever comes, goes or is killed, and no acknowledged write lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.stores.embedded import _LEFT, EmbeddedServer

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0)) as client:
        yield client


def note_of(data_dir: Path) -> dict[str, str | int]:
    note = json.loads((data_dir / "store" / "server.json").read_text())
    assert isinstance(note, dict)
    return note


def pid_of(data_dir: Path) -> int:
    return int(note_of(data_dir)["pid"])


async def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def servers_of(data_dir: Path) -> list[int]:
    found = psutil.process_iter(["cmdline"])
    return [
        process.pid for process in found if str(data_dir / "store") in " ".join(process.info["cmdline"] or [])
    ]


class Parent:
    """A process of its own that uses a data directory until it is told to stop or killed."""

    def __init__(self, data_dir: Path, options: str = "") -> None:
        script = (
            "import asyncio, sys\n"
            "from pathlib import Path\n"
            "from sora_gateway.stores.embedded import EmbeddedServer\n"
            "async def main():\n"
            f"    server = EmbeddedServer(Path(sys.argv[1]), {options})\n"
            "    async with server as url:\n"
            "        print(url, server.is_owner, flush=True)\n"
            "        await asyncio.to_thread(sys.stdin.read)\n"
            "asyncio.run(main())\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_started(self) -> tuple[str, bool]:
        """Return the URL and whether this process owns the server."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("unix:"):
                url, is_owner = line.split()
                return url, is_owner == "True"
        raise AssertionError("it did not start")

    def stop(self) -> None:
        self.process.communicate(timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def start_parent() -> AsyncIterator[Callable[..., Parent]]:
    parents: list[Parent] = []

    def start(data_dir: Path, options: str = "") -> Parent:
        parents.append(Parent(data_dir, options))
        return parents[-1]

    yield start
    for parent in parents:
        parent.kill()


async def test_a_private_durable_server(tmp_path: Path) -> None:
    """It starts at once, listens on a socket only we may use, never evicts, and syncs every write."""
    began = time.perf_counter()
    server = EmbeddedServer(tmp_path / "data")
    async with server as url:
        assert time.perf_counter() - began < 1.0  # some 0.15 s on an idle machine
        assert server.is_owner
        assert url.startswith("unix://")
        async with connected(url) as client:
            settings = await client.config_get("*")
            wanted = {
                "port": "0",
                "appendonly": "yes",
                "appendfsync": "always",
                "aof-load-truncated": "yes",
                "maxmemory-policy": "noeviction",
                "save": "",
            }
            assert {name: settings[name] for name in wanted} == wanted
        process = psutil.Process(pid_of(tmp_path / "data"))
        assert process.net_connections(kind="inet") == []
        store = tmp_path / "data" / "store"
        assert stat.S_IMODE(store.stat().st_mode) == 0o700
        assert stat.S_IMODE((store / "socket").stat().st_mode) == 0o600
        assert (store / "server.log").stat().st_mode & 0o077 == 0
    assert not server.is_owner
    assert not process.is_running()
    assert not (store / "server.json").exists()
    await server.stop()


async def test_data_survive(tmp_path: Path) -> None:
    """What was written before the stop, or before a kill -9 of the server, is there again."""
    for number in range(3):
        async with EmbeddedServer(tmp_path) as url, connected(url) as client:
            assert await client.dbsize() == number
            await client.set(f"key {number}", "value")
            if number == 1:
                os.kill(pid_of(tmp_path), signal.SIGKILL)


async def test_a_second_user_joins(tmp_path: Path) -> None:
    """The second gets the same server; it ends when the last of them leaves, whoever started it."""
    first = EmbeddedServer(tmp_path, dies_with_us=False)
    second = EmbeddedServer(tmp_path)
    url = await first.start()
    assert await second.start() == url
    assert (first.is_owner, second.is_owner) == (True, False)
    with pytest.raises(RuntimeError, match="stop it first"):
        await second.start()
    pid = pid_of(tmp_path)
    await first.stop()
    assert not first.is_owner
    async with connected(url) as client:
        assert await client.ping()
    await second.check()
    await second.stop()
    await wait_for(lambda: not is_alive(pid))
    _LEFT.pop().wait()


async def test_joining_leaves_the_server_alone(tmp_path: Path, start_parent: Callable[..., Parent]) -> None:
    """A command beside ``serve`` joins over the socket and stops nothing at its end."""
    parent = start_parent(tmp_path)
    url, is_owner = parent.wait_started()
    assert is_owner
    server = EmbeddedServer(tmp_path)
    async with server as joined:
        assert joined == url
        assert not server.is_owner
    assert is_alive(pid_of(tmp_path))
    parent.stop()
    assert not (tmp_path / "store" / "server.json").exists()


async def test_a_guest_waits_for_its_host(tmp_path: Path) -> None:
    """A guest never starts the server: it joins the host's, and the one that the host starts after a loss."""
    guest = EmbeddedServer(tmp_path, is_guest=True, patience_s=0.05)
    with pytest.raises(GatewayError, match="another process holds it"):
        await guest.start()
    async with EmbeddedServer(tmp_path) as url, EmbeddedServer(tmp_path, is_guest=True) as joined:
        assert joined == url
        os.kill(pid_of(tmp_path), signal.SIGKILL)
    assert servers_of(tmp_path) == []


async def test_a_guest_comes_back_after_its_host(tmp_path: Path) -> None:
    """While the server is away the guest waits, and is joined again when the host has brought it back."""
    host, guest = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path, is_guest=True)
    async with host as url, guest:
        os.kill(pid_of(tmp_path), signal.SIGKILL)
        async with asyncio.TaskGroup() as group:
            again = group.create_task(guest.restart())
            assert await host.restart() == url
        assert again.result() == url
        assert (host.is_owner, guest.is_owner) == (True, False)
        await guest.check()


async def test_four_at_the_same_instant(tmp_path: Path, start_parent: Callable[..., Parent]) -> None:
    """Processes that start together share exactly one server."""
    parents = [start_parent(tmp_path) for _ in range(4)]
    answers = [await asyncio.to_thread(parent.wait_started) for parent in parents]
    assert len({url for url, _ in answers}) == 1
    assert sorted(is_owner for _, is_owner in answers) == [False, False, False, True]
    servers = servers_of(tmp_path)
    assert len(servers) == 1


@linux_only
async def test_a_killed_owner_takes_the_server_with_it(
    tmp_path: Path, start_parent: Callable[..., Parent]
) -> None:
    """After kill -9 of the owner the server is gone; who starts at once waits for that."""
    parent = start_parent(tmp_path)
    url, _ = parent.wait_started()
    async with connected(url) as client:
        await client.set("key", "value")
    pid = pid_of(tmp_path)
    parent.kill()
    server = EmbeddedServer(tmp_path)
    async with server as again, connected(again) as client:
        assert server.is_owner
        assert again == url
        assert not is_alive(pid)
        assert await client.get("key") == "value"


async def test_an_orphan_is_adopted(tmp_path: Path, start_parent: Callable[..., Parent]) -> None:
    """A server that outlived its starter (no death signal there) is joined, and stopped by the last user."""
    parent = start_parent(tmp_path, "dies_with_us=False")
    url, _ = parent.wait_started()
    pid = pid_of(tmp_path)
    parent.kill()
    server = EmbeddedServer(tmp_path)
    async with server as joined:
        assert (joined, server.is_owner) == (url, False)
        assert is_alive(pid)
    await wait_for(lambda: not is_alive(pid))


async def test_started_in_another_thread(tmp_path: Path) -> None:
    """The signal would follow that thread, so such a server is not tied to it."""
    server = EmbeddedServer(tmp_path)
    thread = threading.Thread(target=lambda: asyncio.run(server.start()))
    thread.start()
    await asyncio.to_thread(thread.join)
    await server.check()
    assert note_of(tmp_path)["owner_pid"] == 0
    await server.stop()


async def test_a_joiner_brings_the_server_back(tmp_path: Path, start_parent: Callable[..., Parent]) -> None:
    """When the owner leaves, who joined hears it clearly and restarts at the same URL with all data."""
    parent = start_parent(tmp_path)
    url, _ = parent.wait_started()
    server = EmbeddedServer(tmp_path)
    await server.start()
    async with connected(url) as client:
        await client.set("key", "value")
    await server.check()
    assert await server.restart() == url  # nothing to do
    await asyncio.to_thread(parent.stop)
    with pytest.raises(GatewayError, match="went away") as raised:
        await server.check()
    assert raised.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert await server.restart() == url
    assert server.is_owner
    async with connected(url) as client:
        assert await client.get("key") == "value"
    await server.stop()


async def test_keep_brings_it_back(tmp_path: Path) -> None:
    """A server that crashes under its owner is started again by ``keep``."""
    server = EmbeddedServer(tmp_path)
    url = await server.start()
    keeper = asyncio.get_running_loop().create_task(server.keep(every_s=0.02))
    pid = pid_of(tmp_path)
    os.kill(pid, signal.SIGKILL)
    await wait_for(lambda: (tmp_path / "store" / "server.json").exists() and pid_of(tmp_path) != pid)
    await wait_for(lambda: server.is_owner)
    async with connected(url) as client:
        assert await client.ping()
    keeper.cancel()
    await asyncio.wait([keeper])
    await server.stop()


async def test_keep_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    """A cancellation is never lost, at whatever await it arrives."""
    async with EmbeddedServer(tmp_path) as url:
        server = EmbeddedServer(tmp_path)
        assert await server.start() == url
        for steps in range(40):
            keeper = asyncio.get_running_loop().create_task(server.keep(every_s=0))
            for _ in range(steps):
                await asyncio.sleep(0)
            keeper.cancel()
            done, _ = await asyncio.wait([keeper], timeout=2)
            assert done, steps
        await server.stop()


@pytest.mark.parametrize("has_runtime_dir", [False, True])
async def test_a_long_path(tmp_path: Path, *, has_runtime_dir: bool) -> None:
    """Where a socket's path would be too long it moves into a short private folder, which goes with it."""
    data_dir = tmp_path / ("a" * 125) / ("b" * 125)
    runtime_dir = None
    if has_runtime_dir:
        runtime_dir = Path("/tmp") / f"sora-test-{os.getpid()}"
        runtime_dir.mkdir(mode=0o700)
    first = EmbeddedServer(data_dir, runtime_dir=runtime_dir)
    second = EmbeddedServer(data_dir)
    async with first as url, second as joined, connected(url) as client:
        assert joined == url
        path = Path(str(note_of(data_dir)["socket"]))
        assert len(str(path)) < 100
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert await client.ping()
        if runtime_dir is not None:
            assert path.parent.parent == runtime_dir
        os.kill(pid_of(data_dir), signal.SIGKILL)
        assert await first.restart() == url
        assert await second.restart() == url
    assert not path.parent.exists()
    if runtime_dir is not None:
        runtime_dir.rmdir()


async def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    """Spaces, quotes, percent and question marks in the path harm nothing."""
    async with EmbeddedServer(tmp_path / 'it\'s 100% "odd"?#ü') as url, connected(url) as client:
        assert await client.ping()


def files_of(data_dir: Path, part: str) -> Path:
    (found,) = [path for path in (data_dir / "store" / "appendonlydir").iterdir() if part in path.name]
    return found


async def fill(data_dir: Path) -> None:
    async with EmbeddedServer(data_dir) as url, connected(url) as client:
        for number in range(50):
            await client.set(f"key {number}", "value" * 10)


async def test_a_torn_tail_loses_the_last_write_only(tmp_path: Path) -> None:
    """A write that the power cut in two was never acknowledged; all before it are there."""
    await fill(tmp_path)
    path = files_of(tmp_path, ".incr.")
    path.write_bytes(path.read_bytes()[:-7])
    async with EmbeddedServer(tmp_path) as url, connected(url) as client:
        assert await client.dbsize() == 49
        assert await client.get("key 48")


async def test_damage_in_the_middle_is_said(tmp_path: Path) -> None:
    """The error names the file and a command that repairs it, and the command does."""
    await fill(tmp_path)
    path = files_of(tmp_path, ".incr.")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = b"x" * 20
    path.write_bytes(data)
    with pytest.raises(GatewayError, match="valkey-check-aof") as raised:
        await EmbeddedServer(tmp_path).start()
    assert raised.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert path.name in raised.value.message
    command = raised.value.message.partition("`")[2].partition("`")[0]
    repaired = await asyncio.to_thread(
        lambda: subprocess.run(command, shell=True, input="y\n", text=True, capture_output=True, check=False)
    )
    assert repaired.returncode == 0, repaired.stdout
    async with EmbeddedServer(tmp_path) as url, connected(url) as client:
        assert 10 < await client.dbsize() < 40


@pytest.mark.parametrize(
    ("part", "content"), [(".base.", b"VALKEY999" + bytes(100)), (".incr.", b"*1\r\n$6\r\nFUTURE\r\n")]
)
async def test_data_of_a_newer_server(tmp_path: Path, part: str, content: bytes) -> None:
    """Data in a format of the future, or with commands of it, are refused in words."""
    await fill(tmp_path)
    files_of(tmp_path, part).write_bytes(content)
    with pytest.raises(GatewayError, match="newer server"):
        await EmbeddedServer(tmp_path).start()


async def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A part of the data that is not there is never taken for an empty store."""
    await fill(tmp_path)
    files_of(tmp_path, ".incr.").unlink()
    with pytest.raises(GatewayError, match="damaged"):
        await EmbeddedServer(tmp_path).start()


@pytest.mark.parametrize("leftover", ["socket", "json", "garbage"])
async def test_what_a_crash_leaves_behind(tmp_path: Path, leftover: str) -> None:
    """A stale socket, a stale note, a note that is not JSON: none of them is in the way."""
    parent = Parent(tmp_path)
    parent.wait_started()
    os.kill(pid_of(tmp_path), signal.SIGKILL)
    parent.kill()
    store = tmp_path / "store"
    assert (store / "socket").exists()
    if leftover == "json":
        (store / "socket").unlink()
    if leftover == "garbage":
        (store / "server.json").write_text("{")
    server = EmbeddedServer(tmp_path)
    async with server:
        assert server.is_owner


async def answer_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def test_something_else_answers(tmp_path: Path) -> None:
    """Another program on the socket, or another server than the note's, is not taken for the store."""
    owner = EmbeddedServer(tmp_path / "one")
    other = EmbeddedServer(tmp_path / "two")
    async with owner, other:
        path = tmp_path / "one" / "store" / "server.json"
        note = path.read_text()
        garbage = tmp_path / "garbage"
        listener = await asyncio.start_unix_server(answer_garbage, str(garbage))
        async with listener:
            for wrong, words in (
                ({"socket": str(garbage)}, "does not answer"),
                ({"socket": str(tmp_path / "nothing")}, "does not answer"),
                ({"run_id": "0" * 40}, "another server answers at .* run_id"),
                ({"socket": str(note_of(tmp_path / "two")["socket"])}, "another server answers .*two"),
            ):
                path.write_text(json.dumps({**json.loads(note), **wrong}))
                with pytest.raises(GatewayError, match=words):
                    await EmbeddedServer(tmp_path / "one", patience_s=0.05).start()
        path.unlink()
        with pytest.raises(GatewayError, match="has not said where"):
            await EmbeddedServer(tmp_path / "one", patience_s=0.05).start()
        path.write_text(note)
        async with EmbeddedServer(tmp_path / "one") as url:
            assert url


async def test_garbage_at_our_own_socket(tmp_path: Path) -> None:
    """Who listens at our socket's place without holding the lock is replaced."""
    (tmp_path / "store").mkdir()
    listener = await asyncio.start_unix_server(answer_garbage, str(tmp_path / "store" / "socket"))
    async with listener, EmbeddedServer(tmp_path) as url, connected(url) as client:
        assert await client.ping()


@linux_only
async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A read-only place is said, with a way out."""
    (tmp_path / "file").touch()
    for data_dir in (Path("/proc/sora"), tmp_path / "file"):
        with pytest.raises(GatewayError, match=r"cannot be written.*Choose another") as raised:
            await EmbeddedServer(data_dir).start()
        assert raised.value.kind is ErrorKind.STORE_UNAVAILABLE


async def test_a_full_disk(tmp_path: Path) -> None:
    """The server is not even started where its first writes would end it."""
    with pytest.raises(GatewayError, match=r"disk of .* is full"):
        await EmbeddedServer(tmp_path, free_bytes=lambda _: 1000).start()
    async with EmbeddedServer(tmp_path) as url:
        assert url


async def test_a_server_that_does_not_stop(tmp_path: Path) -> None:
    """A frozen server is killed in the end, and its data are there."""
    server = EmbeddedServer(tmp_path, stop_s=0.2)
    url = await server.start()
    async with connected(url) as client:
        await client.set("key", "value")
    pid = pid_of(tmp_path)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(GatewayError, match="does not answer"):
        await server.restart()
    await server.stop()
    assert not is_alive(pid)


async def test_a_cancelled_start_leaves_no_server(tmp_path: Path) -> None:
    """Ctrl-C during the start takes the child away again."""
    server = EmbeddedServer(tmp_path)
    task = asyncio.get_running_loop().create_task(server.start())
    await asyncio.sleep(0.03)
    task.cancel()
    await asyncio.wait([task])
    assert servers_of(tmp_path) == []
    async with server as url:
        assert url


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


async def test_a_binary_that_fails_is_quoted(tmp_path: Path) -> None:
    """The last words of a server that ends at once are in the error."""
    answer = "[ $1 = --version ] && echo Redis server v=7.0.1 && exit"
    text = f"#!/bin/sh\n{answer}\necho '1:M # Out of luck'\nexit 1\n"
    executable(tmp_path / "redis-server", text)
    with pytest.raises(GatewayError, match="The server said: Out of luck"):
        await EmbeddedServer(tmp_path / "data", search_path=f"{tmp_path}:/bin:/usr/bin").start()
