"""What leaves over the socket, and what its fate is called."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.clock import boottime
from sora_gateway.kit.redact import Secret
from sora_gateway.upstreams.sora_web.client import Access, Client, Unanswered, Unsent
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.wire import Answer
from tests.upstreams.sora_web.support import Script, Server, answering, http, serving

ACCESS = Access(token=Secret("tok-one"), device_id="5a0a4c0e-0000-5000-8000-000000000001")
CREATED = http({"id": "task_1"})


@asynccontextmanager
async def client_of(config: SoraWebConfig) -> AsyncIterator[Client]:
    client = Client(config)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def talking(script: Script, **settings: Any) -> AsyncIterator[tuple[Server, Client]]:
    async with serving(script) as server, client_of(server.config(**settings)) as client:
        yield server, client


async def create(
    client: Client, access: Access = ACCESS, *, in_s: float = 5.0
) -> Answer | Unsent | Unanswered:
    return await client.create(access, "/nf/create", {"prompt": "x"}, send_before=boottime() + in_s)


async def hang(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await server.hear(reader)
    await reader.read()


async def hang_up(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await server.hear(reader)


async def collect(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    while chunk := await reader.read(4096):
        server.raw += chunk


# --- creations ------------------------------------------------------------------------------------------


async def test_a_complete_answer_is_returned_whatever_its_status() -> None:
    """A complete answer is an Answer, also a 502 page; its meaning is decided elsewhere."""
    async with talking(answering(CREATED, http(b"<html>", 502, content_type="text/html"))) as (_, client):
        first, second = await create(client), await create(client)
    assert isinstance(first, Answer)
    assert first.json() == {"id": "task_1"}
    assert isinstance(second, Answer)
    assert (second.status, second.is_page) == (502, True)


async def test_a_closed_port_means_not_sent() -> None:
    """Without a connection nothing was sent."""
    async with serving(hang) as server:
        config = server.config()
    async with client_of(config) as client:
        assert isinstance(await create(client), Unsent)


async def test_a_handshake_that_hangs_means_not_sent() -> None:
    """The deadline of connecting covers TLS, and nothing of the request left before it ended."""
    async with (
        serving(collect) as server,
        client_of(
            SoraWebConfig(base_url=f"https://127.0.0.1:{server.port}", connect_timeout_s=0.1)
        ) as client,
    ):
        outcome = await create(client)
        assert isinstance(outcome, Unsent)
        assert "too long" in outcome.error.message
    assert b"POST" not in server.raw


async def test_too_late_means_not_one_byte() -> None:
    """The deadline is compared when the connection stands: the server sees it, and no byte on it."""
    async with talking(collect) as (server, client):
        outcome = await create(client, in_s=-0.001)
        assert isinstance(outcome, Unsent)
        assert "too late" in outcome.error.message
    assert server.raw == b""


async def test_the_deadline_is_compared_after_the_handshake() -> None:
    """A ticket that was good at the start is refused when connecting took longer than it lives."""

    async def slow_proxy(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # SOCKS5: greet late, then connect, then listen.
        greeting = await reader.readexactly(3)
        assert greeting == b"\x05\x01\x00"
        await asyncio.sleep(0.1)
        writer.write(b"\x05\x00")
        await reader.readexactly(10)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await writer.drain()
        await collect(server, reader, writer)

    late = boottime() + 0.1
    async with (
        serving(slow_proxy) as proxy,
        client_of(SoraWebConfig(base_url="http://127.0.0.1:9")) as client,
    ):
        access = Access(token=Secret("t"), proxy=Secret(f"socks5://127.0.0.1:{proxy.port}"))
        outcome = await client.create(access, "/nf/create", {}, send_before=late)
        assert isinstance(outcome, Unsent)
    assert proxy.connections == 1
    assert proxy.raw == b""


async def test_a_lost_answer_is_unanswered_and_nothing_is_repeated() -> None:
    """The whole request arrived and the connection closed without an answer: sent once, fate unknown."""
    async with talking(hang_up) as (server, client):
        assert isinstance(await create(client), Unanswered)
    assert server.connections == len(server.heard) == 1


async def test_half_an_answer_is_unanswered() -> None:
    """An answer that ends before its length is no answer."""

    async def half(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        writer.write(http(b'{"id": "task', length=400))
        await writer.drain()

    async with talking(half) as (server, client):
        assert isinstance(await create(client), Unanswered)
    assert len(server.heard) == 1


async def test_a_reset_after_the_head_is_unanswered() -> None:
    """A connection that is reset while the request is under way may have delivered it."""

    async def reset(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(1, 13, linger)
        writer.transport.abort()
        del server

    async with talking(reset) as (server, client):
        assert isinstance(await create(client), Unanswered)
    assert server.connections == 1


async def test_silence_is_unanswered_after_the_time_for_an_answer() -> None:
    """The clock of the answer starts when the request leaves."""
    async with talking(hang, create_timeout_s=0.1) as (server, client):
        outcome = await create(client)
        assert isinstance(outcome, Unanswered)
        assert "too long" in outcome.error.message
    assert len(server.heard) == 1


async def test_an_answer_may_take_longer_than_connecting() -> None:
    """The deadline of connecting ends with the connection."""

    async def slow(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        await asyncio.sleep(0.15)
        writer.write(CREATED)
        await writer.drain()

    async with talking(slow, connect_timeout_s=0.1, create_timeout_s=5.0) as (_, client):
        assert isinstance(await create(client), Answer)


async def test_cancellation_is_not_swallowed() -> None:
    """A caller who cancels gets the cancellation, sent or not."""
    arrived = asyncio.Event()

    async def wait(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        arrived.set()
        await hang(server, reader, writer)

    async with talking(wait) as (_, client), asyncio.TaskGroup() as group:
        task = group.create_task(create(client))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_creations_never_share_a_connection() -> None:
    """Each creation opens its own, so none can meet one that the server closed while it was idle."""
    async with talking(answering(CREATED)) as (server, client):
        for _ in range(3):
            assert isinstance(await create(client), Answer)
    assert server.connections == 3


async def test_a_connection_closed_while_idle_does_not_hurt_the_next_creation() -> None:
    """The server closes after its answer; the next creation is answered, not ambiguous."""

    async def once(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        writer.write(CREATED)
        await writer.drain()

    async with talking(once) as (server, client):
        assert isinstance(await create(client), Answer)
        assert isinstance(await create(client), Answer)
    assert server.connections == 2


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    """A creation goes to one place only."""
    async with talking(answering(http(b"", 307, location="/elsewhere"))) as (server, client):
        outcome = await create(client)
        assert isinstance(outcome, Answer)
        assert outcome.status == 307
    assert len(server.heard) == 1


async def test_a_token_that_no_header_can_carry_is_not_sent() -> None:
    """A broken credential is the account's fault, and nothing left."""
    async with talking(answering(CREATED)) as (server, client):
        outcome = await create(client, Access(token=Secret("tö\nken")))
        assert isinstance(outcome, Unsent)
        assert outcome.error.kind is ErrorKind.ACCOUNT_AUTH
    assert server.connections == 0


