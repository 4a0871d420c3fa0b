"""Read requests of the Files API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.web.forms import Form, Upload

MAX_LIMIT = 10_000
"""What OpenAI allows to ask for; a page has at most ``PAGE`` files all the same."""

PAGE = 100
DEFAULT_PURPOSE = "user_data"

_MAX_PURPOSE = 64
_MAX_NAME = 255
_SHORTEST_S, _LONGEST_S = 3600, 2_592_000
_ORDERS = {"asc": True, "desc": False}
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file to keep; ``keep_s`` None leaves the time to the settings."""

    upload: Upload
    name: str
    purpose: str
    keep_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which piece of the list is wanted, ``purpose`` None of all."""

    after: str | None
    limit: int
    ascending: bool
    purpose: str | None


def translate_upload(form: Form) -> Sent:
    """Return what is to be kept.

    Raises:
        GatewayError(invalid_request): not exactly one file, or a field is not one of the allowed.
    """
    uploads = form.files.get("file", ())
    if len(uploads) != 1:
        found = f"{len(uploads)} files were sent" if uploads else "It is missing"
        message = f"'file' must be one file of a multipart/form-data request. {found}."
        raise _refused("file", message)
    purpose = form.fields.get("purpose") or DEFAULT_PURPOSE
    if not isinstance(purpose, str) or len(purpose) > _MAX_PURPOSE:
        raise _refused("purpose", f"'purpose' must be a text of at most {_MAX_PURPOSE} characters.")
    name = _CONTROL.sub("", uploads[0].name).encode("utf-8", "replace").decode()
    return Sent(
        upload=uploads[0],
        name=name[-_MAX_NAME:] or "file",
        purpose=purpose,
        keep_s=_keep_s(form.fields.get("expires_after")),
    )


def _keep_s(value: Any) -> float | None:
    match value:
        case None | "":
            return None
        case {"anchor": "created_at", "seconds": seconds}:
            text = str(seconds)
            if _WHOLE.fullmatch(text) and _SHORTEST_S <= int(text) <= _LONGEST_S:
                return float(text)
            found = f"'expires_after[seconds]' is '{text[:40]}'"
            raise _refused("expires_after", f"{found}; {_SHORTEST_S} to {_LONGEST_S} are allowed.")
        case _:
            message = "'expires_after' must have 'anchor', which is 'created_at', and 'seconds'."
            raise _refused("expires_after", message)


def translate_listing(query: Mapping[str, str]) -> Listing:
    """Return the piece of the list that a query names, at most ``PAGE`` files.

    Raises:
        GatewayError(invalid_request): ``limit`` or ``order`` is not one of the allowed.
    """
    limit, order = query.get("limit", str(MAX_LIMIT)), query.get("order", "desc")
    if not _WHOLE.fullmatch(limit) or not 1 <= int(limit) <= MAX_LIMIT:
        raise _refused("limit", f"'limit' is '{limit[:80]}'; 1 to {MAX_LIMIT} are allowed.")
    if order not in _ORDERS:
        raise _refused("order", f"'order' is '{order[:80]}'; asc and desc are allowed.")
    return Listing(
        after=query.get("after") or None,
        limit=min(int(limit), PAGE),
        ascending=_ORDERS[order],
        purpose=query.get("purpose") or None,
    )


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
