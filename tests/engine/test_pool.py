"""A node's view of the accounts is at most a second old, and its reports reach all nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from sora_gateway.domain.accounts import Account, AccountState, Balance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import AccountStore, Store
from tests.domain.samples import account
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


async def test_background_work_does_not_age_the_view(store: Store, tools: NodeTools) -> None:
    """An account that is added right after a round of renewals is seen by the first request."""
    await store.accounts.remove(ACCOUNT)
    await tools.renewals.renew_due()
    await store.accounts.put(account("new"))
    assert [one.backend_id for one in await tools.pool.all()] == ["new"]


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


async def test_a_new_account_outlasts_a_reading_that_began_before(
    store: Store, tools: NodeTools, clock: Clock
) -> None:
    """What was added while all accounts are being read is there afterwards, what was removed is not."""

    class Slow:
        """Answers with what it had when it was asked, once it may."""

        def __init__(self) -> None:
            self.asked, self.answer = asyncio.Event(), asyncio.Event()

        def __getattr__(self, name: str) -> Any:
            return getattr(store.accounts, name)

        async def all(self) -> Sequence[Account]:
            accounts = await store.accounts.all()
            self.asked.set()
            await self.answer.wait()
            return accounts

    slow = Slow()
    pool = AccountPool(cast(AccountStore, slow), clock)
    old = await store.accounts.get(ACCOUNT)
    assert old is not None
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(pool.all())
        await slow.asked.wait()
        await pool.add(replace(old, id="scripted:new"))
        await pool.remove(ACCOUNT)
        slow.answer.set()
    assert [account.id for account in reading.result()] == ["scripted:new"]


async def test_a_refusal_of_an_older_credential_says_nothing(store: Store, tools: NodeTools) -> None:
    """A late 401 does not end an account that has another credential by now."""
    await tools.pool.report_error(ACCOUNT, ErrorKind.ACCOUNT_AUTH, None, version=7)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert account.state is AccountState.READY
    await tools.pool.report_error(ACCOUNT, ErrorKind.ACCOUNT_AUTH, None, version=1)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert account.state is AccountState.AUTH_FAILED
