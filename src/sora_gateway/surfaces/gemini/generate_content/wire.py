"""The messages of Gemini's content generation and of Imagen's prediction."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class InlineData(TypedDict):
    """Bytes in bare base64. Example: ``{"mimeType": "image/png", "data": "iVBORw0..."}``."""

    mimeType: str
    data: str


class FileData(TypedDict):
    """A file to fetch with the key. Example: ``{"mimeType": "video/mp4", "fileUri": "https://..."}``."""

    mimeType: str
    fileUri: str


class Part(TypedDict, total=False):
    """One of text, inline data or a file; ``thought`` marks a text that is about the work."""

    text: str
    thought: Literal[True]
    inlineData: InlineData
    fileData: FileData


class Content(TypedDict):
    """What the model says."""

    role: Literal["model"]
    parts: list[Part]


class Candidate(TypedDict):
    """The one candidate of an answer; several results are parts of it."""

    content: Content
    index: int
    finishReason: NotRequired[Literal["STOP"]]


class UsageMetadata(TypedDict):
    """Estimates; pictures are not counted."""

    promptTokenCount: int
    candidatesTokenCount: int
    totalTokenCount: int


class GenerateContentResponse(TypedDict):
    """An answer, or a piece of a streamed one; ``finishReason`` and usage stand in the last.

    Source: Gemini API reference, GenerateContentResponse, and google-genai 3.4 ``types.py``, read 2026-11-22.

    Example: ``{"candidates": [{"content": {"role": "model", "parts": [{"inlineData": {"mimeType":
    "image/png", "data": "iVBORw0..."}}]}, "index": 0, "finishReason": "STOP"}], "usageMetadata": {...},
    "modelVersion": "sora_image", "responseId": "resp-01k..."}``
    """

    candidates: list[Candidate]
    usageMetadata: NotRequired[UsageMetadata]
    modelVersion: str
    responseId: str


class CountTokensResponse(TypedDict):
    """An estimate. Source: Gemini API reference, countTokens. Example: ``{"totalTokens": 3}``."""

    totalTokens: int


class Prediction(TypedDict):
    """A picture. Example: ``{"mimeType": "image/png", "bytesBase64Encoded": "iVBORw0..."}``."""

    mimeType: str
    bytesBase64Encoded: str


class PredictResponse(TypedDict):
    """The answer to ``:predict``.

    Source: Vertex AI reference, Imagen, and google-genai 3.4 ``models.py``, read 2026-11-22.

    Example: ``{"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "iVBORw0..."}]}``
    """

    predictions: list[Prediction]


_CONTENTS = {
    "type": "array",
    "minItems": 1,
    "description": "the last turn of the user is the prompt, its `inlineData` and `fileData` are references",
    "items": {"type": "object"},
}
_CONFIG = {
    "type": "object",
    "properties": {
        "candidateCount": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "imageConfig": {
            "type": "object",
            "properties": {
                "aspectRatio": {"type": "string"},
                "imageSize": {"type": "string", "enum": ["1K"]},
            },
        },
    },
}

GENERATE: dict[str, Any] = {
    "title": "GenerateContentRequest",
    "examples": [{"contents": [{"role": "user", "parts": [{"text": "画小猫"}]}]}],
    "type": "object",
    "required": ["contents"],
    "additionalProperties": True,
    "properties": {"contents": _CONTENTS, "generationConfig": _CONFIG},
}
"""Fields of ``:generateContent``; our own parameters go too, at the top or in ``generationConfig``.

Source: Gemini API reference, generateContent, read 2026-11-22.
"""

COUNT: dict[str, Any] = {
    "title": "CountTokensRequest",
    "examples": [{"contents": [{"parts": [{"text": "画小猫"}]}]}],
    "type": "object",
    "additionalProperties": True,
    "properties": {"contents": _CONTENTS, "generateContentRequest": {"type": "object"}},
}
"""Fields of ``:countTokens``. Source: Gemini API reference, countTokens, read 2026-11-22."""

PREDICT: dict[str, Any] = {
    "title": "PredictRequest",
    "examples": [
        {"instances": [{"prompt": "画小猫"}], "parameters": {"sampleCount": 2, "aspectRatio": "3:2"}}
    ],
    "type": "object",
    "required": ["instances"],
    "additionalProperties": True,
    "properties": {
        "instances": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object"}},
        "parameters": {
            "type": "object",
            "properties": {
                "sampleCount": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
                "aspectRatio": {"type": "string", "enum": ["1:1", "3:2", "2:3"]},
                "outputOptions": {"type": "object", "properties": {"mimeType": {"type": "string"}}},
            },
        },
    },
}
"""Fields of ``:predict``. Source: Vertex AI reference, Imagen, read 2026-11-22."""
