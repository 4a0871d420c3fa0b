"""Errors: one class, decided by kind."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError


def test_carries_what_every_dialect_needs() -> None:
    """Kind, message, field, code and how long to wait."""
    error = GatewayError(ErrorKind.RATE_LIMITED, "Too fast.", param="n", code="slow", retry_after_s=2.0)
    assert (error.kind, error.message, error.param, error.code, error.retry_after_s) == (
        *(ErrorKind.RATE_LIMITED, "Too fast.", "n", "slow", 2.0),
    )
    assert str(error) == "Too fast."
    assert repr(error) == "GatewayError(rate_limited, 'Too fast.', param='n', code='slow')"


def test_kinds_are_named_once() -> None:
    """A kind's value is its name in lower case, so that logs and code agree."""
    assert all(kind.value == kind.name.lower() for kind in ErrorKind)
