"""Sign and check the media host's links, which expire and cannot be extended.

Source: Sora web protocol, section 12 (signed URLs). Example:
``https://videos.openai.com/az/files/9c1e…/raw?se=2026-03-30T00%3A00%3A00Z&sp=r&sv=…&sr=b&sig=…``
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from sora_gateway.simulator.clock import from_iso, to_iso

_VERSION = "2024-08-04"


class LinkSigner:
    """Makes links below one origin, each good for one path and a while."""

    def __init__(self, secret: bytes, *, origin: str, life_s: float) -> None:
        self._secret = secret
        self.origin = origin
        self._life_s = life_s

    def sign(self, path: str, now: float) -> str:
        """Return a link to ``path`` that expires ``life_s`` seconds after ``now``."""
        expires = to_iso(now + self._life_s, timespec="milliseconds")
        signature = quote(self._signature(path, expires), safe="")
        return (
            f"{self.origin}{path}?se={quote(expires, safe='')}&sp=r&sv={_VERSION}&sr=b"
            f"&skoid=simulator&sktid=simulator&ske={quote(expires, safe='')}&sks=b&skv={_VERSION}"
            f"&sig={signature}"
        )

    def is_valid(self, path: str, query: Mapping[str, str], now: float) -> bool:
        """Tell whether a call of ``path`` with ``query`` carries a signature that is ours and alive."""
        expires, signature = query.get("se", ""), query.get("sig", "")
        if not hmac.compare_digest(signature.encode(), self._signature(path, expires).encode()):
            return False
        try:
            return now < from_iso(expires)
        except ValueError:
            return False

    def _signature(self, path: str, expires: str) -> str:
        digest = hmac.new(self._secret, f"{path}\n{expires}".encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()
