"""The messages of Gemini's long-running operations that make videos."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from sora_gateway.surfaces.gemini.errors import ErrorBody

Metadata = TypedDict(
    "Metadata",
    {
        "@type": str,
        "state": str,
        "progressPercent": int,
        "queuePosition": NotRequired[int],
        "etaSeconds": NotRequired[int],
        "videoIds": list[str],
    },
)
"""Ours: how it goes. ``videoIds`` are the jobs as ``/v1/videos`` knows them."""


class VideoUri(TypedDict):
    """Where a video is; ``encoding`` is what the SDKs read as its type."""

    uri: str
    encoding: str


class GeneratedSample(TypedDict):
    """A finished video."""

    video: VideoUri


class GenerateVideoResponse(TypedDict):
    """What came of it; the filtered ones could not be made, for the reasons named."""

    generatedSamples: list[GeneratedSample]
    raiMediaFilteredCount: NotRequired[int]
    raiMediaFilteredReasons: NotRequired[list[str]]


Response = TypedDict("Response", {"@type": str, "generateVideoResponse": GenerateVideoResponse})
"""The result of an operation in API key mode."""


class Operation(TypedDict):
    """A long-running operation.

    Source: Gemini API reference, predictLongRunning and Operation, google-genai 3.4
    ``_operations_converters.py``, and sdk-contract section 8, read 2026-11-22. In ``vertexai`` mode the
    response is ``FetchedResponse``.

    Example: ``{"name": "models/sora_video2/operations/video_01k...", "metadata": {"@type": "...", "state":
    "completed", "progressPercent": 100, "videoIds": ["video_01k..."]}, "done": true, "response": {"@type":
    "...", "generateVideoResponse": {"generatedSamples": [{"video": {"uri":
    "https://.../v1beta/files/video01k...:download?alt=media", "encoding": "video/mp4"}}]}}}``
    """

    name: str
    metadata: Metadata
    done: bool
    response: NotRequired[Response]
    error: NotRequired[ErrorBody]


class FetchedVideo(TypedDict):
    """A finished video, whole. Example: ``{"bytesBase64Encoded": "AAAA...", "mimeType": "video/mp4"}``."""

    bytesBase64Encoded: str
    mimeType: str


FetchedResponse = TypedDict(
    "FetchedResponse",
    {
        "@type": str,
        "videos": list[FetchedVideo],
        "raiMediaFilteredCount": NotRequired[int],
        "raiMediaFilteredReasons": NotRequired[list[str]],
    },
)
"""The result of an operation in ``vertexai`` mode. Source: google-genai 3.4 ``models.py`` (2026-11-22)."""


class FetchedOperation(TypedDict):
    """An ``Operation`` with the files in it."""

    name: str
    metadata: Metadata
    done: bool
    response: NotRequired[FetchedResponse]
    error: NotRequired[ErrorBody]


START: dict[str, Any] = {
    "title": "PredictLongRunningRequest",
    "examples": [
        {"instances": [{"prompt": "画小猫"}], "parameters": {"aspectRatio": "16:9", "durationSeconds": 10}}
    ],
    "type": "object",
    "required": ["instances"],
    "additionalProperties": True,
    "properties": {
        "instances": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["prompt"],
                "properties": {"prompt": {"type": "string"}, "image": {"type": "object"}},
            },
        },
        "parameters": {
            "type": "object",
            "properties": {
                "sampleCount": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
                "durationSeconds": {"type": "integer", "description": "10, 15 or 25"},
                "aspectRatio": {"type": "string", "enum": ["9:16", "16:9"], "default": "9:16"},
                "resolution": {"type": "string"},
            },
        },
    },
}
"""Fields of ``:predictLongRunning``; our own parameters go too, at the top or in ``parameters``.

Source: Gemini API reference, Veo, read 2026-11-22.
"""

FETCH: dict[str, Any] = {
    "title": "FetchPredictOperationRequest",
    "type": "object",
    "required": ["operationName"],
    "properties": {"operationName": {"type": "string"}},
}
"""Fields of ``:fetchPredictOperation``. Source: Vertex AI reference, Veo, read 2026-11-22."""
