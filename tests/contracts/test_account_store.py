"""Prove the promises of ``ports.stores.AccountStore``."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sora_gateway.domain.accounts import Account, AccountState, Credential, Plan
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store


def new_account(number: int = 1) -> Account:
    """Return an account with everything set."""
    return Account(
        id=f"sora_web:user-{number}",
        upstream="sora_web",
        backend_id=f"user-{number}",
        credential=Credential(
            access_token=Secret("eyJ.token"),
            refresh_token=Secret("rt_a"),
            session_token=Secret("cookie=1; other=2"),
            client_id="app",
            version=3,
            issued_at=1.5,
            expires_at=5.5,
            refreshing_until=4.5,
            refreshing_by="renewal_1",
            tried_at=3.5,
            trouble="refresh was not answered",
            is_refused=True,
        ),
        name="名",
        email="a@b.c",
        plan=Plan.PRO,
        groups=("pro", "x"),
        slots={MediaKind.VIDEO: 5, MediaKind.IMAGE: 0},
        state=AccountState.COOLING,
        reason="r",
        until=7.0,
        created_at=float(10 - number),
        videos_remaining=0,
        proxy=Secret("http://u:p@proxy"),
        given=("ab", "cd"),
        owner="passthrough:sora_web:user-1",
    )


async def test_accounts_come_back_whole_oldest_first(store: Store) -> None:
    """What was put is what is got, secrets included."""
    first, second = new_account(1), new_account(2)
    await store.accounts.put(first)
    await store.accounts.put(second)
    assert await store.accounts.get(first.id) == first
    assert await store.accounts.all() == [second, first]
    await store.accounts.put(replace(first, name="new", proxy=None))
    assert await store.accounts.get(first.id) == replace(first, name="new", proxy=None)
    assert await store.accounts.get("none") is None


async def test_parallel_changes_of_an_account_lose_none(store: Store) -> None:
    """Twenty compare-and-sets at once all land."""
    account = new_account()
    await store.accounts.put(account)

    def decide(current: Account) -> Account:
        return replace(current, videos_remaining=(current.videos_remaining or 0) + 1)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.accounts.change(account.id, decide)) for _ in range(20)]
    counts = sorted(changed.videos_remaining or 0 for task in tasks if (changed := task.result()))
    assert counts == list(range(1, 21))


async def test_a_change_may_decide_nothing(store: Store) -> None:
    """Returning the argument writes nothing; an unknown account is None."""
    account = new_account()
    await store.accounts.put(account)
    assert await store.accounts.change(account.id, lambda current: current) == account
    assert await store.accounts.change("none", lambda current: current) is None


async def test_a_removed_account_is_gone(store: Store) -> None:
    """The second removal finds nothing."""
    account = new_account()
    await store.accounts.put(account)
    assert await store.accounts.remove(account.id) is True
    assert await store.accounts.remove(account.id) is False
    assert await store.accounts.get(account.id) is None
    assert await store.accounts.all() == []


async def test_adding_replaces_nothing(store: Store) -> None:
    """The one that is there stays and is returned; an access token may still be missing."""
    first = replace(new_account(), credential=Credential(access_token=Secret(""), refresh_token=Secret("rt")))
    assert await store.accounts.add(first) == first
    assert await store.accounts.add(replace(first, name="second")) == first
    assert await store.accounts.all() == [first]
