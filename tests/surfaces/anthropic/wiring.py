"""A gateway of the tests that speaks Anthropic's dialect too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from sora_gateway.surfaces.anthropic.errors import render_error
from sora_gateway.surfaces.anthropic.models.routes import list_models, show_model
from sora_gateway.surfaces.anthropic.router import build_router
from sora_gateway.surfaces.openai.models import routes as openai_models
from sora_gateway.web import dispatch
from sora_gateway.web.dialect import Dialect
from tests.gateway import Gateway, served

VERSION = {"anthropic-version": "2026-10-21"}


def wire(app: FastAPI) -> None:
    """Add the dialect to an application that may or may not have it: routes, errors, shared paths."""
    models = dispatch.models_router(
        {Dialect.OPENAI: openai_models.list_models, Dialect.ANTHROPIC: list_models},
        {Dialect.OPENAI: openai_models.show_model, Dialect.ANTHROPIC: show_model},
    )
    app.router.routes[:0] = [*models.routes, *build_router().routes]
    app.state.error_renderers[Dialect.ANTHROPIC] = render_error


@asynccontextmanager
async def served_anthropic(folder: Path, **settings: object) -> AsyncIterator[Gateway]:
    """Build a gateway and serve it."""
    async with served(folder, is_fresh=True, **settings) as gateway:
        wire(gateway.app)
        yield gateway
