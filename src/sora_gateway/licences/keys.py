"""Make licence keys, and the hash and the hint that are kept of them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from sora_gateway.kit.ids import new_secret

PREFIX = "sg-"
_HINTED = 4
_LEAST_CHARS = 16


class NewKey(NamedTuple):
    """A key, shown once and then forgotten; its hash and hint go into the store."""

    key: str
    key_hash: str
    hint: str

    def __repr__(self) -> str:
        return f"NewKey({self.hint})"


def new_key() -> NewKey:
    """Return a new key of 256 random bits."""
    key = new_secret(PREFIX)
    return NewKey(key=key, key_hash=hash_key(key), hint=hint_of(key))


def hash_key(key: str) -> str:
    """Return the SHA-256 of ``key`` in hex.

    A slow, salted password hash would add nothing: it protects what people choose, and nobody guesses 256
    random bits. A fast one keeps the look-up a single read by hash, on every request.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def hint_of(key: str) -> str:
    """Return how ``key`` is shown: ``sg-...abcd``, or ``***`` for anything that is no key of ours."""
    if key.startswith(PREFIX) and len(key) >= _LEAST_CHARS and key.isascii() and key.isprintable():
        return f"{PREFIX}...{key[-_HINTED:]}"
    return "***"
