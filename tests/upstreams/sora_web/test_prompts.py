"""Asking for richer wordings of prompts."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.upstreams.sora_web.prompts import body_of, wording
from tests.upstreams.sora_web.support import answer_of


@pytest.mark.parametrize(
    ("duration_s", "sent"), [(4, 10), (5, 10), (10, 10), (12, 15), (15, 15), (20, 20), (25, 20)]
)
def test_durations_that_every_client_knows(duration_s: int, sent: int) -> None:
    """C16: 10, 15 or 20, the next longer one."""
    assert body_of("a boat", "long", duration_s) == {
        "prompt": "a boat",
        "expansion_level": "long",
        "duration_s": sent,
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"enhanced_prompt": "Macro shot: a boat"}, "Macro shot: a boat"),
        ({"enhanced_prompt": ""}, "a boat"),
        ({"enhanced_prompt": " \n"}, "a boat"),
        ({"enhanced_prompt": None}, "a boat"),
        ({}, "a boat"),
    ],
)
def test_an_empty_wording_leaves_the_prompt(body: Any, expected: str) -> None:
    """Section 10."""
    assert wording(answer_of(body), "a boat") == expected


def test_an_answer_that_is_none() -> None:
    """What cannot be read is an error, not a wording."""
    with pytest.raises(GatewayError) as caught:
        wording(answer_of("["), "a boat")
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
