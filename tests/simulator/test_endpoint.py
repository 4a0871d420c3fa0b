"""Between the socket and a handler."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sora_gateway.simulator import routes_account
from sora_gateway.simulator.endpoint import Answer, json_answer, refused
from sora_gateway.simulator.errors import refusal
from tests.simulator.conftest import Running, error_of


def test_answers() -> None:
    """JSON without spaces, letters as they are; the length of a stream is told beforehand."""
    assert json_answer({"船": [1, None]}).body == '{"船":[1,null]}'.encode()
    assert json_answer({}).size_bytes == 2
    assert Answer(length=7).size_bytes == 7
    assert refused(refusal("not_found")).status == 404


async def test_a_crash_is_an_enveloped_500(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller sees no traceback, the log does."""
    monkeypatch.setattr(routes_account, "_me", lambda account: 1 / 0)
    async with running() as sim:
        with caplog.at_level(logging.ERROR):
            assert error_of(await sim.get("/backend/me")) == (500, "internal_error")
    assert "ZeroDivisionError" in caplog.text


async def test_a_client_that_leaves_before_its_body_is_complete(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is processed and nothing is logged as an error."""
    async with running() as sim:
        host, port = sim.address.base_url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        token = sim.account("plus")["access_token"]
        head = f"POST /nf/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        writer.write(f"{head}Content-Length: 99\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await sim.http.get("/simulator/ledger")).json() == {"items": []}
    assert caplog.text == ""


async def test_many_calls_over_one_connection(running: Running) -> None:
    """Keep-alive holds, and answers do not wait for the client's delayed acknowledgement (40 ms)."""
    async with running() as sim:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(50):
            assert (await sim.get("/backend/nf/pending/v2")).json() == []
        assert loop.time() - began < 1.0
