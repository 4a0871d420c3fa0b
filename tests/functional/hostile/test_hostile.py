"""No hostile caller gets a fault, a long wait, somebody else's data or a fetch of the operator's network."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import pytest_asyncio

from tests.functional.harness import Gateway, until
from tests.functional.hostile.inputs import HOSTILE, RAW, Hostile, Raw
from tests.functional.hostile.wire import LONGEST_S, Answer, exchange
from tests.functional.stage import picture, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

MARK = "Anns-own-words-that-nobody-else-may-read"
SECRET_KEY = "secret-key-of-the-store-0123456789"
OLD_KEY = "old-secret-key-of-the-store-0123456789"
SENTINEL = "sentinel-value-0123456789"
HOOK = "whsec_c2VjcmV0LW9mLXRoZS13ZWJob29rLTAxMjM0NTY3ODk="
IDLE_S = 1.0


@dataclass
class World:
    """A gateway that is under attack, and what its owner must not lose."""

    gateway: Gateway
    keys: dict[str, str]
    names: dict[str, str]
    tokens: list[str]
    trapped: list[bytes] = field(default_factory=list)

    def filled(self, text: str) -> str:
        """Return ``text`` with its names filled in."""
        return re.sub(r"\{([^{}\s]+)\}", lambda match: self.names.get(match[1], match[0]), text)


async def _make(client: httpx2.AsyncClient, trap_port: int) -> dict[str, str]:
    """Let Ann make one of everything; return its names."""
    hook = {"webhook_url": f"http://localhost:{trap_port}/", "webhook_secret": HOOK}
    made = await client.post("/videos", json={"model": "sora_video2", "prompt": MARK, **hook})
    video = str(made.raise_for_status().json()["id"])
    body = {"model": "sora_image", "prompt": MARK, "response_format": "url"}
    link = urlsplit(
        (await client.post("/images/generations", json=body)).raise_for_status().json()["data"][0]["url"]
    )
    sent = {"file": ("a.png", picture(encoding="PNG", size=(64, 64)), "image/png")}
    file = (
        (await client.post("/files", data={"purpose": "vision"}, files=sent)).raise_for_status().json()["id"]
    )
    body = {"model": "sora_image", "input": MARK}
    response = (await client.post("/responses", json=body)).raise_for_status().json()["id"]
    operation = await client.post(
        str(client.base_url).replace("/v1/", "/v1beta/models/sora_video2:predictLongRunning"),
        json={"instances": [{"prompt": MARK}]},
    )
    operation_id = operation.raise_for_status().json()["name"].rpartition("/")[2]

    async def is_done() -> bool:
        return bool((await client.get(f"/videos/{video}")).json()["status"] == "completed")

    await until(is_done, timeout_s=20, what="Ann's video")
    query = parse_qs(link.query)
    job_id, sig = link.path.split("/")[-3], query["sig"][0]
    assert link.path.endswith(f"/files/{job_id}/image/0")
    return {
        "video": video,
        "picture": job_id,
        "PICTURE": job_id.upper(),
        "file": file,
        "response": response,
        "operation": operation_id,
        "exp": query["exp"][0],
        "sig": sig,
        "sig[:-1]": sig[:-1],
        "SIG": sig.swapcase(),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A gateway with small limits; afterwards it serves as before and has told nothing."""
    trapped: list[bytes] = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trapped.append(await reader.read(1000))
        writer.close()

    variables = {
        "SORA_GATEWAY_MAX_UPLOAD_MIB": "4",
        "SORA_GATEWAY_MAX_PICTURE_MIB": "1",
        "SORA_GATEWAY_CLIENT_IDLE_S": str(IDLE_S),
        "SORA_GATEWAY_SECRET_KEY": SECRET_KEY,
        "SORA_GATEWAY_OLD_SECRET_KEYS": OLD_KEY,
        "SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN": SENTINEL,
        "SORA_GATEWAY_LOG_FORMAT": "json",
        "SORA_GATEWAY_LOG_LEVEL": "debug",
    }
    folder = tmp_path_factory.mktemp("hostile")
    async with staged(folder, **variables) as (simulator, gateway):
        keys = {"ann": gateway.new_key(), "bob": gateway.new_key(), "chatter": gateway.new_key("chat")}
        async with (
            gateway.client(keys["ann"]) as ann,
            await asyncio.start_server(trap, "127.0.0.1", 0) as server,
        ):
            port = server.sockets[0].getsockname()[1]
            names = {**await _make(ann, port), "trap": str(port), "bob": keys["bob"]}
            world = World(gateway, keys, names, await simulator.tokens(), trapped)
            yield world
            video = await ann.get(f"/videos/{names['video']}/content")
            assert video.status_code == 200, video.text
            prompts = {row["prompt"] for row in await simulator.creations()}
    assert not trapped, "a webhook was sent to a private address"
    assert prompts == {MARK}, "something was made for a request that was refused"
    _assert_silent(world)


