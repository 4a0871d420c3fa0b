"""A store that lost writes makes no job run twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import Listed
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.markers import make_marker
from sora_gateway.engine.recovery import Recovery
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import FeedEntry, FeedReplacedError, Store
from tests.conftest_store import accepted, new_job
from tests.engine.conftest import Scripted, eventually, true_soon


async def test_everything_is_read_before_anything_is_sent(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """The feed goes back: the gate shuts, accounts are read, marked tasks are bound, it opens again."""
    forgotten = new_job()
    upstream.listed = {
        "task_1": Listed(kind=MediaKind.VIDEO, is_unfinished=True, marker=make_marker(forgotten.id, "t"))
    }
    await accepted(store, forgotten)
    hub = Hub(store.feed)
    hub._at = "99999999999999-0"  # what this node had heard, and the store does not know any more
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(hub.run())]
        await true_soon(hub.regressed.is_set)
        assert not hub.is_in_step
        tasks.append(group.create_task(Recovery(tools, hub).run()))
        after = await eventually(store, forgotten.id, lambda j: j.phase is Phase.RUNNING)
        await true_soon(lambda: hub.is_in_step)
        for task in tasks:
            task.cancel()
    assert after.bound_id == "task_1"
    assert upstream.tickets == []


class Replaced:
    """A feed whose server goes away and has another in its place."""

    def __init__(self) -> None:
        self._is_away = True

    async def last_id(self) -> str:
        """Return any."""
        return "1-0"

    async def verify(self, entry_id: str) -> None:
        """Tell that it is another server, which knows the entry."""
        raise FeedReplacedError

    async def read(self, after: str, *, block_s: float) -> Sequence[FeedEntry]:
        """Break once."""
        if self._is_away:
            self._is_away = False
            raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "away")
        await asyncio.sleep(block_s)
        return ()


async def test_another_server_shuts_the_gate_as_well() -> None:
    """Although the last entry that was heard is there: what came behind it may be lost."""
    hub = Hub(Replaced())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.run())
        await true_soon(hub.regressed.is_set)
        assert not hub.is_in_step
        running.cancel()
