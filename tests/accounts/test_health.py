"""The health of accounts: what each error does, and how it passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.accounts.health import (
    EFFECTS,
    after_balance,
    after_error,
    after_use,
    settle,
    videos_spent,
)
from sora_gateway.domain.accounts import Account, AccountState, Balance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import GenerationRequest
from tests.domain.samples import IMAGE, NOW_S, PRO, VIDEO, account

READY, COOLING, EXHAUSTED = AccountState.READY, AccountState.COOLING, AccountState.EXHAUSTED
AUTH_FAILED, DISABLED = AccountState.AUTH_FAILED, AccountState.DISABLED
FOR_GOOD = (AUTH_FAILED, DISABLED)


@pytest.mark.parametrize(
    ("kind", "until", "state", "ends_at"),
    [
        (ErrorKind.ACCOUNT_RATE_LIMITED, None, COOLING, NOW_S + 60),
        (ErrorKind.ACCOUNT_RATE_LIMITED, NOW_S + 7, COOLING, NOW_S + 7),
        (ErrorKind.ACCOUNT_RATE_LIMITED, NOW_S - 7, COOLING, NOW_S + 60),
        (ErrorKind.ACCOUNT_BUSY, None, COOLING, NOW_S + 10),
        (ErrorKind.UPSTREAM_BLOCKED, None, READY, None),
        (ErrorKind.UPSTREAM_BLOCKED, NOW_S + 600, COOLING, NOW_S + 600),
        (ErrorKind.ACCOUNT_EXHAUSTED, None, EXHAUSTED, NOW_S + 3600),
        (ErrorKind.ACCOUNT_EXHAUSTED, NOW_S + 500, EXHAUSTED, NOW_S + 560),
        (ErrorKind.ACCOUNT_AUTH, None, AUTH_FAILED, None),
        (ErrorKind.ACCOUNT_AUTH, NOW_S + 5, AUTH_FAILED, None),
    ],
)
def test_effects(kind: ErrorKind, until: float | None, state: AccountState, ends_at: float | None) -> None:
    """The account's own trouble puts it aside, for as long as the backend says."""
    after = after_error(account(), kind, until, NOW_S)
    assert (after.state, after.until) == (state, ends_at)
    assert (after.reason is None) == (state is READY)


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind not in EFFECTS])
def test_other_errors_have_no_effect(kind: ErrorKind) -> None:
    """Refused content, load, failures: nothing about the account, whatever time comes with them."""
    assert after_error(account(), kind, NOW_S + 60, NOW_S) == account()


@given(
    st.sampled_from(list(ErrorKind)),
    st.sampled_from(list(AccountState)),
    st.none() | st.floats(NOW_S - 10, NOW_S + 1e6),
)
def test_only_a_dead_credential_lasts(kind: ErrorKind, state: AccountState, until: float | None) -> None:
    """No error disables an account for good but one: the credential's. A 429 always passes."""
    before = account(state=state, until=NOW_S + 50 if state in (COOLING, EXHAUSTED) else None)
    after = after_error(before, kind, until, NOW_S)
    if before.state not in FOR_GOOD and kind is not ErrorKind.ACCOUNT_AUTH:
        assert after.state not in FOR_GOOD
        assert settle(after, NOW_S + 1e7).state is READY
    if before.state in FOR_GOOD:
        assert after == before


def test_a_longer_rest_is_not_shortened() -> None:
    """A burst limit within a used-up day changes nothing; a longer one takes over."""
    exhausted = account(state=EXHAUSTED, reason="quota used up", until=NOW_S + 9000)
    assert after_error(exhausted, ErrorKind.ACCOUNT_RATE_LIMITED, None, NOW_S) == exhausted
    cooling = account(state=COOLING, reason="pace", until=NOW_S + 5)
    longer = after_error(cooling, ErrorKind.ACCOUNT_RATE_LIMITED, NOW_S + 30, NOW_S)
    assert longer.until == NOW_S + 30


@pytest.mark.parametrize(("kind", "remaining"), [(MediaKind.VIDEO, 0), (MediaKind.IMAGE, None), (None, None)])
def test_used_up_quota_is_noted_by_kind(kind: MediaKind | None, remaining: int | None) -> None:
    """Only where it is the quota of videos do images go on."""
    before = account(videos_remaining=7)
    after = after_error(before, ErrorKind.ACCOUNT_EXHAUSTED, NOW_S + 500, NOW_S, kind=kind)
    assert (after.videos_remaining, after.quota_resets_at) == (remaining, NOW_S + 500)


