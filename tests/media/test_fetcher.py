"""No URL, redirect or name leads the gateway to a place that callers must not reach."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ssl
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media.fetcher import SafeFetcher
from sora_gateway.ports.media import Fetcher
from tests.media.samples import short_id

PUBLIC = "93.184.216.34"
Reply = Callable[[str, dict[str, str], asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A loopback HTTP server that answers as each path says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | bytes] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            path = lines[0].split(" ")[1]
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            self.asked.append((path, headers))
            reply = self.replies[path]
            if isinstance(reply, bytes):
                writer.write(reply)
            else:
                await reply(path, headers, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return ok(b"", f"location: {location}", status=f"{status} Found")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


class Network(httpcore2.AsyncNetworkBackend):
    """Connects to the loopback server in place of every address, and remembers the addresses."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._real = httpcore2.AnyIOBackend()
        self.connected: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.connected.append((host, port))
        if host == "93.184.216.1":
            raise httpcore2.ConnectError("refused")
        return await self._real.connect_tcp("127.0.0.1", self._server.port, timeout)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def resolver(**names: list[str] | list[list[str]]) -> Callable[[str, int], Awaitable[list[str]]]:
    """Return a resolver of ``a_test`` as ``a.test``; a list of lists changes its answer each time."""
    answers = {name.replace("_", "."): list(answer) for name, answer in names.items()}

    async def resolve(host: str, port: int) -> list[str]:
        answer = answers.get(host)
        if answer is None:
            raise OSError("no such host")
        if isinstance(answer[0], list):
            return list(answer.pop(0))
        return [str(text) for text in answer]

    return resolve


async def refused(fetcher: SafeFetcher, url: str, words: str, limit_bytes: int = 1000) -> str:
    with pytest.raises(GatewayError, match=words) as raised:
        await fetcher.fetch(url, limit_bytes=limit_bytes, param="input_reference")
    assert (raised.value.kind, raised.value.param) == (ErrorKind.INVALID_REQUEST, "input_reference")
    return raised.value.message


async def test_a_public_file(server: Server) -> None:
    """The name stays in the Host header, the connection goes to the checked address, nothing else is sent."""
    server.replies["/cat.png?size=1"] = ok(b"cat")
    network = Network(server)
    fetcher: Fetcher = SafeFetcher(resolve=resolver(media_test=[PUBLIC]), network=network)
    assert await fetcher.fetch("http://media.test/cat.png?size=1#top", limit_bytes=3, param="p") == b"cat"
    assert network.connected == [(PUBLIC, 80)]
    (_, headers), *_ = server.asked
    assert headers["host"] == "media.test"
    assert headers["accept-encoding"] == "identity"
    assert not {"authorization", "cookie", "referer"} & set(headers)


async def test_the_next_address_is_tried(server: Server) -> None:
    """A host of which one address does not answer is still fetched from."""
    server.replies["/"] = ok(b"cat")
    network = Network(server)
    fetcher = SafeFetcher(resolve=resolver(media_test=["93.184.216.1", PUBLIC]), network=network)
    assert await fetcher.fetch("http://media.test:8080", limit_bytes=9, param="p") == b"cat"
    assert network.connected == [("93.184.216.1", 8080), (PUBLIC, 8080)]


HOSTILE = [
    "http://127.0.0.1/",
    "http://127.0.0.1:6379/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://0xc0a80001/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::1]:6379/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[fc00::1]/",
    "http://[fe80::1]/",
    "http://[ff02::1]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost:8000/x",
    "https://127.0.0.1/",
    "HTTP://127.0.0.1/",
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_hostile_addresses(server: Server, url: str) -> None:
    """However an inner address is written, it is refused before anything is connected."""
    network = Network(server)
    message = await refused(SafeFetcher(network=network), url, "public internet|has no address|not valid")
    assert network.connected == []
    assert "169.254.169.254" not in message or "169.254.169.254" in url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "neither an http or https URL"),
        ("cat.png", "neither an http or https URL"),
        ("//media.test/cat.png", "neither an http or https URL"),
        ("file:///etc/passwd", "neither an http or https URL"),
        ("ftp://media.test/x", "neither an http or https URL"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "neither an http or https URL"),
        ("javascript:alert(1)", "neither an http or https URL"),
        ("unix:///run/docker.sock", "neither an http or https URL"),
        ("http://", "no host"),
        ("http:///x", "no host"),
        ("http:\\\\127.0.0.1\\", "no host"),
        ("http://user:secret@media.test/", "user name or a password"),
        ("http://media.test@127.0.0.1/", "user name or a password"),
        ("http://media.test\\@127.0.0.1/", "user name or a password"),
        ("http://media.test:0/", "port"),
        ("http://media.test:99999/", "port"),
        ("http://media.test:x/", "not valid"),
        ("http://[::1/", "not valid"),
        ("http://exa\nmple.test/", "not valid"),
        ("http://media.test/\r\nhost: evil", "not valid"),
        ("http://１２７.０.０.１/", "not valid|public internet"),
        ("http://127.0.0.1%00.media.test/", "no address"),
        ("http://a b/", "no address"),
        ("http://nowhere.test/", "'nowhere.test' .* has no address"),
        ("http://" + "a" * 300 + ".test/", "no address|not valid"),
        ("http://media.test/" + "a" * 9000, "longer than 8192"),
    ],
)
async def test_urls_that_are_none(server: Server, url: str, words: str) -> None:
    """What is no plain http(s) URL is refused in words; a secret in it is not repeated."""
    network = Network(server)
    message = await refused(SafeFetcher(resolve=resolver(), network=network), url, words)
    assert network.connected == []
    assert "secret" not in message


