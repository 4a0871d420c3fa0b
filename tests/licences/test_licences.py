"""Authentication: whose key it is, and the words for every way it can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Bounds, Caller, Licence, Permission
from sora_gateway.licences.keys import hash_key
from sora_gateway.licences.licences import authenticate
from tests.domain.samples import NOW_S

KEY = "sg-0123456789-of-a-test-wxyz"
LICENCE = Licence(
    id="licence_1",
    name="team",
    key_hint="sg-...wxyz",
    permissions=frozenset({Permission.CHAT, Permission.VIDEOS}),
    created_at=NOW_S - 100,
)


class Licences:
    """A store of one licence."""

    def __init__(self, licence: Licence) -> None:
        self.licence = licence

    async def put(self, licence: Licence, key_hash: str) -> None:
        """Never used here."""

    async def change(
        self, licence_id: str, decide: Callable[[Licence], Licence], *, key_hash: str | None = None
    ) -> Licence | None:
        """Never used here."""

    async def by_hash(self, key_hash: str) -> Licence | None:
        return self.licence if key_hash == hash_key(KEY) else None

    async def get(self, licence_id: str) -> Licence | None:
        return self.licence

    async def all(self) -> Sequence[Licence]:
        return [self.licence]


async def test_a_live_key() -> None:
    """Its caller may do what the licence says."""
    caller = await authenticate(KEY, Licences(LICENCE), NOW_S)
    assert caller == Caller(licence_id="licence_1", permissions=LICENCE.permissions)


async def test_a_caller_has_the_bounds_of_his_licence() -> None:
    """Groups, models and numbers go along."""
    bounds = Bounds(daily_units=5, weight=2.0)
    licence = replace(LICENCE, groups=("plus",), models=("sora-2",), bounds=bounds)
    caller = await authenticate(KEY, Licences(licence), NOW_S)
    assert (caller.groups, caller.models, caller.bounds) == (("plus",), ("sora-2",), bounds)


@pytest.mark.parametrize(
    ("key", "licence", "words"),
    [
        (None, LICENCE, ["none", "Authorization: Bearer"]),
        ("", LICENCE, ["none"]),
        ("sg-another-key-of-nobody-abcd", LICENCE, ["sg-...abcd", "operator"]),
        ("my-password", LICENCE, ["***"]),
        (KEY, replace(LICENCE, expires_at=NOW_S - 1), ["sg-...wxyz", "expired"]),
        (KEY, replace(LICENCE, revoked_at=NOW_S - 1), ["sg-...wxyz", "revoked"]),
        (KEY, replace(LICENCE, disabled_at=NOW_S - 1), ["sg-...wxyz", "disabled"]),
        (KEY, replace(LICENCE, disabled_at=NOW_S - 2, revoked_at=NOW_S - 1), ["revoked"]),
    ],
)
async def test_refusals(key: str | None, licence: Licence, words: list[str]) -> None:
    """Clients recognise the case by its first words; the key itself is never repeated."""
    with pytest.raises(GatewayError) as caught:
        await authenticate(key, Licences(licence), NOW_S)
    error = caught.value
    assert error.kind is ErrorKind.UNAUTHENTICATED
    assert error.message.startswith("Incorrect API key provided: ")
    assert all(word in error.message for word in words), error.message
    assert not key or key not in error.message
