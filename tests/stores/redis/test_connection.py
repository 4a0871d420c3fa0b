"""Prove how the connection behaves when the server is away, slow, forgetful or cut off."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Bound, Cancelled
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.ports.stores import Idempotency, Store
from sora_gateway.stores.redis.addresses import parse
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import Connection, connect
from sora_gateway.stores.redis.scripting import load, load_on_state
from sora_gateway.stores.redis.store import RedisStore
from sora_gateway.stores.redis.transports import Transport, open_transport
from tests.conftest_store import (
    ACCOUNT,
    Server,
    accepted,
    cancelled,
    new_job,
    on,
    start_server,
    submitting,
    wait_until,
)
from tests.functional.harness import free_port
from tests.stores.redis.faults import Wire, wire

CIPHER = FernetCipher(["k"])


def raised(job: Job) -> Job:
    """Count a change in the job."""
    return replace(job, tries=job.tries + 1, version=job.version + 1, seq=job.seq + 1)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sg") as name:
        yield Path(name)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers, which end with the test."""
    with ExitStack() as stack:

        def start(folder: Path, *more: str) -> Server:
            server = start_server(folder, *more)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
async def cut(store: Store, server_path: Path, folder: Path) -> AsyncIterator[tuple[Wire, RedisStore]]:
    """A second way into the store, through a wire."""
    # A server that knows the scripts, so that what is cut off is an answer and no "no such script".
    admin = connect(f"unix://{server_path}")
    scripts = [load_on_state(name) for name in ("accept", "change")] + [load("archive_change")]
    await admin.pipeline([("SCRIPT", "LOAD", script.text) for script in scripts])
    await admin.aclose()
    async with (
        wire(server_path, folder) as (made, url),
        RedisStore(connect(url, answer_s=1.0), cipher=CIPHER) as second,
    ):
        yield made, second


async def test_a_change_whose_answer_is_lost_is_applied_once(
    store: Store, cut: tuple[Wire, RedisStore]
) -> None:
    """The repeat finds its own write and reports it."""
    made, second = cut
    job = new_job()
    await accepted(store, job)
    made.cuts = 2
    before, after = await second.jobs.change(job.id, raised)
    assert (before.tries, after.tries, made.cuts, made.scripts) == (0, 1, 0, 3)
    assert await store.jobs.get(job.id) == after
    assert [event.seq for event in await store.jobs.events_after(job.id, 0)] == [1, 2]
    assert len(await store.feed.read("0-0", block_s=0.01)) == 2


async def test_a_lost_answer_is_settled_although_others_wrote_since(
    store: Store, cut: tuple[Wire, RedisStore]
) -> None:
    """The record remembers the last writes, so the repeat is not taken for a new one."""
    made, second = cut
    job = new_job()
    await accepted(store, job)

    async def meanwhile() -> None:
        for _ in range(8):
            await store.jobs.change(job.id, raised)

    made.cuts, made.meanwhile = 1, meanwhile
    before, after = await second.jobs.change(job.id, raised)
    assert (before.tries, after.tries) == (0, 1)
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.tries == 9


async def test_a_lost_answer_of_an_archived_change_is_settled(
    store: Store, cut: tuple[Wire, RedisStore]
) -> None:
    """The archive remembers writes as well."""
    made, second = cut
    job = new_job()
    await cancelled(store, job)
    await store.jobs.archive(1)
    made.cuts = 1
    _, after = await second.jobs.change(job.id, raised)
    assert after.tries == 1
    assert await store.jobs.get(job.id) == after


async def test_an_accept_whose_answer_is_lost_makes_one_job(
    store: Store, cut: tuple[Wire, RedisStore]
) -> None:
    """The repeat finds the jobs."""
    made, second = cut
    job = new_job()
    made.cuts = 1
    assert await second.jobs.accept([job], cost=1, queue_limit=1) == (job,)
    assert len(await store.jobs.heads(9)) == 1


async def test_a_bind_whose_answer_is_lost_takes_one_slot(store: Store, cut: tuple[Wire, RedisStore]) -> None:
    """The last slot is not refused to the job that has it."""
    made, second = cut
    job = new_job()
    await accepted(store, job)
    made.cuts = 1
    bound = await second.jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 1)
    assert bound is not None
    assert len(await store.jobs.lane_jobs(ACCOUNT)) == 1


async def test_after_too_many_cuts_the_store_is_unavailable(
    store: Store, cut: tuple[Wire, RedisStore]
) -> None:
    """The caller learns that it is unknown; repeating the accept by its ids settles it."""
    made, second = cut
    job = new_job()
    made.cuts = 3
    with pytest.raises(GatewayError) as caught:
        await second.jobs.accept([job], cost=1, queue_limit=9)
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert caught.value.retry_after_s is not None
    assert await second.jobs.accept([job], cost=1, queue_limit=9) == (job,)
    assert len(await store.jobs.heads(9)) == 1