@pytest.mark.parametrize(
    "answer", [["10.0.0.7"], [PUBLIC, "10.0.0.7"], ["fd00::7", PUBLIC], ["fe80::7%eth0"]]
)
async def test_names_with_inner_addresses(server: Server, answer: list[str]) -> None:
    """One inner address among a name's is enough to refuse it, and the message does not show it."""
    network = Network(server)
    fetcher = SafeFetcher(resolve=resolver(inner_test=answer), network=network)
    message = await refused(fetcher, "http://inner.test/", "'inner.test' is not on the public internet")
    assert network.connected == []
    assert not any(address in message for address in answer)


async def test_a_name_that_changes_its_answer(server: Server) -> None:
    """Each connection is checked with the very addresses that it uses: a rebinding name gains nothing."""
    server.replies["/"] = redirect("http://rebind.test/again")
    network = Network(server)
    fetcher = SafeFetcher(resolve=resolver(rebind_test=[[PUBLIC], ["127.0.0.1"]]), network=network)
    await refused(fetcher, "http://rebind.test/", "public internet")
    assert network.connected == [(PUBLIC, 80)]
    assert [path for path, _ in server.asked] == ["/"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(server: Server, status: int) -> None:
    """Absolute and relative targets are followed, at most five in a row."""
    server.replies["/a/0"] = redirect("http://other.test/a/1", status)
    server.replies["/a/1"] = redirect("2", status)
    server.replies["/a/2"] = redirect("../b", status)
    server.replies["/b"] = redirect("//media.test/c", status)
    server.replies["/c"] = redirect("/cat", status)
    server.replies["/cat"] = ok(b"cat")
    names = resolver(media_test=[PUBLIC], other_test=[PUBLIC])
    fetcher = SafeFetcher(resolve=names, network=Network(server))
    assert await fetcher.fetch("http://media.test/a/0", limit_bytes=9, param="p") == b"cat"
    server.replies["/one-more"] = redirect("/a/0")
    await refused(fetcher, "http://media.test/one-more", "more than 5 times")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://127.0.0.1:6379/", "public internet"),
        ("http://inner.test/", "public internet"),
        ("//[::1]/", "public internet"),
        ("http://2130706433/", "public internet|no address"),
        ("file:///etc/passwd", "redirects to .* neither"),
        ("data:image/png;base64,AAAA", "redirects to .* neither"),
        ("http://user:secret@media.test/", "redirects to .* user name"),
        ("http://[::1", "redirects to .* not valid"),
        ("", "without saying where"),
    ],
)
async def test_redirects_that_are_refused(server: Server, location: str, words: str) -> None:
    """Each redirect is judged like the first URL."""
    server.replies["/"] = redirect(location)
    names = resolver(media_test=[PUBLIC], inner_test=["192.168.0.9"])

    async def resolve(host: str, port: int) -> list[str]:
        return ["::1"] if host == "::1" else ["127.0.0.1"] if host[0].isdigit() else await names(host, port)

    network = Network(server)
    message = await refused(SafeFetcher(resolve=resolve, network=network), "http://media.test/", words)
    assert network.connected == [(PUBLIC, 80)]
    assert "192.168" not in message
    assert "secret" not in message


async def test_what_the_operator_allows(server: Server) -> None:
    """Private addresses open for everyone, or for named hosts; metadata services only by name."""
    server.replies["/"] = ok(b"cat")
    url = f"http://127.0.0.1:{server.port}/"
    for fetcher in (
        SafeFetcher(allow_private=True),
        SafeFetcher(allowed_hosts=frozenset({"127.0.0.1"})),
        SafeFetcher(allowed_hosts=frozenset({f"127.0.0.1:{server.port}"})),
    ):
        assert await fetcher.fetch(url, limit_bytes=9, param="p") == b"cat"
    await refused(SafeFetcher(allowed_hosts=frozenset({"127.0.0.1:1"})), url, "public internet")
    await refused(SafeFetcher(allow_private=True), "http://169.254.169.254/latest", "public internet")
    names = resolver(backend_test=["10.0.0.1"])
    fetcher = SafeFetcher(False, frozenset({"Backend.TEST"}), resolve=names, network=Network(server))
    assert await fetcher.fetch("http://backend.test", limit_bytes=9, param="p") == b"cat"


