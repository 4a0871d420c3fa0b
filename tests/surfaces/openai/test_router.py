"""The dialect's routes, collected."""

from __future__ import annotations

from fastapi import FastAPI

from sora_gateway.surfaces.openai.router import build_router


def test_all_routes() -> None:
    """What the SDKs call is there."""
    app = FastAPI()
    app.include_router(build_router())
    paths = {(method.upper(), path) for path, rows in app.openapi()["paths"].items() for method in rows}
    assert paths == {
        ("POST", "/v1/videos"),
        ("GET", "/v1/videos"),
        ("GET", "/v1/videos/{video_id}"),
        ("DELETE", "/v1/videos/{video_id}"),
        ("GET", "/v1/videos/{video_id}/content"),
        ("POST", "/v1/videos/{video_id}/cancel"),
        ("GET", "/v1/videos/{video_id}/events"),
        ("POST", "/v1/videos/{video_id}/remix"),
        ("POST", "/v1/videos/edits"),
        ("POST", "/v1/videos/extensions"),
        ("POST", "/v1/videos/characters"),
        ("GET", "/v1/videos/characters/{character_id}"),
        ("POST", "/v1/characters"),
        ("GET", "/v1/characters"),
        ("GET", "/v1/characters/{character_id}"),
        ("DELETE", "/v1/characters/{character_id}"),
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/images/edits"),
        ("POST", "/v1/images/variations"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/files"),
        ("GET", "/v1/usage"),
        ("GET", "/v1/files"),
        ("GET", "/v1/files/{file_id}"),
        ("DELETE", "/v1/files/{file_id}"),
        ("GET", "/v1/files/{file_id}/content"),
        ("POST", "/v1/responses"),
        ("GET", "/v1/responses/{response_id}"),
        ("POST", "/v1/responses/{response_id}/cancel"),
        ("GET", "/v1/webhook_event_types"),
        ("GET", "/v1/webhook_endpoints"),
        ("POST", "/v1/webhook_endpoints"),
        ("GET", "/v1/webhook_endpoints/{webhook_endpoint_id}"),
        ("POST", "/v1/webhook_endpoints/{webhook_endpoint_id}"),
        ("DELETE", "/v1/webhook_endpoints/{webhook_endpoint_id}"),
        ("POST", "/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret"),
        ("POST", "/v1/webhook_endpoints/{webhook_endpoint_id}/test"),
    }
