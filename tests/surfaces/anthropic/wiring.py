"""A gateway of the tests that speaks Anthropic's dialect too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from fastapi import FastAPI

from sora_gateway.surfaces.anthropic.errors import render_error
from sora_gateway.surfaces.anthropic.models.routes import list_models, show_model
from sora_gateway.surfaces.anthropic.router import build_router
from sora_gateway.surfaces.openai.models import routes as openai_models
from sora_gateway.web import dispatch
from sora_gateway.web.dialect import Dialect
from tests.gateway import Gateway, build_gateway, fresh_app, serving

VERSION = {"anthropic-version": "2026-10-21"}


def wire(app: FastAPI) -> FastAPI:
    """Add the dialect to an application that may or may not have it: routes, errors, shared paths."""
    models = dispatch.models_router(
        {Dialect.OPENAI: openai_models.list_models, Dialect.ANTHROPIC: list_models},
        {Dialect.OPENAI: openai_models.show_model, Dialect.ANTHROPIC: show_model},
    )
    app.router.routes[:0] = [*models.routes, *build_router().routes]
    app.state.error_renderers[Dialect.ANTHROPIC] = render_error
    return app


@cache
def _shared_app() -> FastAPI:
    return wire(fresh_app())


async def build_anthropic(folder: Path, **settings: object) -> Gateway:
    """Wire a gateway; ``settings`` override fields of ``Services``."""
    gateway = await build_gateway(folder, **settings)
    services, gateway.app = gateway.app.state.services, _shared_app()
    gateway.app.state.services = services
    return gateway


@asynccontextmanager
async def served_anthropic(folder: Path, **settings: object) -> AsyncIterator[Gateway]:
    """Build a gateway and serve it."""
    gateway = await build_anthropic(folder, **settings)
    async with serving(gateway.app) as (url, server):
        gateway.url, gateway.server = url, server
        yield gateway