class TestBalance:
    """What the backend reports beside its answers."""

    def test_numbers_are_kept(self) -> None:
        """What it does not say stays."""
        after = after_balance(account(), Balance(videos_remaining=5, resets_at=NOW_S + 9), NOW_S)
        assert (after.videos_remaining, after.quota_resets_at, after.state) == (5, NOW_S + 9, READY)
        assert after_balance(after, Balance(videos_remaining=None, resets_at=None), NOW_S) == after

    def test_used_up(self) -> None:
        """The account rests until the quota is back, and a minute more."""
        balance = Balance(videos_remaining=0, resets_at=NOW_S + 900, is_exhausted=True)
        after = after_balance(account(), balance, NOW_S)
        assert (after.state, after.until, after.videos_remaining) == (EXHAUSTED, NOW_S + 960, 0)

    def test_used_up_without_a_time(self) -> None:
        """An hour, then it is asked again."""
        after = after_balance(
            account(), Balance(videos_remaining=0, resets_at=None, is_exhausted=True), NOW_S
        )
        assert (after.state, after.until, after.quota_resets_at) == (EXHAUSTED, NOW_S + 3600, NOW_S + 3600)

    def test_back_again(self) -> None:
        """Videos that are left end the rest; nothing else does."""
        exhausted = account(state=EXHAUSTED, reason="quota used up", until=NOW_S + 9000, videos_remaining=0)
        back = after_balance(exhausted, Balance(videos_remaining=3, resets_at=None), NOW_S)
        assert (back.state, back.reason, back.until) == (READY, None, None)
        still = after_balance(exhausted, Balance(videos_remaining=0, resets_at=None), NOW_S)
        assert still.state is EXHAUSTED
        unknown = after_balance(exhausted, Balance(videos_remaining=None, resets_at=None), NOW_S)
        assert unknown.state is EXHAUSTED

    @pytest.mark.parametrize("state", FOR_GOOD)
    def test_what_a_person_has_to_repair_stays(self, state: AccountState) -> None:
        """Numbers are news, the state is not theirs to change."""
        balance = Balance(videos_remaining=0, resets_at=NOW_S + 9, is_exhausted=True)
        after = after_balance(account(state=state), balance, NOW_S)
        assert (after.state, after.videos_remaining) == (state, 0)


class TestUse:
    """The rest of the quota between the backend's answers."""

    @pytest.mark.parametrize(("spent", "left"), [((), 5), ((1,), 4), ((1, 2), 2), ((2, 2, 2), 0)], ids=str)
    def test_counts_down(self, spent: tuple[int, ...], left: int) -> None:
        """Each creation takes from the last number that the backend gave, never below nothing."""
        after = account(videos_remaining=5, quota_resets_at=NOW_S + 900)
        for number in spent:
            after = after_use(after, None, number, NOW_S)
        assert (after.videos_remaining, after.quota_resets_at, after.state) == (left, NOW_S + 900, READY)

    def test_the_backend_knows_better(self) -> None:
        """A number in the answer replaces what was counted; an answer without one does not."""
        before = account(videos_remaining=5)
        assert after_use(before, Balance(videos_remaining=9, resets_at=None), 2, NOW_S).videos_remaining == 9
        silent = after_use(before, Balance(videos_remaining=None, resets_at=NOW_S + 60), 2, NOW_S)
        assert (silent.videos_remaining, silent.quota_resets_at) == (3, NOW_S + 60)

    def test_what_was_never_said_is_not_invented(self) -> None:
        """Without a first number there is nothing to count from; the use is noted all the same."""
        after = after_use(account(), None, 2, NOW_S)
        assert (after.videos_remaining, after.last_used_at) == (None, NOW_S)

    @pytest.mark.parametrize(
        ("request_", "spent"),
        [
            (VIDEO, 1),
            (replace(VIDEO, duration_s=15), 2),
            (replace(VIDEO, duration_s=20), 2),
            (replace(VIDEO, duration_s=25), 3),
            (replace(VIDEO, duration_s=5), 1),
            (PRO, 2),
            (replace(PRO, duration_s=15), 4),
            (replace(PRO, hd=True, duration_s=15), 10),
            (replace(VIDEO, family=Family.VIDEO), 0),
            (IMAGE, 0),
        ],
    )
    def test_prices(self, request_: GenerationRequest, spent: int) -> None:
        """What a creation takes, by length and quality; only videos of Sora 2 have this quota."""
        assert videos_spent(request_) == spent


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (account(state=COOLING, until=NOW_S), READY),
        (account(state=EXHAUSTED, until=NOW_S - 1), READY),
        (account(state=COOLING, until=NOW_S + 1), COOLING),
        (account(state=COOLING), COOLING),
        (account(state=DISABLED), DISABLED),
        (account(state=AUTH_FAILED, until=NOW_S - 1), AUTH_FAILED),
        (account(), READY),
    ],
)
def test_settle(before: Account, state: AccountState) -> None:
    """A rest that is over makes the account ready; everything else stays the very same."""
    after = settle(before, NOW_S)
    assert after.state is state
    assert (after is before) == (before.state is state)
