"""A caller with a credential of his own is confirmed, gets his own account, and nobody else gets it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sora_gateway.accounts.choice import admission, choose
from sora_gateway.domain.accounts import (
    Account,
    AccountFacts,
    AccountState,
    Credential,
    CredentialForm,
    Plan,
    credential_digest,
)
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Bound
from sora_gateway.domain.licences import Bounds, Caller, Permission
from sora_gateway.engine.arrivals import Arrivals, Opened
from sora_gateway.engine.passthrough import CONFIRMED_S, REFUSED_S, Passthrough, adopted, is_unused
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store
from tests.conftest_store import NOW, accepted, new_job
from tests.domain.samples import VIDEO
from tests.engine.conftest import ACCOUNT, Clock, Scripted, true_soon

OWN = "scripted:own-user-1"
OWNER = "passthrough:scripted:user-1"
DAY = 86_400.0
SOME = frozenset({Permission.VIDEOS})
BOUNDS = Bounds(requests_per_minute=9, concurrent_jobs=2)


@pytest.fixture
def passthrough(tools: NodeTools, store: Store, clock: Clock) -> Passthrough:
    arrivals = Arrivals(tools.pool, tools.renewals, tools.upstreams, clock)
    return Passthrough(arrivals, tools.pool, store.jobs, tools.upstreams, SOME, clock, BOUNDS)


async def own(store: Store) -> Account:
    """Return the caller's account as it is stored."""
    found = await store.accounts.get(OWN)
    assert found is not None
    return found


# --- coming in --------------------------------------------------------------------------------------------


async def test_a_confirmed_access_token(passthrough: Passthrough, store: Store, upstream: Scripted) -> None:
    """He is the owner that the backend names, and confirmed once in five minutes."""
    caller = await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    assert caller == Caller(licence_id=OWNER, permissions=SOME, account_id=OWN, bounds=BOUNDS)
    assert await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b") == caller
    assert upstream.checked == ["eyJ.a.b"]
    account = await own(store)
    assert (account.owner, account.plan, account.last_used_at) == (OWNER, Plan.PLUS, NOW)


async def test_confirmed_again_after_five_minutes(
    passthrough: Passthrough, upstream: Scripted, clock: Clock
) -> None:
    """A token that was revoked stops working then."""
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    upstream.good_tokens = set()
    clock.now_s += CONFIRMED_S - 1
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    clock.now_s += 1
    with pytest.raises(GatewayError) as caught:
        await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    assert caught.value.kind is ErrorKind.UNAUTHENTICATED


async def test_a_bad_one(passthrough: Passthrough, store: Store, upstream: Scripted, clock: Clock) -> None:
    """401 in the words that clients know, asked again after half a minute, nothing recorded or shown."""
    upstream.good_tokens = set()
    for _ in range(3):
        with pytest.raises(GatewayError) as caught:
            await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
        error = caught.value
        assert error.kind is ErrorKind.UNAUTHENTICATED
        assert error.message.startswith("Incorrect API key provided")
        assert not error.message.endswith("..")
        assert "eyJ" not in error.message
    assert len(upstream.checked) == 1
    assert [account.id for account in await store.accounts.all()] == [ACCOUNT]
    clock.now_s += REFUSED_S
    upstream.good_tokens = None
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")


async def test_nobody_can_tell(passthrough: Passthrough, upstream: Scripted, clock: Clock) -> None:
    """An unreachable backend is 503 and no judgement: it is asked again soon."""
    upstream.check_error = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "x")
    with pytest.raises(GatewayError) as caught:
        await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    assert (caught.value.kind, caught.value.code) == (ErrorKind.UPSTREAM_OVERLOADED, "upstream_unreachable")
    upstream.check_error = None
    clock.now_s += 3
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")


async def test_a_refresh_token_lets_in_after_it_was_rotated(
    passthrough: Passthrough, store: Store, upstream: Scripted, clock: Clock
) -> None:
    """He goes on with the one he gave, whose successors live here; another node knows him too."""
    first = await passthrough.caller(CredentialForm.REFRESH, "rt_given")
    clock.now_s += CONFIRMED_S
    upstream.good_tokens = {"token-3"}
    assert await passthrough.caller(CredentialForm.REFRESH, "rt_given") == first
    account = await own(store)
    assert account.credential.refresh_token == Secret("rt_3")
    assert account.given == (credential_digest("rt_given"),)
    assert len(upstream.renewals) == 2
    assert {one.id for one in await store.accounts.all()} == {ACCOUNT, OWN}


async def test_another_token_of_the_same_owner(passthrough: Passthrough, store: Store) -> None:
    """A renewed token still sees his jobs, and does not take a credential away that renews itself."""
    by_refresh = await passthrough.caller(CredentialForm.REFRESH, "rt_given")
    by_access = await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    assert by_access == by_refresh
    assert (await own(store)).credential.refresh_token == Secret("rt_2")


async def test_callers_are_apart(passthrough: Passthrough, upstream: Scripted) -> None:
    """Two owners are two callers with two accounts."""
    upstream.owners = {"eyJ.a.b": "user-7", "eyJ.c.d": "user-8"}
    one = await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    two = await passthrough.caller(CredentialForm.ACCESS, "eyJ.c.d")
    assert {one.account_id, two.account_id} == {"scripted:own-user-7", "scripted:own-user-8"}
    assert one.licence_id != two.licence_id


