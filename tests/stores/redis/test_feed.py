"""Prove that a reader who fell behind is told, on the stream itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.job_events import Cancelled
from sora_gateway.ports.stores import FeedReplacedError, FeedTrimmedError, Store
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import Connection, connect
from sora_gateway.stores.redis.store import RedisStore
from tests.conftest_store import accepted, cancelled, new_job, on, start_server


@pytest.fixture
async def admin(server_path: Path) -> AsyncIterator[Connection]:
    """A way to the server that does not go through the store."""
    connection = connect(f"unix://{server_path}")
    yield connection
    await connection.aclose()


async def test_a_trimmed_feed_is_noticed(store: Store, admin: Connection) -> None:
    """From the start and from any place before the oldest entry; not from the places behind it."""
    await accepted(store, *[new_job() for _ in range(6)])
    ids = [entry.id for entry in await store.feed.read("0-0", block_s=0.01)]
    await admin.call("XTRIM", keys.FEED, "MAXLEN", 3)
    for lost in ("0-0", ids[0], ids[1]):
        with pytest.raises(FeedTrimmedError):
            await store.feed.read(lost, block_s=0.01)
    assert [entry.id for entry in await store.feed.read(ids[3], block_s=0.01)] == ids[4:]
    assert await store.feed.read(ids[5], block_s=0.01) == []


async def test_a_store_that_lost_writes_is_noticed(store: Store, admin: Connection) -> None:
    """A reader ahead of the newest entry must reload as well."""
    await accepted(store, new_job())
    last = await store.feed.last_id()
    await admin.call("FLUSHALL")
    with pytest.raises(FeedTrimmedError):
        await store.feed.read(last, block_s=0.01)


async def test_another_server_in_its_place_is_noticed() -> None:
    """Nobody knows what it has; the embedded one, which is only started anew, is believed."""
    with TemporaryDirectory(prefix="sg") as name, ExitStack() as stack:
        server = start_server(Path(name))
        stack.callback(server.stop)
        async with (
            RedisStore(connect(server.url), cipher=FernetCipher(["k"])) as outside,
            RedisStore(connect(server.url, is_embedded=True), cipher=FernetCipher(["k"])) as embedded,
        ):
            for store in (outside, embedded):
                await store.feed.verify(await store.feed.last_id())
            server.stop()
            server = start_server(Path(name))
            stack.callback(server.stop)
            with pytest.raises(FeedReplacedError):
                await outside.feed.verify("0-0")
            await outside.feed.verify("0-0")
            await embedded.feed.verify("0-0")


async def test_a_reader_learns_that_the_server_went_away(store: Store, admin: Connection) -> None:
    """Even between two reads, when a client would connect anew in silence."""
    await store.feed.read("0-0", block_s=0.01)
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(GatewayError):
        await store.feed.read("0-0", block_s=0.01)
    await store.feed.read("0-0", block_s=0.01)


async def test_the_feed_is_kept_short(store: Store, admin: Connection) -> None:
    """Writes trim it to about ten thousand entries."""
    fill = [("XADD", keys.FEED, "*", "j", "x", "p", 0)] * (keys.FEED_LENGTH + 500)
    await admin.pipeline(fill)
    await cancelled(store, new_job())
    assert int(await admin.call("XLEN", keys.FEED)) < keys.FEED_LENGTH + 200


async def test_a_long_backlog_comes_in_pieces(store: Store, admin: Connection) -> None:
    """At most five hundred entries at once, in order, none twice."""
    await accepted(store, job := new_job())
    for _ in range(2):
        copies = (await admin.call("XRANGE", keys.FEED, "-", "+"))[0][1]
        await admin.pipeline([("XADD", keys.FEED, "*", "j", copies["j"], "p", 0)] * 350)
    await store.jobs.change(job.id, on(Cancelled()))
    first = await store.feed.read("0-0", block_s=0.01)
    second = await store.feed.read(first[-1].id, block_s=0.01)
    assert (len(first), len(second)) == (500, 202)
    assert second[-1].job.is_final
