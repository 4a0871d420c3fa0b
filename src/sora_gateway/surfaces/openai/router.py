"""Collect the routes of the OpenAI dialect."""

from __future__ import annotations

from fastapi import APIRouter

from sora_gateway.surfaces.openai.characters import routes as characters
from sora_gateway.surfaces.openai.chat import routes as chat
from sora_gateway.surfaces.openai.files import routes as files
from sora_gateway.surfaces.openai.images import routes as images
from sora_gateway.surfaces.openai.responses import routes as responses
from sora_gateway.surfaces.openai.usage import routes as usage
from sora_gateway.surfaces.openai.videos import routes as videos
from sora_gateway.surfaces.openai.webhooks import routes as webhooks
from sora_gateway.web.routes import mount


def build_router() -> APIRouter:
    """Return every route of this dialect but those it shares with others, see ``web.dispatch``.

    The characters below ``/v1/videos`` stand before the videos, whose ids would match them.
    """
    router = APIRouter()
    mount(
        router,
        characters.router,
        videos.router,
        images.router,
        chat.router,
        responses.router,
        files.router,
        usage.router,
        webhooks.router,
    )
    return router
