"""Prove what the cipher keeps and what it says when it cannot."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.stores.redis.cipher import FernetCipher


def test_texts_come_back_and_look_different_each_time() -> None:
    """Equal secrets cannot be told from their records."""
    cipher = FernetCipher(["one"])
    first, second = cipher.encrypt("秘"), cipher.encrypt("秘")
    assert first != second
    assert cipher.decrypt(first) == cipher.decrypt(second) == "秘"


def test_the_same_setting_is_the_same_key() -> None:
    """Another node with the setting reads what this one wrote."""
    assert FernetCipher(["one"]).decrypt(FernetCipher(["one"]).encrypt("x")) == "x"


def test_keys_can_be_changed() -> None:
    """A new key in front encrypts; the old one behind it still decrypts."""
    old = FernetCipher(["old"]).encrypt("x")
    both = FernetCipher(["new", "old"])
    assert both.decrypt(old) == "x"
    assert FernetCipher(["new"]).decrypt(both.encrypt("x")) == "x"


@pytest.mark.parametrize("text", ["", "plain", "gAAAAA=="])
def test_a_damaged_text_names_the_setting(text: str) -> None:
    """The operator is told which setting to look at."""
    with pytest.raises(GatewayError, match="SORA_GATEWAY_SECRET_KEY") as caught:
        FernetCipher(["one"]).decrypt(text)
    assert caught.value.kind is ErrorKind.INTERNAL


def test_another_key_names_the_setting_and_no_secret() -> None:
    """So does a text of another installation."""
    text = FernetCipher(["one"]).encrypt("the secret")
    with pytest.raises(GatewayError, match="SORA_GATEWAY_SECRET_KEY") as caught:
        FernetCipher(["two"]).decrypt(text)
    assert "the secret" not in caught.value.message


@pytest.mark.parametrize("keys", [[], [""], ["one", ""]])
def test_no_key_is_no_cipher(keys: list[str]) -> None:
    """An empty setting is refused at once."""
    with pytest.raises(ValueError, match="SORA_GATEWAY_SECRET_KEY"):
        FernetCipher(keys)


def test_a_record_is_renewed_in_place() -> None:
    """What an old key wrote is written with the first one; the rest of the record stays, byte for byte."""
    old, both, new = FernetCipher(["old"]), FernetCipher(["new", "old"]), FernetCipher(["new"])
    current = both.encrypt("b")
    record = f'{{"a": "{old.encrypt("a")}", "b": "{current}", "c": "gAAAAA-not-encrypted"}}'
    assert old.is_current(old.encrypt("a"))
    assert not both.is_current(record)
    renewed = both.renewed(record)
    assert both.is_current(renewed)
    assert f'"b": "{current}", "c": "gAAAAA-not-encrypted"' in renewed
    assert new.decrypt(renewed.split('"')[3]) == "a"
    assert both.renewed(renewed) == renewed


def test_a_lost_key_is_told() -> None:
    """A record that no key reads is not touched, and the setting is named."""
    with pytest.raises(GatewayError, match="SORA_GATEWAY_SECRET_KEY"):
        FernetCipher(["new"]).renewed(FernetCipher(["old"]).encrypt("a"))
