"""Decide what follows a failed step: one table, phase x kind -> next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sora_gateway.domain.errors import ErrorKind


class Work(StrEnum):
    """What was being done when the error came."""

    PREPARE = "prepare"  # uploads: repeatable
    SUBMIT = "submit"  # a definite no, or nothing sent
    COLLECT = "collect"  # copying the result


class Move(StrEnum):
    """What to do next."""

    AGAIN = "again"  # wait a little, any account
    ELSEWHERE = "elsewhere"  # another account, this one is not asked again for this job
    FAIL = "fail"  # tell the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A move, how often it is made, and how long to wait before the first and the longest repeat."""

    move: Move
    most: int = 0
    base_s: float = 0.0
    cap_s: float = 0.0


_FAIL = Rule(move=Move.FAIL)
# The account itself is put aside by its health, so the job may go on at once wherever there is room.
_ACCOUNT = Rule(move=Move.AGAIN, most=60, base_s=0.5, cap_s=30.0)
_LOAD = Rule(move=Move.AGAIN, most=6, base_s=5.0, cap_s=15.0)
_NETWORK = Rule(move=Move.AGAIN, most=12, base_s=1.0, cap_s=30.0)
_BLOCKED = Rule(move=Move.ELSEWHERE, most=2, base_s=2.0, cap_s=10.0)
_PATIENT = Rule(move=Move.AGAIN, most=1_000_000, base_s=1.0, cap_s=30.0)
_TWICE = Rule(move=Move.AGAIN, most=2, base_s=1.0, cap_s=5.0)

_TOWARDS_BACKEND: dict[ErrorKind, Rule] = {
    ErrorKind.ACCOUNT_BUSY: _ACCOUNT,
    ErrorKind.ACCOUNT_EXHAUSTED: _ACCOUNT,
    ErrorKind.ACCOUNT_RATE_LIMITED: _ACCOUNT,
    ErrorKind.ACCOUNT_AUTH: _ACCOUNT,
    ErrorKind.UPSTREAM_OVERLOADED: _LOAD,
    ErrorKind.UPSTREAM_UNREACHABLE: _NETWORK,
    ErrorKind.UPSTREAM_BLOCKED: _BLOCKED,
    ErrorKind.TIMEOUT: _NETWORK,
    ErrorKind.STORAGE_UNAVAILABLE: _NETWORK,
    ErrorKind.NO_ACCOUNT: _ACCOUNT,
}

TABLE: dict[Work, dict[ErrorKind, Rule]] = {
    Work.PREPARE: {kind: _TOWARDS_BACKEND.get(kind, _FAIL) for kind in ErrorKind},
    Work.SUBMIT: {kind: _TOWARDS_BACKEND.get(kind, _FAIL) for kind in ErrorKind},
    # Until the phase's deadline: the result exists and is worth waiting for. A file that cannot be decoded
    # is fetched again twice, in case the transfer damaged it.
    Work.COLLECT: {
        kind: _TWICE if kind in (ErrorKind.GENERATION_FAILED, ErrorKind.UPSTREAM_REFUSED) else _PATIENT
        for kind in ErrorKind
    },
}


def next_step(work: Work, kind: ErrorKind, tries: int) -> Rule:
    """Return the rule for the ``tries``-th failure of ``kind`` (from 1); a spent rule becomes ``FAIL``."""
    rule = TABLE[work][kind]
    return rule if tries <= rule.most else _FAIL
