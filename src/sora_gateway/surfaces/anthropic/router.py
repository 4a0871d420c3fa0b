"""Collect the routes of Anthropic's dialect."""

from __future__ import annotations

from fastapi import APIRouter

from sora_gateway.surfaces.anthropic.messages import routes as messages
from sora_gateway.web.routes import mount


def build_router() -> APIRouter:
    """Return every route of this dialect but those it shares with others, see ``web.dispatch``."""
    router = APIRouter()
    mount(router, messages.router)
    return router
