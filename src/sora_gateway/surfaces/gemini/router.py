"""Collect the routes of the Gemini dialect."""

from __future__ import annotations

from fastapi import APIRouter

from sora_gateway.surfaces.gemini import later
from sora_gateway.surfaces.gemini.files import routes as files
from sora_gateway.surfaces.gemini.generate_content import routes as generate_content
from sora_gateway.surfaces.gemini.long_running import routes as long_running
from sora_gateway.surfaces.gemini.models import routes as models
from sora_gateway.web.routes import mount


def build_router() -> APIRouter:
    """Return every route of this dialect but those it shares with others, see ``web.dispatch``.

    It must be mounted before those: an operation's path looks like that of a model with slashes.
    """
    router = APIRouter()
    mount(
        router,
        generate_content.build_router(),
        long_running.build_router(),
        files.build_router(),
        models.build_router(),
        later.build_router(),
    )
    return router
