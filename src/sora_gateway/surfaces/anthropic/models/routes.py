"""The endpoints of Anthropic's Models API, on paths that other dialects share, see ``web.dispatch``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import catalogue, parse_model_name
from sora_gateway.surfaces.anthropic.models.render import render_model, render_page
from sora_gateway.surfaces.anthropic.models.translate import translate_window
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.naming import require_groups
from sora_gateway.web.routes import json_response


async def list_models(request: Request) -> Response:
    """List the models, a piece at a time."""
    await authenticated(request)
    window = translate_window(request.query_params)
    models = catalogue(services_of(request).policy.aliases)
    page = render_page(models, limit=window.limit, after_id=window.after_id, before_id=window.before_id)
    return json_response(page)


async def show_model(request: Request) -> Response:
    """Describe one model, listed or not: any name that can be asked for.

    Raises:
        GatewayError(not_found): the name means nothing.
    """
    caller = await authenticated(request)
    try:
        model = parse_model_name(request.path_params["model"], services_of(request).policy.aliases)
        await require_groups(services_of(request), caller, model)
    except GatewayError as error:
        raise GatewayError(
            ErrorKind.NOT_FOUND, error.message, param="model", code=ErrorKind.MODEL_NOT_FOUND.value
        ) from error
    return json_response(render_model(model))
