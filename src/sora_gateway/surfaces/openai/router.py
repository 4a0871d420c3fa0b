"""Collect the routes of the OpenAI dialect."""

from __future__ import annotations

from fastapi import APIRouter

from sora_gateway.surfaces.openai import later
from sora_gateway.surfaces.openai.chat import routes as chat
from sora_gateway.surfaces.openai.images import routes as images
from sora_gateway.surfaces.openai.videos import routes as videos
from sora_gateway.web.routes import mount


def build_router() -> APIRouter:
    """Return every route of this dialect but those it shares with others, see ``web.dispatch``."""
    router = APIRouter()
    mount(router, videos.router, images.router, chat.router, later.build_router())
    return router
