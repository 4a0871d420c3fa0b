"""The dialect's routes, collected."""

from __future__ import annotations

from fastapi import FastAPI

from sora_gateway.surfaces.gemini.router import build_router
from sora_gateway.web.routes import mount


def test_documented_routes() -> None:
    """Each once, under one version."""
    app = FastAPI()
    mount(app, build_router())
    paths = {(method.upper(), path) for path, rows in app.openapi()["paths"].items() for method in rows}
    assert paths == {
        ("POST", "/v1beta/models/{model}:generateContent"),
        ("POST", "/v1beta/models/{model}:streamGenerateContent"),
        ("POST", "/v1beta/models/{model}:countTokens"),
        ("POST", "/v1beta/models/{model}:predict"),
        ("POST", "/v1beta/models/{model}:predictLongRunning"),
        ("GET", "/v1beta/models/{model}/operations/{operation}"),
        ("GET", "/v1beta/operations/{operation}"),
        ("POST", "/v1beta1/publishers/google/models/{model}:fetchPredictOperation"),
        ("GET", "/v1beta/files/{file}:download"),
        ("GET", "/v1beta/models"),
        ("GET", "/v1beta/models/{model}"),
    }


def test_both_versions() -> None:
    """google-genai 3.x asks under ``/v1``, and so does each older one if it is told to."""
    served = {getattr(route, "path", "") for route in build_router().routes}
    for path in [path for path in served if path.startswith("/v1beta/")]:
        twin = path.replace("/v1beta/", "/v1/", 1)
        assert (twin in served) != (path in ("/v1beta/models", "/v1beta/models/{model:path}"))
