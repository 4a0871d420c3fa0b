"""Sign paths that open one file in a browser without a key, until they expire."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re

from sora_gateway.kit.clock import Now, system_now

_PURPOSE = (
    b"sora-gateway media link 1"  # a secret that signs other things too must not sign links by accident
)
_EXTENSIONS = {"video": ".mp4", "thumbnail": ".webp", "spritesheet": ".jpg"}  # a picture's type is not fixed
_EXPIRY = re.compile(r"[0-9]{1,12}")
_PART = re.compile(r"[A-Za-z0-9_-]+")


class SignedLinks:
    """Make and check links with HMAC-SHA256; see ``ports.media.Links``.

    Everyone who has the secret makes and accepts the same links, so nodes need to share nothing else.
    Changing the secret ends all links at once.
    """

    def __init__(self, secret: str, now: Now = system_now) -> None:
        if not secret:
            raise ValueError("links need a secret")
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
        self._now = now

    def sign(self, job_id: str, variant: str, index: int, expires_at: float) -> str:
        """Return ``{job_id}/{variant}/{index}{extension}?exp={unix}&sig={signature}``.

        The path is safe in a URL as it stands. The extension (``.mp4``, ``.webp``, ``.jpg``; none for
        images) is for programs that guess a type by it and is not signed. ``exp`` is in whole seconds,
        rounded up.
        """
        if not (_PART.fullmatch(job_id) and _PART.fullmatch(variant) and index >= 0):
            raise ValueError(f"no link can be made of {job_id!r}, {variant!r}, {index!r}")
        exp = str(math.ceil(expires_at))
        path = f"{job_id}/{variant}/{index}{_EXTENSIONS.get(variant, '')}"
        return f"{path}?exp={exp}&sig={self._signature(job_id, variant, index, exp)}"

    def verify(self, job_id: str, variant: str, index: int, exp: str, sig: str) -> bool:
        """Tell whether the signature is ours, for exactly this file, and not expired."""
        if not _EXPIRY.fullmatch(exp):
            return False
        expected = self._signature(job_id, variant, index, exp)
        is_ours = hmac.compare_digest(expected.encode(), sig.encode(errors="replace"))
        return is_ours and self._now() < int(exp)

    def _signature(self, job_id: str, variant: str, index: int, exp: str) -> str:
        text = "\n".join((str(len(job_id)), job_id, str(len(variant)), variant, str(index), exp))
        digest = hmac.digest(self._key, text.encode(errors="replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
