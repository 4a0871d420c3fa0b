"""Get what a caller's URL points to, without being led into the operator's own network.

The address that is checked is the address that is connected to: names are resolved in the network backend,
below the HTTP client, so neither a redirect nor a name that changes its answer gets past the check, and the
Host header and the TLS name stay those of the URL.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress

import httpcore2
import httpx2

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media.addresses import IPAddress, is_metadata, is_public

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host name, best first; raises OSError if it has none."""

TIMEOUT_S = 30.0
_CONNECT_S = 5.0
_MOST_ADDRESSES = 4
_MOST_REDIRECTS = 5
_LONGEST_URL = 8_192
_SHOWN = 60
_PIECE_BYTES = 64 * 1024
_ANSWER_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS: Mapping[str, str] = {
    "accept": "image/*, video/*, */*;q=0.5",
    "accept-encoding": "identity",
    "user-agent": "sora-gateway",
}
_SOCKET_OPTION = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class _RefusedError(Exception):
    """The URL is not followed; the text says why and what would be right."""


class _InnerError(_RefusedError):
    """The host lies where callers must not reach."""


class SafeFetcher:
    """Fetch callers' URLs; see ``ports.media.Fetcher``.

    Nothing is taken from the environment (no proxy, no .netrc) and nothing is remembered between two
    fetches (no cookies, no connections).

    Args:
        allow_private: also fetch from private, loopback and link-local addresses. Clouds' metadata services
            stay closed.
        allowed_hosts: names (``host`` or ``host:port``) that are fetched from whatever their addresses are.
        timeout_s: for everything together: names, redirects, body.
    """

    def __init__(
        self,
        allow_private: bool = False,
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._allowed_hosts = frozenset(host.lower().rstrip(".") for host in allowed_hosts)
        self._timeout_s = timeout_s
        self._resolve = resolve or _system_resolve
        self._network = network or httpcore2.AnyIOBackend()
        self._ssl_context = ssl_context

    async def fetch(self, url: str, *, limit_bytes: int, param: str) -> bytes:
        """Return the body of an http(s) URL, after at most 5 redirects.

        Raises:
            GatewayError(invalid_request): scheme, address, status, size or time; ``param`` names the field.
                The text never shows an address that a name was resolved to.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(url, limit_bytes)
        except _RefusedError as error:
            raise GatewayError(ErrorKind.INVALID_REQUEST, f"'{param}': {error}", param=param) from error
        except (TimeoutError, httpcore2.TimeoutException, httpx2.TimeoutException) as error:
            raise GatewayError(
                ErrorKind.INVALID_REQUEST,
                f"The URL was not fetched within {self._timeout_s:g} s."
                " Use a faster host or send the file itself.",
                param=param,
            ) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.HTTPError, OSError) as error:
            raise GatewayError(
                ErrorKind.INVALID_REQUEST,
                "The URL could not be fetched: its host cannot be reached or breaks off the answer."
                " Check the URL or send the file itself.",
                param=param,
            ) from error

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        """Send ``body`` to an http(s) URL and return the status of the answer; see ``ports.media.Poster``.

        Raises:
            GatewayError(invalid_request): scheme, address, no connection, or no answer in time. The text
                never shows an address that a name was resolved to.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._send(url, body, headers)
        except _InnerError as error:
            message = (
                "The URL's host is not on the public internet (private, loopback, link-local and reserved "
                "addresses are refused)."
            )
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="url") from error
        except _RefusedError as error:
            raise GatewayError(ErrorKind.INVALID_REQUEST, str(error), param="url") from error
        except (TimeoutError, httpcore2.TimeoutException, httpx2.TimeoutException) as error:
            message = f"The URL did not answer within {timeout_s:g} s."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="url") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.HTTPError, OSError) as error:
            message = "The URL's host cannot be reached, or breaks off before it has answered."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="url") from error

    async def _send(self, text: str, body: bytes, headers: Mapping[str, str]) -> int:
        url = _parsed(text)
        sent = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        sent["content-length"] = str(len(body))
        async with (
            self._pool() as pool,
            _answer(pool, url, method="POST", headers=sent, body=body) as response,
        ):
            with suppress(httpcore2.NetworkError, httpcore2.ProtocolError):  # the status is what counts
                read = 0
                async for chunk in response.aiter_stream():
                    read += len(chunk)
                    if read >= _ANSWER_BYTES:
                        break
            return response.status

    @asynccontextmanager
    async def _pool(self) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
        """Open connections that lead to checked addresses only."""
        if self._ssl_context is None:
            self._ssl_context = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=False)
        backend = _CheckingBackend(self._network, self._resolve, self._is_allowed)
        async with httpcore2.AsyncConnectionPool(
            ssl_context=self._ssl_context, network_backend=backend, max_connections=1
        ) as pool:
            yield pool

    async def _follow(self, text: str, limit_bytes: int) -> bytes:
        url = _parsed(text)
        async with self._pool() as pool:
            for _ in range(_MOST_REDIRECTS + 1):
                async with _answer(pool, url) as response:
                    if response.status not in _REDIRECTS:
                        return await _body(response, limit_bytes)
                    url = _next(url, response)
        raise _RefusedError(
            f"The URL redirects more than {_MOST_REDIRECTS} times. Use the URL of the file itself."
        )

    def _is_allowed(self, host: str, port: int, address: IPAddress) -> bool:
        name = host.lower().rstrip(".")
        if name in self._allowed_hosts or f"{name}:{port}" in self._allowed_hosts:
            return True
        return is_public(address) or (self._allow_private and not is_metadata(address))


