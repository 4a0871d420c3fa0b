"""Files stand in JSON as base64, whole, wherever they lie and however long they are."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Message

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.web.embedding import Embedded, embedded_bytes, embedded_file, in_full, json_with_files
from tests.fakes import FakeVault

LENGTHS = (0, 1, 2, 3, 196_607, 196_608, 196_609, 3_145_727, 3_145_728, 3_145_729, 4_000_000)


async def _sent(answer: Response) -> tuple[dict[str, str], list[bytes]]:
    """Return the headers and the pieces that were sent, none of them after the last."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody hangs up here")

    await answer({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    start, *body = messages
    assert start["status"] == 200
    assert [piece.get("more_body", False) for piece in body] == [True] * (len(body) - 1) + [False]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return headers, [piece.get("body", b"") for piece in body]


async def _read(answer: Response) -> Any:
    headers, pieces = await _sent(answer)
    body = b"".join(pieces)
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    return json.loads(body)


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("length", LENGTHS)
async def test_any_length(tmp_path: Path, length: int, is_local: bool) -> None:
    """The length is stated before, padding is only at the end, the file is closed."""
    vault, data = FakeVault(tmp_path), os.urandom(length)
    vault.is_local, vault.piece_bytes = is_local, 100_000
    file = await embedded_file(vault, vault.put("a", data, "image/png"))
    answer = await _read(json_with_files({"before": "é", "file": file, "after": [1]}))
    assert base64.b64decode(answer.pop("file"), validate=True) == data
    assert answer == {"before": "é", "after": [1]}
    assert base64.b64decode(await file.text(), validate=True) == data
    assert vault.open_files == 0


async def test_several_in_their_places(tmp_path: Path) -> None:
    """In lists and maps, in any order, one twice."""
    vault = FakeVault(tmp_path)
    small, large = os.urandom(10), os.urandom(3_200_000)
    files = [embedded_bytes(small), await embedded_file(vault, vault.put("a", large, "image/png"))]
    content = {"list": [{"x": files[1]}, files[0]], "again": files[1], "texts": ("file-", None, 1.5, True)}
    answer = await _read(json_with_files(content))
    shown = [answer["list"][0]["x"], answer["list"][1], answer["again"]]
    assert [base64.b64decode(text) for text in shown] == [large, small, large]
    assert answer["texts"] == ["file-", None, 1.5, True]
    assert json.loads(json.dumps(await in_full(content))) == answer


async def test_nothing_to_put_in() -> None:
    """It is JSON like any other."""
    assert await _read(json_with_files({"error": None})) == {"error": None}


async def test_pictures_are_not_joined(tmp_path: Path) -> None:
    """No piece of an answer is as long as the file."""
    vault = FakeVault(tmp_path)
    file = await embedded_file(vault, vault.put("a", bytes(1_200_000), "image/png"))
    _, pieces = await _sent(json_with_files({"file": file}))
    assert max(map(len, pieces)) <= 256 * 1024


@pytest.mark.parametrize("is_local", [True, False])
async def test_what_is_gone_is_said_first(tmp_path: Path, is_local: bool) -> None:
    """Before anything is sent."""
    vault = FakeVault(tmp_path)
    vault.is_local = is_local
    blob = vault.put("a", b"x", "image/png")
    await vault.delete("a")
    with pytest.raises(GatewayError) as caught:
        await embedded_file(vault, blob)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_a_disk_that_fails_is_said(tmp_path: Path) -> None:
    """A folder where a file should be, say."""
    vault = FakeVault(tmp_path)
    blob = vault.put("a", b"x", "image/png")
    (tmp_path / "a").unlink()
    (tmp_path / "a").mkdir()
    with pytest.raises(GatewayError) as caught:
        await embedded_file(vault, blob)
    assert caught.value.kind is ErrorKind.STORAGE_UNAVAILABLE


def test_stands_alone() -> None:
    """As a part of a longer text it would never be replaced, so it cannot become one."""
    file: Embedded = embedded_bytes(b"x")
    with pytest.raises(TypeError):
        f"data:image/png;base64,{file}"
    assert file != embedded_bytes(b"x")