async def test_the_environment_is_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and passwords of the process are not for callers' URLs."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.replies["/"] = ok(b"cat")
    fetcher = SafeFetcher(allow_private=True)
    assert await fetcher.fetch(f"http://127.0.0.1:{server.port}/", limit_bytes=9, param="p") == b"cat"


def media_fetcher(server: Server, timeout_s: float = 5.0) -> SafeFetcher:
    names = resolver(media_test=[PUBLIC])
    return SafeFetcher(resolve=names, network=Network(server), timeout_s=timeout_s)


async def endless(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(10_000))
        await writer.drain()


async def drip(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3)


async def liar(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n")
    await asyncio.sleep(3)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (ok(b"x" * 1001), "larger than the 1,000 bytes"),
        (endless, "larger than"),
        (liar, "larger than"),
        (ok(gzip.compress(bytes(1001)), "content-encoding: gzip"), "larger than"),
        (ok(b""), "empty"),
        (ok(b"no", status="404 Not Found"), "status 404"),
        (ok(b"no", status="500 Oops"), "status 500"),
        (ok(b"no", status="204 No Content"), "status 204|breaks off"),
        (ok(b"no", status="206 Partial Content"), "status 206"),
        (ok(b"x", "content-encoding: br"), "content-encoding 'br'"),
        (ok(b"x", "content-encoding: gzip"), "content-encoding"),
        (ok(gzip.compress(b"cat" * 100)[:-9], "content-encoding: gzip"), "ends too early"),
        (ok(gzip.compress(b"cat") + b"x", "content-encoding: gzip"), "follows the end"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut", "breaks off"),
        (b"220 smtp ready\r\n", "breaks off"),
        (b"", "breaks off"),
    ],
    ids=short_id,
)
async def test_answers_that_are_refused(server: Server, reply: Reply | bytes, words: str) -> None:
    """Too large with and without a length, empty, an error, damaged: each is said."""
    server.replies["/"] = reply
    await refused(media_fetcher(server), "http://media.test/", words)


@pytest.mark.parametrize("reply", [drip, silence])
async def test_slow_servers(server: Server, reply: Reply) -> None:
    """A server cannot hold a fetch by sending a little all the time."""
    server.replies["/"] = reply
    began = time.perf_counter()
    await refused(media_fetcher(server, 0.2), "http://media.test/", "within 0.2 s")
    assert time.perf_counter() - began < 2


