"""Stream answers that keep the connection alive without a word: SDKs of this dialect know no comments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from sora_gateway.web.streaming import BEAT_S, EventStream

_BLANK = b"\n"


class ContentStream(EventStream):
    """An ``EventStream`` that beats with empty lines: nothing to readers of events, white space in JSON.

    google-genai takes a comment, as any line without ``data:``, for JSON and fails on it.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        is_sse: bool,
        beat_s: float = BEAT_S,
        farewell: bytes | Callable[[bool], bytes] = b"",
    ) -> None:
        super().__init__(pieces, beat_s=beat_s, beat=_BLANK, farewell=farewell)
        if not is_sse:
            self.headers["content-type"] = "application/json; charset=utf-8"