async def test_killed_connections_lose_and_double_nothing(store: Store, server_path: Path) -> None:
    """Connections are killed under a hundred changes; each that returned was applied exactly once."""
    jobs = [new_job() for _ in range(10)]
    await accepted(store, *jobs)
    killer = connect(f"unix://{server_path}")
    confirmed = {job.id: 0 for job in jobs}
    unknown = {job.id: 0 for job in jobs}

    async def change(job: Job) -> None:
        try:
            await store.jobs.change(job.id, raised)
        except GatewayError:
            unknown[job.id] += 1
        else:
            confirmed[job.id] += 1

    async with asyncio.TaskGroup() as group:
        for i in range(100):
            group.create_task(change(jobs[i % 10]))
            if i % 10 == 9:
                await killer.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await killer.aclose()
    for job in jobs:
        stored = await store.jobs.get(job.id)
        assert stored is not None
        assert confirmed[job.id] <= stored.tries <= confirmed[job.id] + unknown[job.id]
        events = await store.jobs.events_after(job.id, 0)
        assert [event.seq for event in events] == list(range(1, stored.tries + 2))


async def test_a_server_that_forgot_its_scripts_is_taught_them(store: Store, server_path: Path) -> None:
    """As after its restart or a SCRIPT FLUSH."""
    admin = connect(f"unix://{server_path}")
    job = new_job()
    for step in (
        lambda: store.jobs.accept([job], cost=1, queue_limit=9),
        lambda: store.jobs.change(job.id, on(Cancelled())),
        lambda: store.jobs.archive(9),
        lambda: store.jobs.change(job.id, raised),
    ):
        await admin.call("SCRIPT", "FLUSH")
        await step()
    await admin.aclose()
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.tries == 1


@pytest.mark.parametrize("url", ["unix:///nowhere/secret-place", "redis://u:secret-word@127.0.0.1:1/0"])
async def test_a_server_that_is_away_is_unavailable_quickly(url: str) -> None:
    """Within a second, without address or password in the message."""
    started = time.monotonic()
    store = RedisStore(connect(url), cipher=CIPHER)
    with pytest.raises(GatewayError) as caught:
        await store.open()
    with pytest.raises(GatewayError):
        await store.feed.read("0-0", block_s=5)
    await store.aclose()
    assert time.monotonic() - started < 2
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert "secret" not in caught.value.message
    assert "127" not in caught.value.message


async def test_a_server_that_hangs_is_unavailable_in_time(folder: Path) -> None:
    """It takes connections and says nothing: the call ends within three times ``answer_s``."""
    writers: list[asyncio.StreamWriter] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()

    listener = await asyncio.start_unix_server(hang, str(folder / "h"))
    connection = connect(f"unix://{folder / 'h'}", answer_s=0.05)
    started = time.monotonic()
    with pytest.raises(GatewayError) as caught:
        await connection.call("PING")
    with pytest.raises(GatewayError):
        await connection.wait([("XREAD", "BLOCK", 10, "STREAMS", "x", "0")], 0.01)
    assert time.monotonic() - started < 2
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    await connection.aclose()
    for writer in writers:
        writer.close()
    listener.close()


async def test_work_goes_on_when_the_server_comes_back(folder: Path, serve: Callable[..., Server]) -> None:
    """A pool full of dead connections recovers by itself."""
    server = serve(folder)
    async with RedisStore(connect(server.url), cipher=CIPHER) as store:
        await accepted(store, new_job())
        server.stop()
        with pytest.raises(GatewayError):
            await store.ping()
        server = serve(folder)
        await accepted(store, new_job())


async def test_more_callers_than_connections_wait_their_turn(store: Store) -> None:
    """The pool is bounded; two hundred calls at once all get their answer."""
    job = new_job()
    await accepted(store, job)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.jobs.get(job.id)) for _ in range(200)]
    assert all(task.result() == job for task in tasks)


@pytest.mark.parametrize(
    "url", ["http://u:secret@h", "secret", "", "redis://h:secret/x", "redis://h?secret=1"]
)
def test_an_unreadable_url_is_refused_without_repeating_it(url: str) -> None:
    """The message says what would be right."""
    with pytest.raises(ValueError, match="URL") as caught:
        connect(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_write_that_no_replica_confirms_does_not_count(store: Store, server_path: Path) -> None:
    """It is refused, but not lost: repeating it finds it."""
    connection = connect(f"unix://{server_path}", answer_s=0.2, replicas=1)
    jobs = RedisStore(connection, cipher=CIPHER).jobs
    job = new_job()
    promise = Idempotency(scope="lic_a", key="k", digest="d")
    for ask in (
        lambda: jobs.accept([job], cost=1, queue_limit=9, idempotency=promise),
        lambda: jobs.accept([job], cost=1, queue_limit=9, idempotency=promise),
        lambda: jobs.replayed(promise),
    ):
        with pytest.raises(GatewayError, match="Idempotency-Key") as caught:
            await ask()
        assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
        assert caught.value.retry_after_s is not None
    await connection.aclose()
    replayed = await store.jobs.replayed(promise)
    assert replayed is not None
    assert replayed.jobs == (job,)
    assert len(await store.jobs.heads(9)) == 1


async def test_a_refusal_needs_no_replica(store: Store, server_path: Path) -> None:
    """What is not written cannot be lost; nor does a change wait that sends nothing."""
    connection = connect(f"unix://{server_path}", answer_s=0.2, replicas=1)
    jobs = RedisStore(connection, cipher=CIPHER).jobs
    job = new_job()
    await accepted(store, job)
    with pytest.raises(GatewayError) as caught:
        await jobs.accept([new_job()], cost=1, queue_limit=1)
    assert caught.value.kind is ErrorKind.QUEUE_FULL
    await jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 1)
    with pytest.raises(GatewayError, match="could not confirm"):
        await jobs.change(job.id, on(submitting("t")))
    await jobs.change(job.id, on(Cancelled()))
    await connection.aclose()


