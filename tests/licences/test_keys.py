"""Keys: long, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import re

import pytest

from sora_gateway.kit.redact import redact
from sora_gateway.licences.keys import hash_key, hint_of, new_key


def test_new_key() -> None:
    """256 random bits; hash and hint belong to it; nothing that prints it gives it away."""
    key, key_hash, hint = made = new_key()
    assert re.fullmatch(r"sg-[A-Za-z0-9_-]{43}", key)
    assert key_hash == hash_key(key)
    assert hint == f"sg-...{key[-4:]}"
    assert key not in repr(made)
    assert key_hash not in repr(made)
    assert new_key().key != key


def test_hash_is_sha256_of_the_text() -> None:
    """Any text has one, also one that is no valid Unicode."""
    assert hash_key("sg-a") == hashlib.sha256(b"sg-a").hexdigest()
    assert hash_key("\ud800") != hash_key("\ud801")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("sg-0123456789abcd", "sg-...abcd"),
        ("sg-short", "***"),
        ("hunter2", "***"),
        ("eyJhbGciOiJIUzI1NiJ9.a.b", "***"),
        ("sg-0123456789abc\n", "***"),
        ("sg-0123456789abcé", "***"),
        ("", "***"),
    ],
)
def test_hint(key: str, hint: str) -> None:
    """Only keys of our form show their end; a hint passes redaction."""
    assert hint_of(key) == hint
    assert redact(hint) == hint
