"""Say what a refusal of the backend means: the catalogue of Sora web protocol, section 11. Pure.

Codes decide whatever the status (C21, C22 of the document); texts only where no code is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.redact import presentable
from sora_gateway.upstreams.sora_web.wire import Answer, Problem, problem

_MINUTE_S, _HOUR_S = 60.0, 3600.0
_MOST_TEXT = 500
LONGEST_REST_S = 31 * 24 * _HOUR_S
"""No account rests longer, whatever its quota says: then it is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What one code means. ``cool_s``: how long the account is not asked again; None: the engine decides."""

    kind: ErrorKind
    message: str
    cool_s: float | None = None


_SENTINEL = _Rule(
    kind=ErrorKind.UPSTREAM_BLOCKED,
    message="The backend's guard refused the call; the operator must renew the sentinel token.",
)
_EDGE = _Rule(
    kind=ErrorKind.UPSTREAM_BLOCKED,
    message="The backend's edge layer refused the call.",
    cool_s=10 * _MINUTE_S,
)
_COUNTRY = _Rule(
    kind=ErrorKind.UPSTREAM_BLOCKED,
    message="The backend does not serve the country that the call came from.",
    cool_s=30 * _MINUTE_S,
)
_LOAD = _Rule(kind=ErrorKind.UPSTREAM_OVERLOADED, message="The backend is under heavy load.")
_BUSY = _Rule(
    kind=ErrorKind.ACCOUNT_BUSY,
    message="The account already runs as many tasks as it may.",
    cool_s=_MINUTE_S,
)
_SPENT = _Rule(kind=ErrorKind.ACCOUNT_EXHAUSTED, message="The account's quota is used up.", cool_s=_HOUR_S)
# The window rolls over 24 h, so places come free all day long: asked again every hour.
_SPENT_IMAGES = _Rule(
    kind=ErrorKind.ACCOUNT_EXHAUSTED, message="The account's daily image quota is used up.", cool_s=_HOUR_S
)
_BURST = _Rule(kind=ErrorKind.ACCOUNT_RATE_LIMITED, message="The account asked too often.", cool_s=_MINUTE_S)
_TOKEN = _Rule(kind=ErrorKind.ACCOUNT_AUTH, message="The account's credential has expired or was revoked.")
_PHONE = _Rule(kind=ErrorKind.ACCOUNT_AUTH, message="The account needs a verified phone number.")
_USERNAME = _Rule(kind=ErrorKind.ACCOUNT_AUTH, message="The account has no username yet.")
_CONTENT = _Rule(kind=ErrorKind.CONTENT_REFUSED, message="The backend refused the content of the request.")
_REFUSED = _Rule(kind=ErrorKind.UPSTREAM_REFUSED, message="The backend refused the request.")

_BY_CODE: Mapping[str, _Rule] = {
    "sentinel_block": _SENTINEL,
    "token_expired": _TOKEN,
    "token_invalidated": _TOKEN,
    "unsupported_country_code": _COUNTRY,
    "unsupported_country": _COUNTRY,
    "unsupported_region": _COUNTRY,
    "heavy_load": _LOAD,
    "too_many_concurrent_tasks": _BUSY,
    "too_many_daily_tasks": _SPENT_IMAGES,
    "rate_limit_exhausted": _SPENT,
    "rate_limit_reached": _BURST,
    "insufficient_quota": _SPENT,
    "quota_exceeded": _SPENT,
    "billing_hard_limit_reached": _SPENT,
    "phone_number_required": _PHONE,
    "username_required": _USERNAME,
    "content_refused": _CONTENT,
    "content_policy_violation": _CONTENT,
    "moderation_blocked": _CONTENT,
}

_BY_TEXT: tuple[tuple[re.Pattern[str], _Rule], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), rule)
    for pattern, rule in (
        (r"something didn't look right|unable to process request", _SENTINEL),
        (r"\bheavy load\b", _LOAD),
        (r"\bgenerations? in progress\b", _BUSY),
        (r"\bin the last day\b", _SPENT),
        (r"\bverified? phone\b|\bphone number\b", _PHONE),
        (r"\bcreate a username\b|\busername .{0,20}(required|missing)", _USERNAME),
    )
)
_CONTENT_TEXT = re.compile(
    r"\b(moderation|guardrails?|policy|policies|violat\w+|faces?|persons?|people)\b", re.IGNORECASE
)
_CONTENT_STATUS = frozenset({400, 403, 422})

_BY_STATUS: Mapping[int, _Rule] = {401: _TOKEN, 402: _SPENT, 429: _BURST}


def is_turned_away(answer: Answer) -> bool:
    """Tell whether an unsuccessful answer to a create call proves that no task was made."""
    if "cf-mitigated" in answer.headers:
        return True
    if answer.status >= 500:
        return problem(answer).error_code in _BY_CODE
    return 300 <= answer.status < 500 and answer.status != 408


def to_error(answer: Answer, now_s: float) -> tuple[GatewayError, float | None]:
    """Return what an unsuccessful answer means, and until when not to ask the account (Unix time)."""
    said = problem(answer)
    rule = _rule(answer, said)
    cool_s = _cool_s(rule, answer, said)
    error = GatewayError(
        rule.kind,
        _message(rule, said),
        param=said.error.param if said.error and rule is _REFUSED else None,
        retry_after_s=cool_s,
    )
    return error, None if cool_s is None else now_s + cool_s


def require_success(answer: Answer, now_s: float) -> None:
    """Let an answer pass that says the call was done.

    Raises:
        GatewayError: it says something else.
    """
    if not answer.is_success or answer.is_page:
        error, _ = to_error(answer, now_s)
        raise error


def content_error(text: str | None) -> GatewayError:
    """Return the error of a task that was refused for its content."""
    return GatewayError(
        ErrorKind.CONTENT_REFUSED, _said(text, "The backend refused the content of the request")
    )


def failure(text: str | None) -> GatewayError:
    """Return the error of a task that failed, by what its text speaks of."""
    if text and _CONTENT_TEXT.search(text):
        return content_error(text)
    return GatewayError(ErrorKind.GENERATION_FAILED, _said(text, "The backend could not finish the task"))


def _said(text: str | None, otherwise: str) -> str:
    said = fit(text)
    if " " in said:
        return said
    # A bare code means little to a caller.
    return f"{otherwise} ({said})." if said else f"{otherwise}."


def fit(text: str | None) -> str:
    """Return the backend's words as a caller may read them: nothing internal, and not too long."""
    return presentable(" ".join((text or "").split()))[:_MOST_TEXT]


