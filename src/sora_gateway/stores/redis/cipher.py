"""Encrypt what must not lie readable in the store."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sora_gateway.domain.errors import ErrorKind, GatewayError

SETTING = "SORA_GATEWAY_SECRET_KEY"
_PURPOSE = b"sora-gateway store v1"


class Cipher(Protocol):
    """Turns texts into unreadable ones and back."""

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted and authenticated; twice the same text gives two different answers."""
        ...

    def decrypt(self, text: str) -> str:
        """Return what was encrypted.

        Raises:
            GatewayError(internal): it was encrypted with another key, or it is damaged.
        """
        ...


class FernetCipher:
    """AES-128-CBC with HMAC-SHA256 (Fernet), under keys derived from settings by HKDF-SHA256.

    The first key encrypts, all decrypt: put a new key in front, keep the old ones behind it.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ValueError(f"{SETTING} is empty: set it to at least one random text, e.g. 32 bytes in hex.")
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted with the first key."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def decrypt(self, text: str) -> str:
        """Return what one of the keys encrypted.

        Raises:
            GatewayError(internal): none of them did.
        """
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken as error:
            message = f"A stored secret cannot be decrypted: {SETTING} lacks the key it was written with."
            raise GatewayError(ErrorKind.INTERNAL, message) from error


def _derived(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
