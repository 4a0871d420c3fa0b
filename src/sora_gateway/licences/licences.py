"""Find out whose key it is."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Licence
from sora_gateway.licences.allowance import require
from sora_gateway.licences.keys import hash_key, hint_of
from sora_gateway.ports.stores import LicenceStore

__all__ = ["authenticate", "incorrect", "require"]


async def authenticate(key: str | None, store: LicenceStore, now_s: float) -> Caller:
    """Return who holds ``key``. One read of the store.

    Raises:
        GatewayError(unauthenticated): no key, an unknown, revoked, disabled or expired one. The message
            begins with the words by which clients recognise the case, and shows at most the key's last
            characters.
    """
    if not key:
        raise incorrect("none. Send yours as 'Authorization: Bearer sg-...'")
    licence = await store.by_hash(hash_key(key))
    if licence is None:
        raise incorrect(f"{hint_of(key)}. Ask the operator of this server for a licence key")
    if not licence.is_live(now_s):
        raise incorrect(f"{hint_of(key)}. {_ended(licence)}")
    return Caller(
        licence_id=licence.id,
        permissions=licence.permissions,
        groups=licence.groups,
        models=licence.models,
        bounds=licence.bounds,
    )


def _ended(licence: Licence) -> str:
    if licence.revoked_at is None and licence.disabled_at is not None:
        return "It is disabled; ask the operator of this server to enable it"
    ended = "revoked" if licence.revoked_at is not None else "expired"
    return f"It was {ended}; ask the operator of this server for another"


def incorrect(rest: str) -> GatewayError:
    """Return the refusal of a key, in the words by which clients recognise it."""
    return GatewayError(ErrorKind.UNAUTHENTICATED, f"Incorrect API key provided: {rest.rstrip('.')}.")