async def test_slow_names(server: Server) -> None:
    """Looking a name up counts too."""

    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.sleep(3)
        return [PUBLIC]

    await refused(SafeFetcher(resolve=resolve, timeout_s=0.1), "http://media.test/", "within 0.1 s")


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_packed_answers(server: Server, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """A host that packs although it was asked not to is understood."""
    body = bytes(200_000) + b"cat"
    server.replies["/"] = ok(pack(body), f"content-encoding: {encoding}")
    got = await media_fetcher(server).fetch("http://media.test/", limit_bytes=len(body), param="p")
    assert got == body


async def test_a_gzip_bomb_takes_no_memory(server: Server) -> None:
    """A hundred megabytes in a hundred kilobytes are not unpacked further than the limit."""
    server.replies["/"] = ok(gzip.compress(bytes(100_000_000), 1), "content-encoding: gzip")
    tracemalloc.start()
    try:
        await refused(media_fetcher(server), "http://media.test/", "larger than", 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def certificate_for(name: str, folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "pair.pem"
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(form))
    return path


@asynccontextmanager
async def tls_server(server: Server, pair: Path, names: list[str | None]) -> AsyncIterator[None]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    context.sni_callback = lambda _, name, __: names.append(name)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield


async def test_tls_keeps_the_name(server: Server, tmp_path: Path) -> None:
    """The certificate is asked for and checked by the URL's name, not by the address."""
    pair = certificate_for("media.test", tmp_path)
    trust = ssl.create_default_context(cafile=str(pair))
    names: list[str | None] = []
    server.replies["/"] = ok(b"cat")
    resolve = resolver(media_test=[PUBLIC], other_test=[PUBLIC])
    async with tls_server(server, pair, names):
        network = Network(server)
        fetcher = SafeFetcher(resolve=resolve, network=network, ssl_context=trust)
        assert await fetcher.fetch("https://media.test/", limit_bytes=9, param="p") == b"cat"
        await refused(fetcher, "https://other.test/", "cannot be reached")
    assert names == ["media.test", "other.test"]
    assert network.connected == [(PUBLIC, 443), (PUBLIC, 443)]


# --- sending ----------------------------------------------------------------------------------------------

HOOK = "http://hooks.test:8080/in?x=1"


def poster(server: Server, **options: Any) -> tuple[SafeFetcher, Network]:
    network = Network(server)
    return SafeFetcher(resolve=resolver(hooks_test=[PUBLIC]), network=network, **options), network


async def test_post_sends_and_tells_the_status(server: Server) -> None:
    """To the checked address, with the headers that were given and the length of the body."""
    server.replies["/in?x=1"] = ok(b"thanks", status="202 Accepted")
    sender, network = poster(server)
    headers = {"webhook-id": "evt_1", "content-type": "application/json", "user-agent": "sora-gateway"}
    assert await sender.post(HOOK, b'{"id":"evt_1"}', headers, timeout_s=5) == 202
    assert network.connected == [(PUBLIC, 8080)]
    ((_, seen),) = server.asked
    assert (seen["host"], seen["webhook-id"], seen["content-length"]) == ("hooks.test:8080", "evt_1", "14")
    assert seen["content-type"] == "application/json"
    assert not {"authorization", "cookie", "referer", "transfer-encoding"} & set(seen)


async def test_post_follows_no_redirect(server: Server) -> None:
    """Its status is the answer; the place it names is not connected to."""
    server.replies["/in?x=1"] = redirect("http://127.0.0.1/", status=307)
    sender, network = poster(server)
    assert await sender.post(HOOK, b"{}", {}, timeout_s=5) == 307
    assert len(network.connected) == 1


async def test_post_reads_little_of_an_endless_answer(server: Server) -> None:
    """64 KiB are enough; the connection is closed then."""
    sent = 0

    async def endless(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    server.replies["/in?x=1"] = endless
    sender, _ = poster(server)
    async with asyncio.timeout(5):
        assert await sender.post(HOOK, b"{}", {}, timeout_s=5) == 200
    assert sent < 64 * 2**20


@pytest.mark.parametrize("url", HOSTILE)
async def test_post_to_hostile_addresses(server: Server, url: str) -> None:
    """Nothing is sent to an inner address, however it is written, and the message does not show it."""
    network = Network(server)
    with pytest.raises(GatewayError, match=r"public internet|has no address|not valid") as raised:
        await SafeFetcher(network=network).post(url, b"{}", {}, timeout_s=5)
    assert raised.value.kind is ErrorKind.INVALID_REQUEST
    assert network.connected == []


async def test_post_to_a_name_that_changes_its_answer(server: Server) -> None:
    """The address of this very connection is what is checked."""
    network = Network(server)
    server.replies["/"] = ok(b"")
    answers: Any = [[PUBLIC], ["127.0.0.1"]]
    sender = SafeFetcher(resolve=resolver(rebind_test=answers), network=network)
    assert await sender.post("http://rebind.test/", b"{}", {}, timeout_s=5) == 200
    with pytest.raises(GatewayError, match="public internet"):
        await sender.post("http://rebind.test/", b"{}", {}, timeout_s=5)
    assert len(network.connected) == 1


async def test_post_to_private_addresses_if_the_operator_says_so(server: Server) -> None:
    """But never to a cloud's metadata service."""
    server.replies["/"] = ok(b"")
    sender = SafeFetcher(allow_private=True)
    assert await sender.post(f"http://127.0.0.1:{server.port}/", b"{}", {}, timeout_s=5) == 200
    with pytest.raises(GatewayError, match="public internet"):
        await sender.post("http://169.254.169.254/", b"{}", {}, timeout_s=5)


async def test_post_to_nobody(server: Server) -> None:
    """A silent, a breaking and an absent receiver are told apart in words."""

    async def silent(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def breaking(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 20")

    sender, _ = poster(server)
    server.replies["/in?x=1"] = silent
    with pytest.raises(GatewayError, match=r"did not answer within 0\.2 s"):
        await sender.post(HOOK, b"{}", {}, timeout_s=0.2)
    server.replies["/in?x=1"] = breaking
    with pytest.raises(GatewayError, match="cannot be reached, or breaks off"):
        await sender.post(HOOK, b"{}", {}, timeout_s=5)
    with pytest.raises(GatewayError, match="cannot be reached"):
        await SafeFetcher(allow_private=True).post("http://127.0.0.1:1/", b"{}", {}, timeout_s=5)
    with pytest.raises(GatewayError, match="neither an http"):
        await sender.post("ftp://hooks.test/", b"{}", {}, timeout_s=5)
