"""Keep HTTP connections per credential: least recently used out, closed cleanly, never in use twice."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.redact import Secret

MAX_CONNECTIONS = 64
_KEEP_ALIVE_S = 15.0
_IDLE_S = 300.0

Key = tuple[Secret, Secret | None]
"""A credential and the proxy that its calls go through."""


@dataclass(slots=True, kw_only=True)
class Lines:
    """The connections of one credential.

    ``reading`` keeps them alive between calls. ``sending`` opens a new one for every call, so a call that may
    not be repeated never meets a connection that the other side has just closed. Both speak HTTP/1.1.
    """

    reading: httpx2.AsyncClient
    sending: httpx2.AsyncClient
    users: int = 0
    used_at: float = 0.0

    async def aclose(self) -> None:
        """Close all connections."""
        await self.reading.aclose()
        await self.sending.aclose()


class Connections:
    """Lends the connections of a credential. More than ``most`` credentials stay open only while in use."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: OrderedDict[Key, Lines] = OrderedDict()
        _tls()

    def __len__(self) -> int:
        return len(self._lines)

    @asynccontextmanager
    async def borrow(self, token: Secret, proxy: Secret | None) -> AsyncIterator[Lines]:
        """Lend the connections of ``token`` through ``proxy``.

        Raises:
            GatewayError(upstream_unreachable): ``proxy`` is not an address of a known kind.
        """
        key = (token, proxy)
        lines = self._lines.get(key) or self._lines.setdefault(key, _open(proxy))
        self._lines.move_to_end(key)
        lines.users += 1
        try:
            await self._close_surplus()
            yield lines
        finally:
            lines.users -= 1
            lines.used_at = asyncio.get_running_loop().time()

    async def aclose(self) -> None:
        """Close everything."""
        while self._lines:
            _, lines = self._lines.popitem(last=False)
            await lines.aclose()

    async def _close_surplus(self) -> None:
        now = asyncio.get_running_loop().time()
        surplus = len(self._lines) - self._most
        for key, lines in list(self._lines.items()):
            if surplus <= 0 and (lines.users or now - lines.used_at < _IDLE_S):
                # In order of use: what follows was used later.
                break
            if not lines.users and self._lines.pop(key, None) is not None:
                surplus -= 1
                await lines.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    # Loading the authorities' certificates takes longer than everything else of a client: once for all.
    return httpx2.create_ssl_context(trust_env=False)


def _open(proxy: Secret | None) -> Lines:
    try:
        return Lines(reading=_client(proxy, MAX_CONNECTIONS), sending=_client(proxy, 0))
    except (ValueError, httpx2.InvalidURL):
        raise GatewayError(
            ErrorKind.UPSTREAM_UNREACHABLE,
            "The account's proxy must be an http, https, socks5 or socks5h address.",
        ) from None


def _client(proxy: Secret | None, most_idle: int) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        verify=_tls(),
        trust_env=False,
        http1=True,
        http2=False,
        follow_redirects=False,
        timeout=None,  # every call stands under a deadline of its own
        limits=httpx2.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=most_idle,
            keepalive_expiry=_KEEP_ALIVE_S,
        ),
        proxy=proxy.reveal() if proxy else None,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
