"""A node's view of the accounts is at most a second old, and its reports reach all nodes."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.accounts import AccountState, Balance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.engine.conftest import ACCOUNT, Clock


async def test_changes_are_seen_within_a_second(store: Store, tools: NodeTools, clock: Clock) -> None:
    """What another process changed is read again after a second, not at every call."""
    assert (await tools.pool.get(ACCOUNT)) is not None
    await store.accounts.change(ACCOUNT, lambda account: replace(account, name="renamed"))
    before = await tools.pool.get(ACCOUNT)
    clock.now_s += 1.1
    after = await tools.pool.get(ACCOUNT)
    assert before is not None
    assert before.name == ""
    assert after is not None
    assert after.name == "renamed"


async def test_reports_reach_others(store: Store, tools: NodeTools, clock: Clock) -> None:
    """An error and a balance reported here are seen by another node's pool."""
    other = AccountPool(store.accounts, clock)
    await tools.pool.report_error(ACCOUNT, ErrorKind.ACCOUNT_RATE_LIMITED, clock() + 30)
    cooled = await other.get(ACCOUNT)
    assert cooled is not None
    assert cooled.state is AccountState.COOLING
    await tools.pool.report_use(ACCOUNT, Balance(videos_remaining=7, resets_at=None))
    clock.now_s += 2
    used = await other.get(ACCOUNT)
    assert used is not None
    assert used.videos_remaining == 7
    assert used.last_used_at == clock() - 2
