"""Connections per credential: who shares them, who loses them, and that they are closed."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.redact import Secret
from sora_gateway.upstreams.sora_web import connections
from sora_gateway.upstreams.sora_web.connections import Connections


async def test_the_least_recently_used_credential_loses_its_connections() -> None:
    """Only so many credentials keep connections open; one in use keeps them in any case."""
    pool = Connections(2)
    secrets = [Secret(f"t{index}") for index in range(4)]
    async with pool.borrow(secrets[0], None) as first:
        for secret in secrets[1:]:
            async with pool.borrow(secret, None):
                pass
        assert len(pool) == 2
        assert not first.reading.is_closed
    async with pool.borrow(secrets[3], None) as last, pool.borrow(secrets[1], None):
        assert first.reading.is_closed
        assert first.sending.is_closed
        assert not last.reading.is_closed
    await pool.aclose()
    assert len(pool) == 0
    assert last.reading.is_closed


async def test_credentials_and_proxies_do_not_share_connections() -> None:
    """The same token through another proxy is another caller."""
    pool = Connections(8)
    async with (
        pool.borrow(Secret("t"), None) as plain,
        pool.borrow(Secret("t"), Secret("http://127.0.0.1:9")) as proxied,
        pool.borrow(Secret("t"), None) as again,
    ):
        assert plain is again
        assert plain is not proxied
    await pool.aclose()


async def test_idle_connections_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that was replaced does not hold sockets for ever."""
    monkeypatch.setattr(connections, "_IDLE_S", 0.0)
    pool = Connections(8)
    async with pool.borrow(Secret("old"), None) as old:
        pass
    async with pool.borrow(Secret("new"), None):
        assert old.reading.is_closed
    await pool.aclose()


async def test_an_impossible_proxy_is_named_without_its_address() -> None:
    """The address may hold a password; nothing stays behind in the pool."""
    pool = Connections(8)
    with pytest.raises(GatewayError) as caught:
        async with pool.borrow(Secret("t"), Secret("gopher://u:pass@h")):
            pass
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert "pass" not in caught.value.message
    assert len(pool) == 0
