"""Encrypt what must not lie readable in the store."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sora_gateway.domain.errors import ErrorKind, GatewayError

SETTING = "SORA_GATEWAY_SECRET_KEY"
_PURPOSE = b"sora-gateway store v1"
_ENCRYPTED = re.compile(r"gAAAAA[A-Za-z0-9_-]{60,}={0,2}")  # version 0x80 and a time of this century


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

    def is_current(self, record: str) -> bool:
        """Tell whether everything encrypted in ``record`` is so as ``encrypt`` would do it now."""
        ...

    def renewed(self, record: str) -> str:
        """Return ``record`` with everything in it encrypted as ``encrypt`` would do it now."""
        ...


class FernetCipher:
    """AES-128-CBC with HMAC-SHA256 (Fernet), under keys derived from settings by HKDF-SHA256.

    The first key encrypts, all decrypt: put a new key in front, keep the old ones behind it.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ValueError(f"{SETTING} is empty: set it to at least one random text, e.g. 32 bytes in hex.")
        each = [Fernet(_derived(key)) for key in keys]
        self._first, self._fernet = each[0], MultiFernet(each)

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

    def is_current(self, record: str) -> bool:
        """Tell whether the first key alone reads everything that is encrypted in ``record``."""
        return all(self._reads(found[0]) for found in _ENCRYPTED.finditer(record))

    def renewed(self, record: str) -> str:
        """Return ``record`` with everything in it encrypted with the first key; what is so already stays.

        Raises:
            GatewayError(internal): something in it was encrypted with a key that is not there.
        """
        return _ENCRYPTED.sub(
            lambda found: found[0] if self._reads(found[0]) else self.encrypt(self.decrypt(found[0])), record
        )

    def _reads(self, text: str) -> bool:
        try:
            self._first.decrypt(text.encode())
        except InvalidToken:
            return False
        return True


def _derived(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