async def test_headers_of_a_creation() -> None:
    """Bearer, device, language and the sentinel travel with a creation; the sentinel on no reading."""
    async with talking(answering(CREATED), sentinel_token=Secret("s3nt")) as (server, client):
        await create(client)
        await client.get(ACCESS, "/nf/pending/v2")
    post, get = server.heard
    assert post.headers["authorization"] == get.headers["authorization"] == "Bearer tok-one"
    assert post.headers["oai-device-id"] == get.headers["oai-device-id"] == ACCESS.device_id
    assert post.headers["openai-sentinel-token"] == "s3nt"
    assert post.headers["origin"] == server.url
    assert post.headers["content-type"] == "application/json"
    assert "openai-sentinel-token" not in get.headers
    assert "cookie" not in get.headers


# --- proxies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\n\r\n", http({}, 502)])
async def test_a_tunnel_is_not_the_creation(reply: bytes) -> None:
    """The CONNECT of a proxy leaves first; where it or TLS behind it fails, nothing was sent."""

    async def proxy(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        writer.write(reply)
        await writer.drain()

    async with serving(proxy) as server, client_of(SoraWebConfig(base_url="https://sora.test")) as client:
        access = Access(token=Secret("t"), proxy=Secret(server.url))
        assert isinstance(await create(client, access), Unsent)
    assert server.heard[0].line.startswith("CONNECT sora.test:443")


async def test_plain_http_goes_through_the_accounts_proxy() -> None:
    """The account's proxy gets the whole address; a lost answer behind it stays unanswered."""
    async with (
        serving(answering(CREATED)) as server,
        client_of(SoraWebConfig(base_url="http://sora.test/backend")) as client,
    ):
        access = Access(token=Secret("t"), proxy=Secret(server.url))
        assert isinstance(await create(client, access), Answer)
    assert server.heard[0].path == "http://sora.test/backend/nf/create"


async def test_an_impossible_proxy_is_not_sent() -> None:
    """A proxy of an unknown kind fails before anything happens, without showing its address."""
    async with client_of(SoraWebConfig()) as client:
        outcome = await create(client, Access(token=Secret("t"), proxy=Secret("gopher://u:pass@h")))
        assert isinstance(outcome, Unsent)
        assert "pass" not in outcome.error.message


async def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the account's own proxy counts."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with talking(answering(CREATED)) as (_, client):
        assert isinstance(await create(client), Answer)


# --- readings -------------------------------------------------------------------------------------------


async def test_a_call_is_sent_once() -> None:
    """With or without a body, on a connection of its own; a lost answer is told, nothing is repeated."""
    async with talking(answering(http({}), http(b"", 204))) as (server, client):
        answer = await client.call(ACCESS, "POST", "/me", {"username": "rusty"})
        gone = await client.call(ACCESS, "DELETE", "/project_y/characters/ch_1")
    assert (answer.status, gone.status, server.connections) == (200, 204, 2)
    first, second = server.heard
    assert (first.json, first.headers["content-type"]) == ({"username": "rusty"}, "application/json")
    assert (second.line.split(" ")[0], second.body) == ("DELETE", b"")
    assert "content-type" not in second.headers

    async with talking(hang_up) as (server, client):
        with pytest.raises(GatewayError) as caught:
            await client.call(ACCESS, "POST", "/me", {})
    assert (caught.value.kind, len(server.heard)) == (ErrorKind.UPSTREAM_UNREACHABLE, 1)


async def test_fields_of_an_upload() -> None:
    """The file's name goes with it, unless other fields are given."""
    async with talking(answering(http({"id": "m"}))) as (server, client):
        for fields in (None, {"use_case": "profile"}):
            await client.upload(
                ACCESS, "/uploads", name="a.png", media_type="image/png", content=b"x", fields=fields
            )
    first, second = server.heard
    assert b'name="file_name"\r\n\r\na.png' in first.body
    assert b'name="use_case"\r\n\r\nprofile' in second.body
    assert b"file_name" not in second.body


async def test_a_reading_is_tried_once_more_on_a_new_connection() -> None:
    """A kept connection that dies under the request costs nothing but a second try."""

    async def fickle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        writer.write(http([]))
        await writer.drain()
        await server.hear(reader)  # and closes without an answer

    async with talking(fickle) as (server, client):
        assert (await client.get(ACCESS, "/a")).json() == []
        assert (await client.get(ACCESS, "/b")).json() == []
    assert server.connections == 2
    assert [heard.path for heard in server.heard] == ["/backend/a", "/backend/b", "/backend/b"]


async def test_readings_keep_their_connection() -> None:
    """Polling does not connect anew each time, and keeps no cookies."""
    async with talking(answering(http([], set_cookie="a=b; Path=/"))) as (server, client):
        for _ in range(3):
            await client.get(ACCESS, "/nf/pending/v2")
    assert server.connections == 1
    assert not any("cookie" in heard.headers for heard in server.heard)


async def test_a_reading_fails_after_its_second_try_or_its_deadline() -> None:
    """Twice no answer, or none in time, is ``upstream_unreachable``; the message names no address."""
    async with talking(hang_up) as (server, client):
        with pytest.raises(GatewayError) as caught:
            await client.get(ACCESS, "/a")
    assert server.connections == 2
    async with talking(hang, read_timeout_s=0.1) as (server, client):
        with pytest.raises(GatewayError, match="too long"):
            await client.get(ACCESS, "/a")
    assert server.connections == 1
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert "127.0.0.1" not in caught.value.message


# --- files ----------------------------------------------------------------------------------------------


async def read_file(client: Client, url: str) -> tuple[str | None, int | None, bytes]:
    async with client.file(ACCESS, url) as body:
        content = b"".join([chunk async for chunk in body.chunks()])
        return body.media_type, body.size_bytes, content


async def test_a_file_is_fetched_without_the_credential() -> None:
    """The link is enough: no bearer, no device, no sentinel."""
    page = http(b"\x00" * 3_000_000, content_type="video/mp4; x=y")
    async with talking(answering(page), sentinel_token=Secret("s")) as (server, client):
        media_type, size_bytes, content = await read_file(client, f"{server.url}/az/files/1?sig=x")
    assert (media_type, size_bytes, len(content)) == ("video/mp4", 3_000_000, 3_000_000)
    names = set(server.heard[0].headers)
    assert not names & {"authorization", "oai-device-id", "openai-sentinel-token", "cookie"}


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_link_has_expired(status: int) -> None:
    """The caller learns that a fresh link is needed."""
    async with talking(answering(http(b"gone", status))) as (server, client):
        with pytest.raises(GatewayError) as caught:
            await read_file(client, f"{server.url}/f")
    assert caught.value.kind is ErrorKind.EXPIRED


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_file_host_in_trouble_is_unreachable(status: int) -> None:
    """Anything else that is no success may be tried again."""
    async with talking(answering(http(b"x", status))) as (server, client):
        with pytest.raises(GatewayError) as caught:
            await read_file(client, f"{server.url}/f")
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE


async def test_a_file_that_ends_early_is_an_error() -> None:
    """A short file is never taken for a whole one."""

    async def half(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.hear(reader)
        writer.write(http(b"\x00" * 100, length=1000))
        await writer.drain()

    async with talking(half) as (server, client):
        with pytest.raises(GatewayError) as caught:
            await read_file(client, f"{server.url}/f")
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE


async def test_redirects_of_files_stay_on_allowed_ground() -> None:
    """A redirect is followed where the link itself might have led, and nowhere else."""

    def reply(heard: Any) -> bytes:
        targets = {"/good": "/file", "/bad": "file:///etc/passwd", "/loop": "/loop"}
        if heard.path in targets:
            return http(b"", 302, location=targets[heard.path])
        return http(b"content")

    async with talking(answering(reply)) as (server, client):
        assert (await read_file(client, f"{server.url}/good"))[2] == b"content"
        for path in ("/bad", "/loop"):
            with pytest.raises(GatewayError) as caught:
                await read_file(client, f"{server.url}{path}")
            assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE


async def test_a_plain_link_of_a_secure_backend_is_not_followed() -> None:
    """With an https backend a link over http opens no connection."""
    async with serving(answering(http(b"x"))) as server, client_of(SoraWebConfig()) as client:
        with pytest.raises(GatewayError, match="may not be followed"):
            await read_file(client, f"{server.url}/f")
    assert server.connections == 0
