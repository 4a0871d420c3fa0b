"""Make identifiers that sort by time and carry only lower-case letters and digits."""

from __future__ import annotations

import secrets

from sora_gateway.kit.clock import Now, system_now

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def _encode(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, rest = divmod(value, 32)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


def new_id(prefix: str, now: Now = system_now) -> str:
    """Return ``{prefix}_`` and 26 characters: 10 of the time in ms, 16 random (80 bits), as in a ULID.

    Ids of one prefix sort by the millisecond they were made in.
    """
    return f"{prefix}_{_encode(int(now() * 1000), 10)}{_encode(secrets.randbits(80), 16)}"


def new_secret(prefix: str) -> str:
    """Return ``prefix`` and 43 random URL-safe characters (256 bits)."""
    return prefix + secrets.token_urlsafe(32)