def _rule(answer: Answer, said: Problem) -> _Rule:
    if answer.status == 401:
        return _TOKEN
    if "cf-mitigated" in answer.headers or 200 <= answer.status < 400:
        return _EDGE
    if answer.is_page:
        return _LOAD if answer.status in (500, 502, 504) else _EDGE
    if _is_spent(said):
        return _SPENT
    known = _BY_CODE.get(said.error_code) or _by_text(said.text)
    if known is None and answer.status in _CONTENT_STATUS and _CONTENT_TEXT.search(said.text):
        return _CONTENT
    return known or _by_status(answer.status)


def _is_spent(said: Problem) -> bool:
    quota = said.rate_limit_and_credit_balance
    return said.type == "rate_limit_exhausted" or (quota is not None and quota.rate_limit_reached)


def _by_text(text: str) -> _Rule | None:
    return next((rule for pattern, rule in _BY_TEXT if pattern.search(text)), None)


def _by_status(status: int) -> _Rule:
    return _LOAD if status >= 500 or status == 408 else _BY_STATUS.get(status, _REFUSED)


def _cool_s(rule: _Rule, answer: Answer, said: Problem) -> float | None:
    quota = said.rate_limit_and_credit_balance
    if rule is _SPENT and quota is not None and quota.access_resets_in_seconds:
        return min(max(0.0, quota.access_resets_in_seconds), LONGEST_REST_S) + _MINUTE_S
    asked = answer.headers.get("retry-after", "")
    if rule.cool_s is not None and asked.isdecimal() and len(asked) < 7:
        return float(asked)
    return rule.cool_s


def _message(rule: _Rule, said: Problem) -> str:
    if rule not in (_CONTENT, _REFUSED):
        return rule.message
    text = fit(said.text)
    return text if rule is _CONTENT and text else f"{rule.message} {text}".strip()
