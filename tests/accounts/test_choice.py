"""Choosing an account: who can, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.accounts.choice import admission, choose
from sora_gateway.domain.accounts import Account, AccountState, Plan
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.ports.stores import Load
from tests.domain.samples import IMAGE, NOW_S, PRO, VIDEO, account

LATER = NOW_S + 100


def load(ours: int = 0, foreign: int = 0, kind: MediaKind = MediaKind.VIDEO) -> Load:
    """Return what runs on an account."""
    return Load(ours={kind: ours}, foreign={kind: foreign})


def chosen(request: GenerationRequest, *accounts: Account, **loads: Load) -> list[str]:
    """Return the backend ids of the accounts in the order of choice."""
    by_id = {f"sora:{name}": value for name, value in loads.items()}
    return [one.backend_id for one in choose(request, accounts, by_id, NOW_S)]


def test_fewest_extra_entitlements_come_first() -> None:
    """A Pro account is kept for what only it can do, even when it is idle and the other is not."""
    accounts = [
        account("pro", plan=Plan.PRO),
        account("plus", plan=Plan.PLUS),
        account("free", plan=Plan.FREE),
        account("team", plan=Plan.TEAM),
    ]
    assert chosen(VIDEO, *accounts, free=load(2)) == ["free", "plus", "team", "pro"]
    assert chosen(PRO, *accounts) == ["pro"]


def test_a_request_that_needs_one_account() -> None:
    """No other is chosen, and without it none can ever be."""
    accounts = [account("a"), account("b")]
    needs_b = replace(VIDEO, account_id="sora:b")
    assert chosen(needs_b, *accounts) == ["b"]
    assert admission(needs_b, accounts) is None
    refusal = admission(needs_b, accounts[:1])
    assert refusal is not None
    assert refusal.kind is ErrorKind.NO_ACCOUNT


def test_the_plan_of_the_account_that_holds_it() -> None:
    """The refusal tells of that account, not of the pool, and names the field."""
    accounts = [account("a", plan=Plan.FREE), account("b", plan=Plan.PRO)]
    refusal = admission(replace(PRO, hd=True, account_id="sora:a"), accounts)
    assert refusal is not None
    assert (refusal.kind, refusal.param) == (ErrorKind.ACCOUNT_PLAN_REQUIRED, "hd")
    assert "lies on an account with the plan 'free'" in refusal.message


def test_then_the_least_busy() -> None:
    """Measured against its slots, foreign tasks counted."""
    big = account("big", slots={MediaKind.VIDEO: 10})
    small = account("small", slots={MediaKind.VIDEO: 2})
    assert chosen(VIDEO, small, big, big=load(3), small=load(0, 1)) == ["big", "small"]


def test_then_the_one_unused_for_longest() -> None:
    """A new account first, then by last use, then by id."""
    accounts = [
        account("d", last_used_at=NOW_S),
        account("b", last_used_at=NOW_S - 50),
        account("c", last_used_at=NOW_S - 50),
        account("new"),
    ]
    assert chosen(VIDEO, *accounts) == ["new", "b", "c", "d"]


@pytest.mark.parametrize(
    ("one", "given"),
    [
        (account(slots={MediaKind.VIDEO: 2}), load(1, 1)),
        (account(slots={MediaKind.VIDEO: 2}), load(0, 5)),
        (account(slots={MediaKind.IMAGE: 2}), load()),
        (account(slots={MediaKind.VIDEO: 0}), load()),
        (account(state=AccountState.COOLING, until=LATER), load()),
        (account(state=AccountState.EXHAUSTED, until=LATER), load()),
        (
            account(state=AccountState.EXHAUSTED, until=LATER, videos_remaining=0, quota_resets_at=LATER),
            load(),
        ),
        (account(state=AccountState.AUTH_FAILED), load()),
        (account(state=AccountState.DISABLED), load()),
        (account(videos_remaining=0, quota_resets_at=LATER), load()),
    ],
)
def test_skipped(one: Account, given: Load) -> None:
    """Full, resting, broken or used up."""
    assert chosen(VIDEO, one, a=given) == []


@pytest.mark.parametrize(
    "one",
    [
        account(videos_remaining=0, quota_resets_at=NOW_S - 1),
        account(videos_remaining=0, quota_resets_at=None),
        account(videos_remaining=1, quota_resets_at=LATER),
        account(videos_remaining=None, quota_resets_at=LATER),
        account(state=AccountState.COOLING, until=NOW_S),
        account(state=AccountState.EXHAUSTED, until=NOW_S, videos_remaining=0, quota_resets_at=NOW_S - 60),
    ],
)
def test_not_skipped(one: Account) -> None:
    """A quota that is back, that is unknown, or a rest that is over."""
    assert chosen(VIDEO, one) == ["a"]


def test_used_up_videos_leave_the_rest() -> None:
    """The quota of Sora 2 says nothing about images and the first generation."""
    used_up = account(state=AccountState.EXHAUSTED, until=LATER, videos_remaining=0, quota_resets_at=LATER)
    assert chosen(VIDEO, used_up) == []
    assert chosen(IMAGE, used_up) == ["a"]
    assert chosen(replace(VIDEO, family=Family.VIDEO), used_up) == ["a"]
    assert chosen(IMAGE, replace(used_up, state=AccountState.DISABLED)) == []
    assert chosen(IMAGE, replace(used_up, state=AccountState.COOLING)) == []


def test_avoided_accounts_are_left_out() -> None:
    """A job does not go where it was refused."""
    accounts = [account("a"), account("b")]
    assert [one.backend_id for one in choose(VIDEO, accounts, {}, NOW_S, ("sora:a",))] == ["b"]


def test_groups() -> None:
    """Built-in groups are plans, own ones stand on the account; one in common is enough."""
    accounts = [
        account("free"),
        account("plus", plan=Plan.PLUS),
        account("mine", groups=("vip",), plan=Plan.PRO),
    ]
    assert chosen(replace(VIDEO, groups=("free", "plus")), *accounts) == ["free", "plus"]
    assert chosen(replace(VIDEO, groups=("vip",)), *accounts) == ["mine"]
    assert chosen(replace(PRO, groups=("free",)), *accounts) == []


class TestAdmission:
    """Whether any account could ever run it."""

    @pytest.mark.parametrize(
        "one",
        [
            account(),
            account(state=AccountState.COOLING, until=LATER),
            account(state=AccountState.EXHAUSTED, until=LATER),
            account(videos_remaining=0, quota_resets_at=LATER),
        ],
    )
    def test_busy_or_resting_is_no_reason(self, one: Account) -> None:
        """The job waits."""
        assert admission(VIDEO, [one]) is None

    @pytest.mark.parametrize(
        "accounts",
        [
            [],
            [account(state=AccountState.DISABLED), account("b", state=AccountState.AUTH_FAILED)],
            [account(slots={MediaKind.IMAGE: 1})],
        ],
    )
    def test_no_account(self, accounts: list[Account]) -> None:
        """None configured, none in service, none of the kind."""
        error = admission(VIDEO, accounts)
        assert error is not None
        assert error.kind is ErrorKind.NO_ACCOUNT
        assert "videos" in error.message

    @pytest.mark.parametrize(
        ("request_", "why"),
        [
            (PRO, "pro"),
            (replace(PRO, hd=True), "hd"),
            (replace(VIDEO, duration_s=25, plan=Plan.PRO), "25 seconds"),
        ],
    )
    def test_no_plan(self, request_: GenerationRequest, why: str) -> None:
        """The message names the plan and what needs it."""
        error = admission(
            request_, [account(plan=Plan.PLUS), account("b", plan=Plan.PRO, state=AccountState.DISABLED)]
        )
        assert error is not None
        assert (error.kind, error.param) == (ErrorKind.ACCOUNT_PLAN_REQUIRED, "model")
        assert "'pro'" in error.message
        assert why in error.message

    def test_no_plan_in_the_groups(self) -> None:
        """A Pro account elsewhere does not help."""
        pool = [account(plan=Plan.PRO), account("b")]
        error = admission(replace(PRO, groups=("free",)), pool)
        assert error is not None
        assert "in the groups free" in error.message
        assert admission(replace(PRO, groups=("pro",)), pool) is None

    @pytest.mark.parametrize(
        ("group", "kind"),
        [("nobody", ErrorKind.INVALID_REQUEST), ("pro", ErrorKind.ACCOUNT_PLAN_REQUIRED)],
    )
    def test_no_group(self, group: str, kind: ErrorKind) -> None:
        """An unknown group is a mistake of the caller's, an empty plan is not; existing groups are named."""
        error = admission(
            replace(VIDEO, groups=(group,)), [account(groups=("vip",)), account("b", plan=Plan.PLUS)]
        )
        assert error is not None
        assert (error.kind, error.param) == (kind, "model")
        assert group in error.message
        assert "free, plus, vip" in error.message


def test_an_owned_account_works_for_its_owner_alone() -> None:
    """The pool never takes a caller's account, whatever it lacks; groups hold for pinned requests too."""
    own = account("own", owner="passthrough:sora:own", plan=Plan.PLUS)
    assert chosen(VIDEO, own) == []
    assert chosen(VIDEO, own, account("a")) == ["a"]
    refusal = admission(VIDEO, [own])
    assert refusal is not None
    assert refusal.kind is ErrorKind.NO_ACCOUNT
    pinned = replace(VIDEO, account_id=own.id)
    assert chosen(pinned, own, account("a")) == ["own"]
    assert chosen(replace(pinned, groups=("free",)), own) == []
    refusal = admission(replace(pinned, groups=("free",)), [own])
    assert refusal is not None
    assert refusal.kind is ErrorKind.ACCOUNT_PLAN_REQUIRED
    failed = replace(own, state=AccountState.AUTH_FAILED)
    refusal = admission(pinned, [failed])
    assert refusal is not None
    assert "Your own account" in refusal.message