def _assert_silent(world: World) -> None:
    """The log has no fault of ours and none of the secrets."""
    log = world.gateway.log.read_text()
    assert "Traceback" not in log
    assert not [line for line in log.splitlines() if '"level": "error"' in line]
    assert json.loads(log.splitlines()[-1]), "the log is not what was asked for"
    secrets = (*world.keys.values(), *world.tokens, SECRET_KEY, OLD_KEY, SENTINEL, HOOK, world.names["sig"])
    assert not [secret for secret in secrets if secret in log]
    assert "sg-hostile-in-the-query" not in log


def _wire(world: World, row: Hostile) -> list[bytes]:
    """Return the request of ``row`` as bytes."""
    made = row.body() if callable(row.body) else row.body
    if b"{" in made and len(made) < 100_000 and row.headers.get("Content-Type") == "application/json":
        made = world.filled(made.decode("latin-1")).encode("latin-1")
    headers = {"Host": "gateway", **row.headers}
    if row.sender:
        headers["Authorization"] = f"Bearer {world.keys[row.sender]}"
    if row.is_chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif made or row.method == "POST":
        headers.setdefault("Content-Length", str(len(made)))
    lines = [
        f"{row.method} {world.filled(row.path)} HTTP/1.1",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if not row.is_chunked:
        return [head, made]
    sizes = range(0, len(made), 65_536)
    chunks = [made[start : start + 65_536] for start in sizes]
    return [head, *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks), b"0\r\n\r\n"]


def _judge(world: World, answer: Answer, *, is_anns: bool) -> None:
    """Hold what is true of every answer."""
    assert answer.status < 500, answer.body[:1000]
    assert answer.took_s < LONGEST_S
    assert not world.trapped, "a private address was fetched"
    if not is_anns:
        assert MARK.encode() not in answer.head + answer.body
        assert b'"detail"' not in answer.body
    for secret in (world.keys["ann"], SECRET_KEY, SENTINEL, *world.tokens):
        assert secret.encode() not in answer.head + answer.body


@pytest.mark.parametrize("row", HOSTILE, ids=[row.name for row in HOSTILE])
async def test_request(world: World, row: Hostile) -> None:
    """Each gets the answer that stands beside it, at once, in the words of its dialect."""
    answer = await exchange(world.gateway.port, _wire(world, row), method=row.method)
    _judge(world, answer, is_anns=row.sender == "ann")
    assert answer.status in row.statuses, (answer.status, answer.body[:1000])
    assert row.absent.encode() not in answer.head.lower()
    if answer.status >= 400 and row.method != "HEAD":
        assert answer.error.get("message"), answer.body[:1000]
        assert len(answer.body) < 4000, "the answer repeats what was sent"
    if row.code:
        assert answer.error["code"] == row.code
    if row.param:
        assert answer.error["param"] == row.param, answer.body[:1000]


@pytest.mark.parametrize("row", RAW, ids=[row.name for row in RAW])
async def test_connection(world: World, row: Raw) -> None:
    """What is no request, or never ends, is answered or cut off within a bounded time."""
    pieces = [piece.replace(b"{bob}", world.keys["bob"].encode()) for piece in row.pieces]
    answer = await exchange(world.gateway.port, pieces, pause_s=row.pause_s)
    _judge(world, answer, is_anns=False)
    if answer.status or row.statuses:
        assert answer.status in row.statuses, (answer.status, answer.body[:1000])
