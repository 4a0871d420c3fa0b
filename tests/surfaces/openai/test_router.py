"""The dialect's routes, collected."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sora_gateway.surfaces.openai.router import build_router, router
from sora_gateway.web.dialect import Dialect
from tests.gateway import build_gateway, client_of


def test_all_routes() -> None:
    """What the SDKs call is there."""
    app = FastAPI()
    app.include_router(router)
    paths = {(method.upper(), path) for path, rows in app.openapi()["paths"].items() for method in rows}
    assert paths == {
        ("POST", "/v1/videos"),
        ("GET", "/v1/videos"),
        ("GET", "/v1/videos/{video_id}"),
        ("DELETE", "/v1/videos/{video_id}"),
        ("GET", "/v1/videos/{video_id}/content"),
        ("POST", "/v1/videos/{video_id}/cancel"),
        ("GET", "/v1/videos/{video_id}/events"),
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/images/edits"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{model}"),
    }


async def test_other_dialects_join_on_shared_paths(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The composition root passes their endpoints in."""

    async def gemini(_: Request) -> Response:
        return PlainTextResponse("gemini")

    gateway = await build_gateway(tmp_path, is_fresh=True)
    gateway.app.router.routes.clear()
    gateway.app.include_router(build_router(listing={Dialect.GEMINI: gemini}))
    async with client_of(gateway) as client:
        assert (await client.get("/v1beta/../v1/models", headers={"x-goog-api-client": "x"})).text == "gemini"
        assert (await client.get("/v1/models")).json()["object"] == "list"