class _CheckingBackend(httpcore2.AsyncNetworkBackend):
    """Resolves a name, checks all its addresses, and connects to one of those."""

    def __init__(
        self,
        network: httpcore2.AsyncNetworkBackend,
        resolve: Resolve,
        is_allowed: Callable[[str, int, IPAddress], bool],
    ) -> None:
        self._network = network
        self._resolve = resolve
        self._is_allowed = is_allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class's
        local_address: str | None = None,
        socket_options: Iterable[_SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first checked address that answers."""
        try:
            texts = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise _RefusedError(
                f"The host {host!r} of the URL has no address. Check its spelling."
            ) from error
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
        if not all(self._is_allowed(host, port, address) for address in addresses):
            raise _InnerError(
                f"The host {host!r} is not on the public internet (private, loopback, link-local and reserved"
                " addresses are refused). Use a public URL, or send the file itself or a data URL."
            )
        failure: Exception = httpcore2.ConnectError("no address")
        for text in texts[:_MOST_ADDRESSES]:
            try:
                return await self._network.connect_tcp(
                    text, port, timeout=_CONNECT_S, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class's
        socket_options: Iterable[_SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no URL leads to a socket of this machine."""
        raise _RefusedError("Only http and https URLs are fetched.")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def _system_resolve(host: str, port: int) -> list[str]:
    """Ask the system, which also reads forms such as ``2130706433``, ``0x7f.1`` and ``127.1``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _parsed(text: str, base: httpx2.URL | None = None) -> httpx2.URL:
    if len(text) > _LONGEST_URL:
        raise _RefusedError(f"The URL is longer than {_LONGEST_URL} characters.")
    try:
        url = httpx2.URL(text) if base is None else base.join(text)
    except (httpx2.InvalidURL, ValueError) as error:
        raise _RefusedError(
            "The URL is not valid; it should look like https://example.com/picture.png."
        ) from error
    if url.scheme not in ("http", "https"):
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise _RefusedError(f"'{shown}' is neither an http or https URL, nor a data URL, nor base64.")
    if url.userinfo:
        raise _RefusedError("The URL has a user name or a password in it, which is refused. Leave them out.")
    if url.port is not None and not 0 < url.port < 65_536:
        raise _RefusedError("The port of the URL must be from 1 to 65535.")
    if not url.host:
        raise _RefusedError("The URL has no host; it should look like https://example.com/picture.png.")
    return url


def _next(url: httpx2.URL, response: httpcore2.Response) -> httpx2.URL:
    location = _header(response, b"location")
    if not location:
        raise _RefusedError("The URL redirects without saying where to. Use the URL of the file itself.")
    try:
        return _parsed(location, url)
    except _RefusedError as error:
        raise _RefusedError(f"The URL redirects to another one that is refused: {error}") from error


@asynccontextmanager
async def _answer(
    pool: httpcore2.AsyncConnectionPool,
    url: httpx2.URL,
    *,
    method: str = "GET",
    headers: Mapping[str, str] = _HEADERS,
    body: bytes | None = None,
) -> AsyncIterator[httpcore2.Response]:
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with pool.stream(method, target, headers=[(b"host", url.netloc), *given], content=body) as response:
        yield response


async def _body(response: httpcore2.Response, limit_bytes: int) -> bytes:
    if response.status != 200:
        raise _RefusedError(f"The URL answered with status {response.status}; it must be 200 with the file.")
    too_large = _RefusedError(f"The file is larger than the {limit_bytes:,} bytes that are allowed.")
    length = _header(response, b"content-length")
    if length.isdecimal() and int(length) > limit_bytes:
        raise too_large
    decoder = _Decoder(_header(response, b"content-encoding").lower())
    body = bytearray()
    async for chunk in response.aiter_stream():
        for piece in decoder.pieces(chunk):
            body += piece
            if len(body) > limit_bytes:
                raise too_large
    decoder.finish()
    if not body:
        raise _RefusedError("The URL answered with an empty file.")
    return bytes(body)


class _Decoder:
    """Undoes a content-encoding in pieces of bounded size, however well the content was packed."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise _RefusedError(
                f"The URL's host sends the file with content-encoding {encoding[:40]!r};"
                " it must be sent as it is, or with gzip."
            )
        is_packed = encoding not in ("", "identity")
        self._unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32) if is_packed else None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what ``chunk`` holds."""
        if self._unpacker is None:
            yield chunk
            return
        rest = chunk
        while rest:
            if self._unpacker.eof:
                raise _RefusedError("The file is damaged: something follows the end of its content-encoding.")
            try:
                yield self._unpacker.decompress(rest, _PIECE_BYTES)
            except zlib.error as error:
                raise _RefusedError("The file is damaged: its content-encoding cannot be undone.") from error
            rest = self._unpacker.unconsumed_tail or self._unpacker.unused_data

    def finish(self) -> None:
        """Make sure that nothing is missing."""
        if self._unpacker is not None and not self._unpacker.eof:
            raise _RefusedError("The file is damaged: its content-encoding ends too early.")


def _header(response: httpcore2.Response, name: bytes) -> str:
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("latin-1").strip()
    return ""
