"""A credential that somebody gives is exchanged once, whatever happens on the way."""

from __future__ import annotations

import asyncio

import pytest

from sora_gateway.domain.accounts import Account, AccountState, CredentialForm, credential_digest
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.engine.arrivals import Arrivals, is_pending
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.renewals import Renewals
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store
from tests.engine.conftest import ACCOUNT, Clock, Scripted, true_soon

GIVEN = Secret("rt_given")
DIGEST = credential_digest("rt_given")
PENDING_ID = f"scripted:pending-{DIGEST[:32]}"


@pytest.fixture
def arrivals(tools: NodeTools, clock: Clock) -> Arrivals:
    return Arrivals(tools.pool, tools.renewals, tools.upstreams, clock)


async def test_an_access_token_is_asked_about(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """It is used as it is, and nothing is recorded."""
    opened = await arrivals.open("scripted", CredentialForm.ACCESS, Secret("eyJ.a.b"), is_own=False)
    assert (opened.facts.backend_id, opened.pending_id) == ("user-1", None)
    assert upstream.checked == ["eyJ.a.b"]
    assert [account.id for account in await store.accounts.all()] == [ACCOUNT]


async def test_the_rotation_is_kept_before_it_is_used(
    arrivals: Arrivals, store: Store, upstream: Scripted
) -> None:
    """When the first question with the new access token is asked, its refresh token is in the store."""
    opened = await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    kept = await store.accounts.get(PENDING_ID)
    assert kept is not None
    assert kept.credential == opened.credential
    assert (kept.credential.refresh_token, kept.given) == (Secret("rt_2"), (DIGEST,))
    assert kept.state is AccountState.DISABLED
    assert is_pending(kept)
    await arrivals.settle(opened)
    assert await store.accounts.get(PENDING_ID) is None


async def test_given_again_after_trouble(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """The dead token opens its living successor: it is exchanged once, not twice."""
    upstream.check_error = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "x")
    with pytest.raises(GatewayError) as caught:
        await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
    upstream.check_error = None
    opened = await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    assert opened.credential.access_token == Secret("token-2")
    assert len(upstream.renewals) == 1


async def test_a_successor_that_has_ended_is_renewed(
    arrivals: Arrivals, store: Store, upstream: Scripted
) -> None:
    """The first one given still opens, through as many rotations as there were."""
    await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    upstream.good_tokens = {"token-3"}
    opened = await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    assert opened.credential.refresh_token == Secret("rt_3")


async def test_a_refused_one_leaves_nothing(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """The backend's no is told, and no record stays."""
    upstream.renew_error = GatewayError(ErrorKind.ACCOUNT_AUTH, "It has expired.")
    with pytest.raises(GatewayError) as caught:
        await arrivals.open("scripted", CredentialForm.SESSION, Secret("cookie"), is_own=True)
    assert caught.value.kind is ErrorKind.ACCOUNT_AUTH
    assert "It has expired." in caught.value.message
    assert [account.id for account in await store.accounts.all()] == [ACCOUNT]


async def test_an_unanswered_one_is_kept(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """Nobody knows whether it was exchanged: it is kept, and the backend is not pressed."""
    upstream.renew_error = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "No answer.")
    for _ in range(3):
        with pytest.raises(GatewayError) as caught:
            await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
        assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert len(upstream.renewals) == 1
    kept = await store.accounts.get(PENDING_ID)
    assert kept is not None
    assert kept.credential.refresh_token == GIVEN


async def test_two_at_once_are_one_exchange(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """Both get the same living credential."""
    upstream.renewing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=True))
            for _ in range(2)
        ]
        await true_soon(lambda: upstream.renewals)
        upstream.renewing.set()
    assert len({task.result().credential.access_token for task in asked}) == 1
    assert len(upstream.renewals) == 1


async def test_the_pool_and_callers_never_meet(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """What the pool was given opens nothing for a caller, and the other way round."""
    await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    upstream.renew_error = GatewayError(ErrorKind.ACCOUNT_AUTH, "It was used before.")
    with pytest.raises(GatewayError):
        await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=True)


async def test_another_proxy_is_tried_at_once(arrivals: Arrivals, store: Store, upstream: Scripted) -> None:
    """A proxy that does not work can be corrected, and its rest does not count for the next one."""
    upstream.renew_error = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "No answer.")
    with pytest.raises(GatewayError):
        await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False, proxy=Secret("http://a"))
    upstream.renew_error = None
    good = Secret("http://b")
    await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False, proxy=good)
    await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False)
    kept = await store.accounts.get(PENDING_ID)
    assert kept is not None
    assert kept.proxy == good
    await arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=False, proxy=Secret(""))
    kept = await store.accounts.get(PENDING_ID)
    assert kept is not None
    assert kept.proxy is None


async def test_another_node_settles_first(
    arrivals: Arrivals, store: Store, upstream: Scripted, clock: Clock
) -> None:
    """Who waited for the exchange of another node finds its successor in the account's own record."""
    upstream.renewing = asyncio.Event()
    pool = AccountPool(store.accounts, clock)
    async with Renewals(pool, {"scripted": upstream}, EngineConfig(), clock) as renewals:
        other = Arrivals(pool, renewals, {"scripted": upstream}, clock)

        async def settle() -> None:
            opened = await other.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=True)
            own = Account(
                id="scripted:own-user-1",
                upstream="scripted",
                backend_id="user-1",
                credential=opened.credential,
                owner="passthrough:scripted:user-1",
                given=(DIGEST,),
            )
            await store.accounts.add(own)
            await other.settle(opened)

        async with asyncio.TaskGroup() as group:
            settling = group.create_task(settle())
            await true_soon(lambda: upstream.renewals)
            waiting = group.create_task(arrivals.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=True))
            await asyncio.sleep(0)
            upstream.renewing.set()
            await settling
    assert waiting.result().credential.access_token == Secret("token-2")
    assert waiting.result().pending_id is None
    assert len(upstream.renewals) == 1


async def test_a_dead_nodes_exchange_is_not_waited_out(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """Its claim lasts longer than a request may hang: after a while the caller is told to come again."""
    upstream.renewing = asyncio.Event()
    config = EngineConfig(renew_wait_s=0.01)
    async with Renewals(tools.pool, tools.upstreams, config, clock) as renewals:
        patient = Arrivals(tools.pool, renewals, tools.upstreams, clock)
        gone = Arrivals(tools.pool, tools.renewals, tools.upstreams, clock)
        async with asyncio.TaskGroup() as group:
            dying = group.create_task(gone.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=True))
            await true_soon(lambda: upstream.renewals)
            with pytest.raises(GatewayError) as caught:
                await patient.open("scripted", CredentialForm.REFRESH, GIVEN, is_own=True)
            upstream.renewing.set()
            await dying
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert caught.value.retry_after_s is not None
