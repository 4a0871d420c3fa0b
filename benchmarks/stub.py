"""Answer at once: the backend behind peers that only relay, with the gateway's own answers as bytes.

It speaks as much HTTP/1.1 as it is asked: keep-alive, bodies of a known length, chunked event streams.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import uvloop

VIDEO, LARGE, IMAGE, STATUS, CHAT = "video.mp4", "large.mp4", "image.json", "status.json", "chat.txt"
"""The files in its folder; who makes them decides what is answered."""

EVENTS_MODEL = "events"
"""A chat model whose answer is many small events."""
EVENTS = 100

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def _answer(media_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _stream(body: bytes) -> bytes:
    """Return an event stream, each event a chunk of its own."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    events = [event + b"\n\n" for event in body.split(b"\n\n") if event]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


def many_events() -> bytes:
    """Return the chat stream of ``EVENTS_MODEL``."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": EVENTS_MODEL}
    deltas = [{"role": "assistant", "content": ""}, *({"content": f"word {n} "} for n in range(EVENTS - 2))]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    lines = [f"data: {json.dumps({**base, 'choices': [choice]})}\n\n" for choice in choices]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def answers(folder: Path) -> Mapping[str, bytes]:
    """Return whole answers by what is asked for."""
    status = (folder / STATUS).read_bytes()
    return {
        "status": _answer("application/json", status),
        "created": _answer("application/json", status.replace(b'"completed"', b'"queued"')),
        "image": _answer("application/json", (folder / IMAGE).read_bytes()),
        "content": _answer("video/mp4", (folder / VIDEO).read_bytes()),
        "chat": _stream((folder / CHAT).read_bytes()),
        "events": _stream(many_events()),
        "models": _answer("application/json", b'{"object":"list","data":[]}'),
    }


def wanted(head: bytes, body: bytes) -> str:
    """Return what a request asks for."""
    method, path, _ = head.split(b" ", 2)
    if b"/chat/completions" in path:
        name = json.loads(body)["model"]
        return "events" if name == EVENTS_MODEL else "chat"
    if b"/images/" in path:
        return "image"
    if b"/videos" in path:
        if method == b"POST":
            return "created"
        return "content" if path.endswith(b"/content") else "status"
    return "models"


class Stub(asyncio.Protocol):
    """One connection."""

    def __init__(self, known: Mapping[str, bytes]) -> None:
        self._known = known
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end]
            if _CHUNKED.search(head):
                stop = self._held.find(b"0\r\n\r\n", end)
                size = stop + 5 if stop >= 0 else len(self._held) + 1
            else:
                found = _LENGTH.search(head)
                size = end + 4 + (int(found[1]) if found else 0)
            if len(self._held) < size:
                return
            body, self._held = self._held[end + 4 : size], self._held[size:]
            self._transport.write(self._known[wanted(head, body)])


async def serve(port: int, folder: Path) -> None:
    """Serve on loopback for ever."""
    known = answers(folder)
    server = await asyncio.get_running_loop().create_server(lambda: Stub(known), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve what lies in a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.folder))


if __name__ == "__main__":
    main()
