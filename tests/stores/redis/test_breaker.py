"""Prove who may ask a server that does not answer, and when."""

from __future__ import annotations

import pytest

from sora_gateway.stores.redis.breaker import Breaker, KeptAwayError


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def opened(clock: Clock) -> Breaker:
    """Return a breaker after two seconds of failures."""
    breaker = Breaker(clock)
    for _ in range(10):
        breaker.failed(breaker.enter())
        clock.now_s += 0.25
    assert breaker.is_open
    return breaker


def test_two_seconds_of_failures_open_it(clock: Clock) -> None:
    """A success between begins anew."""
    breaker = Breaker(clock)
    for _ in range(20):
        breaker.failed(breaker.enter())
        clock.now_s += 1.5
        breaker.enter()
        breaker.succeeded()
    assert not breaker.is_open
    broken = opened(clock)
    broken.failed(broken.enter())
    with pytest.raises(KeptAwayError):
        broken.enter()


def test_connections_that_die_together_do_not_open_it(clock: Clock) -> None:
    """A hundred calls under way when they break say nothing of the server."""
    breaker = Breaker(clock)
    tries = [breaker.enter() for _ in range(100)]
    clock.now_s += 0.1
    for began_at in tries:
        breaker.failed(began_at)
    assert not breaker.is_open


def test_a_failure_that_took_long_opens_it_at_once(clock: Clock) -> None:
    """A server that hangs is not asked by many before it is known."""
    breaker = Breaker(clock)
    began_at = breaker.enter()
    clock.now_s += 2.5
    breaker.failed(began_at)
    assert breaker.is_open


def test_one_may_try_now_and_then(clock: Clock) -> None:
    """Only one at a time, at most a second apart; whoever gives up makes room for the next."""
    breaker = opened(clock)
    for _ in range(20):
        clock.now_s += 1.0
        began_at = breaker.enter()
        with pytest.raises(KeptAwayError):
            breaker.enter()
        breaker.failed(began_at)
        with pytest.raises(KeptAwayError):
            breaker.enter()
    clock.now_s += 1.0
    breaker.abandoned(breaker.enter())
    breaker.enter()


def test_an_answer_lets_all_in(clock: Clock) -> None:
    """Whoever had it."""
    breaker = opened(clock)
    clock.now_s += 1.0
    breaker.enter()
    breaker.succeeded()
    assert not breaker.is_open
    breaker.enter()
    breaker.enter()
