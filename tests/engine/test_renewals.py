"""Credentials are renewed in time, once, and kept before they are used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from sora_gateway.domain.accounts import Account, AccountState, Credential
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.renewals import (
    Renewal,
    Renewals,
    claimed,
    ended,
    is_due,
    refused,
    renewed,
    resting,
    unanswered,
)
from sora_gateway.engine.tools import NodeTools, report_trouble
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store
from tests.conftest_store import NOW
from tests.engine.conftest import ACCOUNT, Clock, Scripted, true_soon

HOUR, DAY = 3600.0, 86_400.0


def credential(**changes: object) -> Credential:
    """Return one that lives eight days from a moment ago and can be renewed."""
    plain = Credential(
        access_token=Secret("token-1"), refresh_token=Secret("rt_1"), issued_at=NOW, expires_at=NOW + 8 * DAY
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def account(**changes: object) -> Account:
    """Return an account with such a credential."""
    held = credential(**{name: changes.pop(name) for name in list(changes) if hasattr(credential(), name)})
    plain = Account(id=ACCOUNT, upstream="scripted", backend_id="user-1", credential=held)
    return replace(plain, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def another_node(store: Store, upstream: Scripted, clock: Clock) -> AsyncIterator[Renewals]:
    """Open the renewals of a node of its own on the same store."""
    pool = AccountPool(store.accounts, clock)
    async with Renewals(pool, {"scripted": upstream}, EngineConfig(), clock) as renewals:
        yield renewals


async def held(store: Store) -> Account:
    """Return the account as it is stored."""
    found = await store.accounts.get(ACCOUNT)
    assert found is not None
    return found


# --- when -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "after_s", "expected"),
    [
        ({}, 3.9 * DAY, False),
        ({}, 4 * DAY, True),
        ({"issued_at": None}, 6.9 * DAY, False),
        ({"issued_at": None}, 7 * DAY, True),
        ({"expires_at": NOW + HOUR}, 0.4 * HOUR, False),
        ({"expires_at": NOW + HOUR}, 0.6 * HOUR, True),
        ({"expires_at": None}, 99 * DAY, False),
        ({"refresh_token": None}, 7 * DAY, False),
        ({"refresh_token": None, "session_token": Secret("s")}, 7 * DAY, True),
        ({"is_refused": True}, 7 * DAY, False),
        ({"tried_at": NOW + 5 * DAY - 599}, 5 * DAY, False),
        ({"tried_at": NOW + 5 * DAY - 600}, 5 * DAY, True),
        ({"tried_at": NOW + 9 * DAY}, 5 * DAY, True),
        ({"tried_at": NOW + 9 * DAY - 59}, 9 * DAY, False),
        ({"tried_at": NOW + 9 * DAY - 60}, 9 * DAY, True),
        ({"refreshing_until": NOW + 5 * DAY + 1}, 5 * DAY, False),
        ({"refreshing_until": NOW + 5 * DAY}, 5 * DAY, True),
        ({"refreshing_until": NOW + 50 * DAY}, 5 * DAY, True),
        ({"trouble": "no answer", "tried_at": NOW}, 599, False),
        ({"trouble": "no answer", "tried_at": NOW}, 600, True),
        ({"state": AccountState.DISABLED}, 7 * DAY, False),
        ({"state": AccountState.AUTH_FAILED}, 7 * DAY, False),
        ({"state": AccountState.EXHAUSTED}, 7 * DAY, True),
        ({"trouble": "x", "reason": "x", "state": AccountState.COOLING, "tried_at": NOW}, 60, True),
    ],
)
def test_due(changes: dict[str, object], after_s: float, expected: bool) -> None:
    """At half the life; every ten minutes at most, every minute once the access token is dead."""
    assert is_due(account(**changes), NOW + after_s, spacing_s=600, retry_s=60) is expected


def test_only_one_claims() -> None:
    """A claim of the version that is there, and of no other, until its time is over."""
    mine = claimed(account(), 1, "me", NOW, NOW + 75)
    assert (mine.credential.refreshing_by, mine.credential.tried_at) == ("me", NOW)
    assert claimed(mine, 1, "you", NOW + 74, NOW + 150) is mine
    assert claimed(mine, 1, "you", NOW + 75, NOW + 150).credential.refreshing_by == "you"
    assert claimed(account(), 2, "me", NOW, NOW + 75) == account()


def test_records() -> None:
    """A late writer changes nothing; an answer ends claim, trouble and ban."""
    following = credential(access_token=Secret("token-2"), version=2)
    assert renewed(account(version=3), 1, following) == account(version=3)
    assert unanswered(account(version=3), 1, "x") == account(version=3)
    assert refused(account(version=3), 1, "x", NOW) == account(version=3)
    failed = account(state=AccountState.AUTH_FAILED, reason="old", refreshing_until=NOW, trouble="x")
    after = renewed(failed, 1, following)
    assert (after.state, after.reason, after.credential) == (AccountState.READY, None, following)
    by_hand = account(state=AccountState.DISABLED, reason="by hand")
    assert renewed(by_hand, 1, following).state is AccountState.DISABLED


def test_the_last_access_token_serves_until_its_end() -> None:
    """A refused refresh token is told at once and hurts only when the access token is over."""
    after = refused(account(), 1, "used before.", NOW)
    assert after.state is AccountState.READY
    assert after.credential.trouble == "refresh was refused; used before."
    assert not after.credential.is_renewable
    assert ended(after, NOW + 7 * DAY) is after
    over = ended(after, NOW + 8 * DAY)
    assert (over.state, over.reason) == (AccountState.AUTH_FAILED, after.credential.trouble)
    assert refused(account(), 1, "x", NOW + 9 * DAY).state is AccountState.AUTH_FAILED


def test_rest() -> None:
    """The rest says why, lasts, and does not touch what a person or a quota decided."""
    after = resting(unanswered(account(), 1, "no answer."), 1, NOW + 60)
    assert (after.state, after.until) == (AccountState.COOLING, NOW + 60)
    assert after.reason == "refresh was not answered; no answer."
    assert resting(after, 1, NOW + 50) is after
    disabled = account(state=AccountState.DISABLED)
    assert resting(disabled, 1, NOW + 60) is disabled
    assert unanswered(after, 1, "again.").reason == "refresh was not answered; again."


# --- doing it ---------------------------------------------------------------------------------------------


async def test_due_ones_are_renewed(store: Store, tools: NodeTools, upstream: Scripted, clock: Clock) -> None:
    """The answer is in the store, rotation and all, and this node uses it at once."""
    await store.accounts.put(account())
    clock.now_s += 4 * DAY
    await tools.renewals.renew_due()
    after = (await held(store)).credential
    assert (after.access_token, after.refresh_token, after.version) == (Secret("token-2"), Secret("rt_2"), 2)
    assert (after.refreshing_until, after.trouble) == (None, None)
    seen = await tools.pool.get(ACCOUNT)
    assert seen is not None
    assert seen.credential == after
    await tools.renewals.renew_due()
    assert len(upstream.renewals) == 1


async def test_many_refusals_on_two_nodes_are_one_refresh(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """Ten jobs of two nodes meet a 401 at once: the backend is asked once, and all go on."""
    await store.accounts.put(account())
    upstream.good_tokens = {"token-2"}
    upstream.renewing = asyncio.Event()
    async with another_node(store, upstream, clock) as other, asyncio.TaskGroup() as group:
        asked = [
            group.create_task(renewals.renew_now(ACCOUNT, 1))
            for renewals in (tools.renewals, other)
            for _ in range(5)
        ]
        await true_soon(lambda: upstream.renewals)
        upstream.renewing.set()
    assert [task.result() for task in asked] == [Renewal.DONE] * 10
    assert len(upstream.renewals) == 1
    assert (await held(store)).credential.version == 2


async def test_a_refusal_is_answered_by_one_refresh(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """After a 401 the account has a new credential and stays in service."""
    await store.accounts.put(account())
    upstream.good_tokens = {"token-2"}
    await report_trouble(tools, upstream, account(), ErrorKind.ACCOUNT_AUTH)
    await report_trouble(tools, upstream, account(), ErrorKind.ACCOUNT_AUTH)
    after = await held(store)
    assert (after.state, after.credential.version) == (AccountState.READY, 2)
    assert len(upstream.renewals) == 1


async def test_a_new_token_that_opens_nothing_ends_it(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """A refresh that succeeds without helping is not repeated for ever."""
    await store.accounts.put(account())
    upstream.good_tokens = set()
    await report_trouble(tools, upstream, account(), ErrorKind.ACCOUNT_AUTH)
    assert (await held(store)).state is AccountState.AUTH_FAILED
    assert len(upstream.renewals) == 1


async def test_a_refused_refresh_after_a_refusal(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """Both tokens are dead: the account needs a person."""
    await store.accounts.put(account())
    upstream.good_tokens = set()
    upstream.renew_error = GatewayError(ErrorKind.ACCOUNT_AUTH, "It was used before.")
    await report_trouble(tools, upstream, account(), ErrorKind.ACCOUNT_AUTH)
    after = await held(store)
    assert after.state is AccountState.AUTH_FAILED
    assert after.credential.trouble == "refresh was refused; It was used before."


async def test_a_lost_answer(store: Store, tools: NodeTools, upstream: Scripted, clock: Clock) -> None:
    """What there is stays; it is tried again later, and the reuse that this shows ends no living token."""
    await store.accounts.put(account())
    clock.now_s += 4 * DAY
    upstream.renew_error = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "No answer.")
    await tools.renewals.renew_due()
    first = await held(store)
    assert first.state is AccountState.READY
    assert (first.credential.refresh_token, first.credential.version) == (Secret("rt_1"), 1)
    assert first.credential.trouble == "refresh was not answered; No answer."
    await tools.renewals.renew_due()
    assert len(upstream.renewals) == 1
    clock.now_s += 600
    upstream.renew_error = GatewayError(ErrorKind.ACCOUNT_AUTH, "It was used before.")
    await tools.renewals.renew_due()
    second = await held(store)
    assert (second.state, second.credential.is_refused) == (AccountState.READY, True)
    clock.now_s += 4 * DAY
    await tools.renewals.renew_due()
    assert (await held(store)).state is AccountState.AUTH_FAILED
    assert len(upstream.renewals) == 2


async def test_no_answer_after_a_refusal_rests(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """The account is not given up: it rests, is not asked at each job, and comes back by itself."""
    await store.accounts.put(account())
    upstream.good_tokens = {"token-2"}
    upstream.renew_error = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "Heavy load.")
    for _ in range(3):
        await report_trouble(tools, upstream, account(), ErrorKind.ACCOUNT_AUTH)
    after = await held(store)
    assert (after.state, after.until) == (AccountState.COOLING, clock() + 60)
    assert after.reason == "refresh was not answered; Heavy load."
    assert len(upstream.renewals) == 1
    upstream.renew_error = None
    clock.now_s += 61
    await tools.renewals.renew_due()
    assert (await held(store)).state is AccountState.READY


async def test_an_access_token_alone_is_not_renewed(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """There is nothing to ask for another one with."""
    assert await tools.renewals.renew_now(ACCOUNT, 1) is Renewal.REFUSED
    assert await tools.renewals.renew_now(ACCOUNT, 9) is Renewal.DONE
    assert await tools.renewals.renew_now("scripted:none", 1) is Renewal.REFUSED
    assert upstream.renewals == []


async def test_a_renewal_is_finished_without_whoever_asked(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """The request that asked is gone; the rotation is kept all the same."""
    await store.accounts.put(account())
    upstream.renewing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(tools.renewals.renew_now(ACCOUNT, 1))
        await true_soon(lambda: upstream.renewals)
        asking.cancel()
    upstream.renewing.set()
    async with asyncio.timeout(5):
        while (await held(store)).credential.version == 1:  # noqa: ASYNC110 - the store wakes nobody
            await asyncio.sleep(0.005)


async def test_the_end_of_a_node_waits_for_its_renewals(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """An exchange that has begun is finished and stored before the node is gone; none begins after."""
    await store.accounts.put(account())
    upstream.renewing = asyncio.Event()
    async with asyncio.TaskGroup() as group, another_node(store, upstream, clock) as other:
        asking = group.create_task(other.renew_now(ACCOUNT, 1))
        await true_soon(lambda: upstream.renewals)
        asyncio.get_running_loop().call_later(0.05, upstream.renewing.set)
    assert asking.result() is Renewal.DONE
    assert (await held(store)).credential.version == 2
    assert await other.renew_now(ACCOUNT, 2) is Renewal.LATER


async def test_a_dead_nodes_claim_falls_due(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """Nobody asks before the claim of a node that vanished is over; then anybody does."""
    await store.accounts.put(account(refreshing_until=NOW + 4 * DAY + 75, refreshing_by="gone"))
    clock.now_s += 4 * DAY
    await tools.renewals.renew_due()
    assert upstream.renewals == []
    clock.now_s += 75
    await tools.renewals.renew_due()
    assert len(upstream.renewals) == 1


async def test_the_operators_new_credential_wins(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A credential that was added meanwhile is not overwritten by the answer to an older one."""
    await store.accounts.put(account())
    upstream.renewing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(tools.renewals.renew_now(ACCOUNT, 1))
        await true_soon(lambda: upstream.renewals)
        await store.accounts.put(account(access_token=Secret("by hand"), version=5))
        upstream.renewing.set()
    assert (await held(store)).credential.access_token == Secret("by hand")
