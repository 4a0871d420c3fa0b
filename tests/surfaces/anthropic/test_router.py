"""The dialect's routes, collected."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute

from sora_gateway.surfaces.anthropic.router import build_router
from sora_gateway.web.routes import mount


def test_all_routes() -> None:
    """What the SDKs call is there, and what they call with OpenAI's base URL, which is not documented."""
    app = FastAPI()
    mount(app, build_router())
    paths = {(method.upper(), path) for path, rows in app.openapi()["paths"].items() for method in rows}
    documented = {("POST", "/v1/messages"), ("POST", "/v1/messages/count_tokens")}
    assert paths == documented
    served = {(method, r.path) for r in app.routes if isinstance(r, APIRoute) for method in r.methods or ()}
    assert served == documented | {("POST", "/v1/v1/messages"), ("POST", "/v1/v1/messages/count_tokens")}
