"""Every failure has one next step."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.engine.retries import TABLE, Move, Work, next_step


@pytest.mark.parametrize(
    ("work", "kind", "tries", "move"),
    [
        (Work.SUBMIT, ErrorKind.CONTENT_REFUSED, 1, Move.FAIL),
        (Work.SUBMIT, ErrorKind.UPSTREAM_REFUSED, 1, Move.FAIL),
        (Work.SUBMIT, ErrorKind.ACCOUNT_BUSY, 1, Move.AGAIN),
        (Work.SUBMIT, ErrorKind.ACCOUNT_AUTH, 1, Move.AGAIN),
        (Work.SUBMIT, ErrorKind.UPSTREAM_OVERLOADED, 6, Move.AGAIN),
        (Work.SUBMIT, ErrorKind.UPSTREAM_OVERLOADED, 7, Move.FAIL),
        (Work.SUBMIT, ErrorKind.UPSTREAM_BLOCKED, 1, Move.ELSEWHERE),
        (Work.SUBMIT, ErrorKind.UPSTREAM_BLOCKED, 3, Move.FAIL),
        (Work.PREPARE, ErrorKind.TIMEOUT, 1, Move.AGAIN),
        (Work.PREPARE, ErrorKind.INVALID_REQUEST, 1, Move.FAIL),
        (Work.COLLECT, ErrorKind.UPSTREAM_UNREACHABLE, 1000, Move.AGAIN),
        (Work.COLLECT, ErrorKind.GENERATION_FAILED, 2, Move.AGAIN),
        (Work.COLLECT, ErrorKind.GENERATION_FAILED, 3, Move.FAIL),
    ],
)
def test_next_step(work: Work, kind: ErrorKind, tries: int, move: Move) -> None:
    """The table says what follows, and a spent rule ends the job."""
    assert next_step(work, kind, tries).move is move


def test_every_kind_is_decided_for_every_work() -> None:
    """Nothing can fail in a way that nobody thought of."""
    assert set(TABLE) == set(Work)
    assert all(set(rules) == set(ErrorKind) for rules in TABLE.values())
