"""Collect the routes of the OpenAI dialect."""

from __future__ import annotations

from fastapi import APIRouter

from sora_gateway.surfaces.openai import later
from sora_gateway.surfaces.openai.chat import routes as chat
from sora_gateway.surfaces.openai.images import routes as images
from sora_gateway.surfaces.openai.videos import routes as videos


def build_router() -> APIRouter:
    """Return every route of this dialect but the shared ones, see ``web.dispatch``."""
    router = APIRouter()
    for part in (later.build_router(), videos.router, images.router, chat.router):
        router.include_router(part)
    return router
