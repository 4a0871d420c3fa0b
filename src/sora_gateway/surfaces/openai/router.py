"""Collect the routes of the OpenAI dialect."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

from sora_gateway.surfaces.openai import later
from sora_gateway.surfaces.openai.chat import routes as chat
from sora_gateway.surfaces.openai.images import routes as images
from sora_gateway.surfaces.openai.models import routes as models
from sora_gateway.surfaces.openai.videos import routes as videos
from sora_gateway.web.dialect import Dialect
from sora_gateway.web.dispatch import models_router
from sora_gateway.web.routes import Endpoint, mount


def build_router(
    *, listing: Mapping[Dialect, Endpoint] | None = None, single: Mapping[Dialect, Endpoint] | None = None
) -> APIRouter:
    """Return every route of this dialect, the paths that it shares with others included.

    Args:
        listing: other dialects' endpoints for ``GET /v1/models``.
        single: theirs for ``GET /v1/models/{id}``.
    """
    shared = models_router(
        {**(listing or {}), Dialect.OPENAI: models.list_models},
        {**(single or {}), Dialect.OPENAI: models.show_model},
    )
    router = APIRouter()
    mount(router, videos.router, images.router, chat.router, shared, later.build_router())
    return router


router = build_router()
"""The routes while OpenAI's is the only dialect."""
