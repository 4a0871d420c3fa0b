"""Bound what a connection may cost before a request is whole: bytes of the head, and silence."""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Of request line and headers together; twice what any proxy or SDK sends."""
_WAY_S, _LONGEST_WAY_S = 0.0001, 0.0005


class _HeadTooLargeError(Exception):
    """The head has more bytes than are read."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with three limits that it has not.

    - A head that is larger than ``MAX_HEAD_BYTES`` is refused with 431 as soon as that is known.
    - A head must be whole within ``idle_s`` of its first byte (of the connection, for the first one).
    - Who got an answer before his body was whole may go on sending for two times ``idle_s``; then the
      connection is closed. How long a body that is waited for may take is ``web.middleware``'s part.

    What is no HTTP gets 400. All three answers have OpenAI's form and end the connection.
    """

    idle_s = 30.0
    makes_way = False

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.url, self.headers = b"", []  # something may be refused before a message has begun
        self._is_in_head = True
        self._is_in_body = False
        self._head_bytes = 0
        self._is_told = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._arm()
        if self.makes_way:
            # All workers wake when callers come, and the first would take them all: of 40 that came at once
            # one of two workers took 37. This long the loop stands still, and others are quicker.
            time.sleep(min(len(self.connections) * _WAY_S, _LONGEST_WAY_S))

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as far as the limits allow."""
        if not self._is_in_head and not self._is_in_body and self._timer is None:
            self._is_in_head, self._head_bytes = True, 0
            self._arm()
        self._head_bytes += len(data) if self._is_in_head else 0
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_large_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_in_head, self._is_in_body = True, False

    def on_headers_complete(self) -> None:
        """A head is whole."""
        if self._size_bytes() > MAX_HEAD_BYTES:
            raise _HeadTooLargeError  # the parser tells, and ``send_400_response`` is called
        super().on_headers_complete()
        self._is_in_head, self._is_in_body, self._head_bytes = False, True, 0
        self._is_told = False
        self._arm()

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        self._is_in_body = False
        self._disarm()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read; called in place of an application."""
        if self._size_bytes() > MAX_HEAD_BYTES:
            self._refuse_large_head()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "invalid_http", "The request is not valid HTTP/1.1.")

    def _size_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_large_head(self) -> None:
        limit = MAX_HEAD_BYTES // 1024
        message = f"The request line and the headers are larger than the {limit} KiB that are allowed."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message)

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        if self.transport.is_closing():
            return
        self._disarm()
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self.transport.close()  # an answer is on its way: nothing may be written into it
                return
            self.cycle.disconnected = True  # who works on it has nobody to answer any more
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _arm(self) -> None:
        self._disarm()
        self._timer = self.loop.call_later(self.idle_s, self._on_silence)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_silence(self) -> None:
        self._timer = None
        if self._is_in_head:
            if self._head_bytes:
                message = f"The head of the request was not whole within {self.idle_s:g} s."
                self._refuse(HTTPStatus.BAD_REQUEST, "request_timeout", message)
            else:
                self.transport.close()
        elif self._is_in_body:
            if self.cycle.response_complete and self._is_told:
                self.transport.close()
            else:
                self._is_told = self.cycle.response_complete
                self._arm()


def protocol_of(idle_s: float, *, makes_way: bool = False) -> type[BoundedProtocol]:
    """Return the protocol with ``idle_s`` as its patience, as uvicorn takes it.

    ``makes_way`` is for a worker: who has many connections leaves the next one to the others.
    """
    return type("BoundedProtocol", (BoundedProtocol,), {"idle_s": idle_s, "makes_way": makes_way})