async def test_many_requests_at_once_are_one_question(passthrough: Passthrough, upstream: Scripted) -> None:
    """The others wait for the answer; one that goes away takes nobody with it."""
    upstream.renewing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(passthrough.caller(CredentialForm.REFRESH, "rt_given")) for _ in range(5)]
        await true_soon(lambda: upstream.renewals)
        asked[0].cancel()
        await asyncio.sleep(0)
        upstream.renewing.set()
    assert len({task.result() for task in asked[1:]}) == 1
    assert (len(upstream.renewals), len(upstream.checked)) == (1, 1)


async def test_few_are_asked_about_at_once(
    passthrough: Passthrough, upstream: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of unknown credentials is turned away without a question to the backend."""
    monkeypatch.setattr("sora_gateway.engine.passthrough._MOST_WAITING", 20)
    upstream.renewing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_outcome(passthrough, f"rt_{number}")) for number in range(30)]
        await true_soon(lambda: len(upstream.renewals) == 16)
        upstream.renewing.set()
    kinds = [task.result() for task in asked]
    assert kinds.count(None) == 20
    assert kinds.count(ErrorKind.UPSTREAM_OVERLOADED) == 10


async def _outcome(passthrough: Passthrough, given: str) -> ErrorKind | None:
    try:
        await passthrough.caller(CredentialForm.REFRESH, given)
    except GatewayError as error:
        return error.kind
    return None


# --- his account ------------------------------------------------------------------------------------------


async def test_nobody_else_gets_his_account(
    passthrough: Passthrough, store: Store, tools: NodeTools, clock: Clock
) -> None:
    """The pool never takes it, and his requests take nothing but it."""
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    accounts = await store.accounts.all()
    assert [one.id for one in choose(VIDEO, accounts, {}, clock())] == [ACCOUNT]
    his = replace(VIDEO, account_id=OWN)
    assert [one.id for one in choose(his, accounts, {}, clock())] == [OWN]
    assert admission(his, accounts) is None
    await store.accounts.remove(ACCOUNT)
    refusal = admission(VIDEO, await store.accounts.all())
    assert refusal is not None
    assert refusal.kind is ErrorKind.NO_ACCOUNT


def opened(
    token: str, form: CredentialForm = CredentialForm.ACCESS, expires_at: float | None = None
) -> Opened:
    """Return a confirmed credential."""
    refresh_token = Secret(f"rt_of_{token}") if form is CredentialForm.REFRESH else None
    credential = Credential(
        access_token=Secret(token), refresh_token=refresh_token, expires_at=expires_at, version=2
    )
    facts = AccountFacts(backend_id="user-1", email=None, plan=Plan.PLUS, expires_at=expires_at)
    return Opened(credential=credential, facts=facts)


@pytest.mark.parametrize(
    ("held", "new", "expected"),
    [
        (opened("a", expires_at=5), opened("b", expires_at=9), "b"),
        (opened("a", expires_at=9), opened("b", expires_at=5), "a"),
        (opened("a", expires_at=5), opened("b", CredentialForm.REFRESH, 4), "b"),
        (opened("a", CredentialForm.REFRESH, 5), opened("b", expires_at=9), "a"),
        (opened("a", CredentialForm.REFRESH, 5), opened("b", CredentialForm.REFRESH, 4), "b"),
    ],
)
def test_the_better_credential_stays(held: Opened, new: Opened, expected: str) -> None:
    """What lives longer; what renews itself before what does not; the latest that does."""
    before = Account(
        id=OWN, upstream="scripted", backend_id="user-1", credential=held.credential, owner=OWNER
    )
    after = adopted(before, new, NOW)
    assert after.credential.access_token == Secret(expected)
    kept = new if expected == "b" else held
    assert after.credential.expires_at == kept.facts.expires_at
    assert after.credential.version == (3 if expected == "b" else 2)
    failed = replace(before, state=AccountState.AUTH_FAILED, reason="x")
    healed = adopted(failed, new, NOW)
    assert (healed.state, healed.credential.access_token) == (AccountState.READY, Secret("b"))


async def test_an_account_with_jobs_stays(
    passthrough: Passthrough, store: Store, tools: NodeTools, clock: Clock
) -> None:
    """Not while a job of his is on it, however long he was away."""
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    job = new_job()
    await accepted(store, job)
    await store.jobs.bind(job.id, tools.records.decision(Bound(account_id=OWN)), OWN, 3)
    clock.now_s += 30 * DAY + 2
    await passthrough.sweep()
    assert (await own(store)).owner == OWNER
    assert is_unused(await own(store), clock())


async def test_forgotten_accounts_without_jobs_go(
    passthrough: Passthrough, store: Store, clock: Clock
) -> None:
    """A month is enough; a credential that never was exchanged goes within the hour."""
    await passthrough.caller(CredentialForm.ACCESS, "eyJ.a.b")
    clock.now_s += 29 * DAY
    await passthrough.sweep()
    assert await store.accounts.get(OWN) is not None
    clock.now_s += DAY + 2
    await passthrough.sweep()
    assert [one.id for one in await store.accounts.all()] == [ACCOUNT]


async def test_what_was_never_exchanged_goes_soon(
    passthrough: Passthrough, store: Store, upstream: Scripted, clock: Clock
) -> None:
    """It keeps nothing alive."""
    upstream.renew_error = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "x")
    with pytest.raises(GatewayError):
        await passthrough.caller(CredentialForm.REFRESH, "rt_given")
    assert len(await store.accounts.all()) == 2
    clock.now_s += 3602
    await passthrough.sweep()
    assert [one.id for one in await store.accounts.all()] == [ACCOUNT]
