"""Classes of jobs, and the words that ask for them."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.priorities import (
    SERVICE_TIERS,
    Priority,
    granted,
    lower_of,
    read_service_tier,
    shown_service_tier,
)

HIGH, NORMAL, LOW = Priority


@pytest.mark.parametrize(
    ("licence", "asked", "got"),
    [
        (HIGH, None, HIGH),
        (HIGH, HIGH, HIGH),
        (HIGH, NORMAL, NORMAL),
        (HIGH, LOW, LOW),
        (NORMAL, None, NORMAL),
        (NORMAL, HIGH, NORMAL),
        (NORMAL, LOW, LOW),
        (LOW, None, LOW),
        (LOW, HIGH, LOW),
        (LOW, NORMAL, LOW),
    ],
)
def test_granted(licence: Priority, asked: Priority | None, got: Priority) -> None:
    """A request may lower its class and never raise it above its licence's."""
    assert granted(licence, asked) is got


def test_lower_of() -> None:
    """The order of the two does not matter."""
    assert lower_of(HIGH, LOW) is lower_of(LOW, HIGH) is LOW
    assert lower_of(HIGH, NORMAL) is NORMAL


@pytest.mark.parametrize(
    ("value", "asked"),
    [(None, None), ("", None), ("auto", None), ("FLEX", LOW), ("priority", HIGH), ("standard_only", NORMAL)],
)
def test_the_words_of_all_dialects(value: object, asked: Priority | None) -> None:
    """In any case; absent, empty and auto leave it to the licence."""
    assert read_service_tier(value) is asked


@pytest.mark.parametrize("value", ["gold", 1, True, ["flex"]])
def test_another_word_is_refused(value: object) -> None:
    """The message says what there is."""
    with pytest.raises(GatewayError, match="allowed are auto, default, flex, priority") as caught:
        read_service_tier(value)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "service_tier")


@pytest.mark.parametrize("priority", list(Priority))
def test_what_is_shown_can_be_asked_for(priority: Priority) -> None:
    """The answer's word, sent back, means the same class."""
    assert SERVICE_TIERS[shown_service_tier(priority)] is priority
