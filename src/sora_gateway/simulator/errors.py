"""Every refusal of the simulated backend, in the envelope of Sora web protocol, section 0.5."""

from __future__ import annotations

from typing import Any

SENTINEL_TEXT = (
    "Hmmm something didn't look right with your request. Please try again later or visit "
    "https://help.openai.com if this issue persists."
)

CATALOGUE: dict[str, tuple[int, str]] = {
    # Sora web protocol, section 11.1: code -> HTTP status, text.
    "sentinel_block": (400, SENTINEL_TEXT),
    "invalid_request": (400, "Unable to process request"),
    "token_expired": (401, "Your authentication token has expired. Please try signing in again."),
    "token_invalidated": (
        401,
        "Your authentication token has been invalidated. Please try signing in again.",
    ),
    "unauthorized": (401, "Unauthorized"),
    "missing_bearer": (401, "Missing bearer authentication in header"),
    "unsupported_country_code": (403, "Sora is not available in your country."),
    "heavy_load": (400, "We're under heavy load, please try again later."),
    "too_many_concurrent_tasks": (429, "You already have {num_tasks} generations in progress."),
    "too_many_daily_tasks": (429, "You've already generated {num_tasks} images in the last day."),
    "rate_limit_reached": (429, "Too many requests, please slow down."),
    "phone_number_required": (403, "A verified phone number is required."),
    "username_required": (400, "Please create a username first."),
    "username_taken": (400, "This username is already taken."),
    "content_refused": (400, "This prompt may violate our content policies (moderation)."),
    "link_expired": (403, "The signature of this link is wrong or has expired."),
    "not_found": (404, "Not found."),
    "method_not_allowed": (405, "Method not allowed."),
    "internal_error": (500, "Something went wrong."),
    "bad_gateway": (502, "Bad gateway."),
    "service_unavailable": (503, "The service is temporarily unavailable."),
    "refresh_token_reused": (
        401,
        "Your refresh token has already been used to generate a new access token.",
    ),
    "refresh_token_expired": (401, "Your refresh token has expired."),
    "refresh_token_invalidated": (401, "Your refresh token has been invalidated."),
    "invalid_grant": (400, "The refresh token was not issued to this client."),
}

EDGE_PAGE = (
    "<!DOCTYPE html><html lang='en'><head><title>Just a moment...</title></head>"
    "<body><h1>Just a moment...</h1><p>Checking your browser before you continue.</p></body></html>"
)


class RefusalError(Exception):
    """Ends a call with an HTTP status and a JSON body."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}


def envelope(
    message: str, code: str | None, *, param: str | None = None, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return an error body; ``details`` appears only when given."""
    error: dict[str, Any] = {
        "message": message,
        "type": "invalid_request_error",
        "param": param,
        "code": code,
    }
    if details is not None:
        error["details"] = details
    return {"error": error}


def refusal(
    code: str,
    message: str | None = None,
    *,
    param: str | None = None,
    details: dict[str, Any] | None = None,
    status: int | None = None,
) -> RefusalError:
    """Return the catalogued refusal of that code; an unknown code is a 400 that carries it.

    ``rate_limit_exhausted`` is the 429 of a spent quota, whose body is not an envelope (section 11.3).
    """
    if code == "rate_limit_exhausted":
        return exhausted(
            {
                "estimated_num_videos_remaining": 0,
                "credit_remaining": 0,
                "rate_limit_reached": True,
                "access_resets_in_seconds": 3600,
            }
        )
    known_status, text = CATALOGUE.get(code, (400, code))
    body = envelope(
        message or text.format(**(details or {"num_tasks": 3})), code, param=param, details=details
    )
    return RefusalError(status or known_status, body)


def invalid(message: str, param: str | None = None) -> RefusalError:
    """Return a 400 ``invalid_request`` that says what is wrong with the body."""
    return refusal("invalid_request", message, param=param)


def exhausted(balance: dict[str, Any]) -> RefusalError:
    """Return the 429 of a spent video quota (Sora web protocol, section 11.3)."""
    return RefusalError(429, {"type": "rate_limit_exhausted", "rate_limit_and_credit_balance": balance})
