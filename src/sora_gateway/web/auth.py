"""Find out who calls: read the key from wherever a client puts it, look its licence up."""

from __future__ import annotations

from collections.abc import Mapping

from sora_gateway.domain.accounts import credential_form
from sora_gateway.domain.licences import Caller
from sora_gateway.engine.passthrough import Passthrough
from sora_gateway.kit.clock import Now
from sora_gateway.licences.keys import PREFIX, hash_key
from sora_gateway.licences.licences import authenticate
from sora_gateway.ports.stores import LicenceStore

REMEMBERED_S = 3.0
"""A revoked key stops working within 5 s: this, and a slow answer of the store."""

_MOST_REMEMBERED = 10_000


def key_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """Return the key of a request, from the first place that has one."""
    given = headers.get("authorization", "").strip()
    scheme, _, rest = given.partition(" ")
    bearer = rest if scheme.lower() == "bearer" else given
    places = (bearer, headers.get("x-api-key"), headers.get("x-goog-api-key"), query.get("key"))
    return next((place.strip() for place in places if place and place.strip()), None)


class Callers:
    """Knows callers by their keys and remembers each for a few seconds, by hash."""

    def __init__(self, licences: LicenceStore, now: Now, passthrough: Passthrough | None = None) -> None:
        self._licences = licences
        self._passthrough = passthrough
        self._now = now
        self._known: dict[str, tuple[Caller, float]] = {}

    async def of(self, key: str | None) -> Caller:
        """Return who holds ``key``: a licence key, or with pass-through a credential of the backend's.

        Raises:
            GatewayError(unauthenticated): no key, an unknown, revoked or expired one.
            GatewayError(upstream_overloaded): the backend cannot confirm its credential at the moment.
        """
        if self._passthrough is not None and key is not None and not key.startswith(PREFIX):
            form = credential_form(key)
            if form is not None:
                return await self._passthrough.caller(form, key)
        digest = hash_key(key or "")
        now_s = self._now()
        known = self._known.get(digest)
        if known is not None and 0 <= now_s - known[1] < REMEMBERED_S:
            return known[0]
        caller = await authenticate(key, self._licences, now_s)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = (caller, now_s)
        return caller