async def test_replicas_that_have_a_write_let_it_count(folder: Path, serve: Callable[..., Server]) -> None:
    """With a replica in step, accepting and what is sent next are as quick as ever."""
    first, second = folder / "1", folder / "2"
    first.mkdir()
    second.mkdir()
    primary = serve(first, "--port", str(free_port()), "--repl-diskless-sync-delay", "0")
    admin = connect(primary.url)
    port = (await admin.call("CONFIG GET", "port"))["port"]
    serve(second, "--replicaof", "127.0.0.1", port)
    async with RedisStore(connect(primary.url, replicas=1), cipher=CIPHER) as store:
        await wait_until(lambda: _has_replica(store))
        job = new_job()
        await store.jobs.accept([job], cost=1, queue_limit=9)
        await store.jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 1)
        _, after = await store.jobs.change(job.id, on(submitting("t")))
        assert after.phase is Phase.SUBMITTING
    await admin.aclose()


async def _has_replica(store: RedisStore) -> bool:
    return (await store.facts()).replicas == 1


async def test_a_full_server_refuses_writes_and_answers_reads(
    folder: Path, serve: Callable[..., Server]
) -> None:
    """The caller is told to come again; the server is not taken for dead, and writes go on with room."""
    server = serve(folder)
    admin = connect(server.url)
    async with RedisStore(connect(server.url), cipher=CIPHER) as store:
        job = new_job()
        await accepted(store, job)
        await admin.call("CONFIG SET", "maxmemory", 1)
        for _ in range(9):
            with pytest.raises(GatewayError, match="full") as caught:
                await accepted(store, new_job())
            assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
            assert caught.value.retry_after_s is not None
            assert await store.jobs.get(job.id) == job
        await admin.call("CONFIG SET", "maxmemory", 0)
        await accepted(store, new_job())
        assert len(await store.jobs.heads(99)) == 2
    await admin.aclose()


class Moving:
    """A way to a server that says when another has its place."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.name = "first"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def primary(self) -> str:
        """Return the name."""
        return self.name


async def test_a_failover_that_a_call_notices_is_told_to_who_waits(server_path: Path) -> None:
    """He may wait at a server that hangs, and would not learn of it for long."""
    transport: Any = Moving(open_transport(parse(f"unix://{server_path}"), 1.0))
    connection = Connection(transport, answer_s=1.0, is_embedded=False)
    await connection.call("PING")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_refusal(connection))
        await wait_until(lambda: _is_waiting(connection))
        transport.name = "second"
        await connection.call("PING")
    assert waiting.result().kind is ErrorKind.STORE_UNAVAILABLE
    await connection.aclose()


async def _refusal(connection: Connection) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await connection.wait([("XREAD", "BLOCK", 30_000, "STREAMS", "nothing-comes", "0")], 30)
    return caught.value


async def _is_waiting(connection: Connection) -> bool:
    return int((await connection.call("INFO", "clients"))["blocked_clients"]) > 0


async def test_a_server_that_hangs_is_left_alone(folder: Path) -> None:
    """After the first who waited in vain the others are refused at once, and few connections wait for it."""
    connections = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    listener = await asyncio.start_unix_server(hang, str(folder / "h"))
    connection = connect(f"unix://{folder / 'h'}", answer_s=1.0)

    async def ask() -> float:
        started = time.monotonic()
        with pytest.raises(GatewayError):
            await connection.call("PING")
        return time.monotonic() - started

    await ask()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask()) for _ in range(200)]
    assert sum(task.result() < 0.5 for task in asked) >= 199
    assert connections <= 3
    await connection.aclose()
    listener.close()


def test_connecting_sends_nothing() -> None:
    """An application can be wired without I/O, outside of an event loop."""
    assert connect("redis+sentinel://nowhere.invalid/mymaster").is_embedded is False
    assert connect("rediss+cluster://u:p@nowhere.invalid:7000").is_embedded is False
    assert connect("rediss://u:p@nowhere.invalid:6380/3").is_embedded is False
    assert connect("unix:///x", is_embedded=True).is_embedded is True
