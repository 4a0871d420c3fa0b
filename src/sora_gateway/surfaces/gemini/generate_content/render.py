"""Say in Gemini's words how the work goes and what came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.gemini.generate_content.wire import (
    Candidate,
    CountTokensResponse,
    GenerateContentResponse,
    Part,
    Prediction,
    PredictResponse,
    UsageMetadata,
)
from sora_gateway.web.streaming import encode_event
from sora_gateway.web.telling import tell_download, tell_failed, tell_progress
from sora_gateway.web.usage import text_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What all pieces of an answer share."""

    id: str
    model: str
    prompt: str


def render_progress(view: JobView, position: int, count: int) -> Part:
    """Return a thought about how a job goes; siblings are told apart."""
    return {"text": tell_progress(view, position, count), "thought": True}


def render_picture(media_type: str, data: str) -> Part:
    """Return a picture."""
    return {"inlineData": {"mimeType": media_type, "data": data}}


def render_video(media_type: str, uri: str, link: str) -> tuple[Part, Part]:
    """Return a video: a link that opens without a key, and the file for those who hold it."""
    return (
        {"text": tell_download(link)},
        {"fileData": {"mimeType": media_type, "fileUri": uri}},
    )


def render_failed(message: str) -> Part:
    """Return what is said of one result among several."""
    return {"text": tell_failed(message)}


def render_piece(head: Head, parts: Sequence[Part]) -> GenerateContentResponse:
    """Return a piece of a stream."""
    candidate: Candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate], "modelVersion": head.model, "responseId": head.id}


def render_content(head: Head, parts: Sequence[Part]) -> GenerateContentResponse:
    """Return a whole answer, or the last piece of a stream."""
    answer = render_piece(head, parts)
    answer["candidates"][0]["finishReason"] = "STOP"
    answer["usageMetadata"] = render_usage(head.prompt, parts)
    return answer


def render_usage(prompt: str, parts: Sequence[Part]) -> UsageMetadata:
    """Return estimates."""
    asked = text_tokens(prompt)
    said = sum(text_tokens(part.get("text", "")) for part in parts)
    return {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said}


def render_count(text: str) -> CountTokensResponse:
    """Return an estimate."""
    return {"totalTokens": text_tokens(text)}


def render_predictions(pictures: Sequence[Prediction]) -> PredictResponse:
    """Return the answer to a prediction."""
    return {"predictions": list(pictures)}


Pieces = AsyncGenerator[Mapping[str, Any], None]
"""Pieces of an answer; one with ``error`` is the last."""


async def as_events(pieces: Pieces) -> AsyncGenerator[bytes, None]:
    """Yield ``pieces`` as events, an error also as bare JSON behind its event.

    Python's SDK raises what an event says; Node's takes it for an empty piece and raises only what is bare
    JSON; readers of events skip the latter (google-genai 3.4, @google/genai 3.1, read 2026-11-22).
    """
    async with aclosing(pieces):
        async for piece in pieces:
            yield error_event(piece) if "error" in piece else encode_event(piece)


def error_event(envelope: Mapping[str, Any]) -> bytes:
    """Return an error as ``as_events`` does."""
    return encode_event(envelope) + to_json(envelope) + b"\n"


async def as_array(pieces: Pieces) -> AsyncGenerator[bytes, None]:
    """Yield ``pieces`` as the elements of one JSON array, for callers without ``alt=sse``."""
    before = b"["
    async with aclosing(pieces):
        async for piece in pieces:
            yield before + to_json(piece)
            before = b",\r\n"
    yield b"]"


def error_element(envelope: Mapping[str, Any], *, is_first: bool) -> bytes:
    """Return an error as the last element of an array that is cut short; ``is_first``: before it began."""
    return (b"[" if is_first else b",\r\n") + to_json(envelope) + b"]"
