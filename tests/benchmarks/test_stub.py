"""The stub behind the relays gives the answers it was given, and streams as a backend does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import cast

import pytest

from benchmarks import stub


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.data += data


@pytest.fixture
def connection(tmp_path: Path) -> tuple[stub.Stub, Transport]:
    """A connection to a stub with an answer of each kind."""
    (tmp_path / stub.STATUS).write_text('{"status":"completed"}')
    (tmp_path / stub.IMAGE).write_text('{"data":[]}')
    (tmp_path / stub.VIDEO).write_bytes(b"video")
    (tmp_path / stub.CHAT).write_bytes(b"data: one\n\ndata: [DONE]\n\n")
    made, transport = stub.Stub(stub.answers(tmp_path)), Transport()
    made.connection_made(cast(asyncio.BaseTransport, transport))
    return made, transport


@pytest.mark.parametrize(
    ("request_line", "body", "expected"),
    [
        ("GET /v1/videos/video_1", b"", b'{"status":"completed"}'),
        ("POST /v1/videos", b"{}", b'{"status":"queued"}'),
        ("GET /v1/videos/video_1/content", b"", b"video"),
        ("POST /v1/images/generations", b"{}", b'{"data":[]}'),
        ("POST /v1/chat/completions", b'{"model":"any"}', b"data: one\n\n\r\n"),
    ],
)
def test_answers(
    connection: tuple[stub.Stub, Transport], request_line: str, body: bytes, expected: bytes
) -> None:
    """By method and path; a body that comes in pieces is waited for."""
    made, transport = connection
    made.data_received(f"{request_line} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode())
    made.data_received(b"\r\n" + body[:1])
    made.data_received(body[1:])
    assert transport.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert expected in transport.data


def test_many_events_are_so_many() -> None:
    """What is divided by is what was sent."""
    lines = [line for line in stub.many_events().decode().splitlines() if line]
    assert len(lines) == stub.EVENTS + 1
    assert lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["choices"] for line in lines[:-1])
