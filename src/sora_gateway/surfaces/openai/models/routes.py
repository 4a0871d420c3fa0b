"""The endpoints of the Models API; other dialects have theirs on the same paths, see ``web.dispatch``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import ModelName, catalogue, parse_model_name
from sora_gateway.domain.text_models import parse_text_model, text_catalogue
from sora_gateway.surfaces.openai.models.render import render_model, render_models
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.naming import require_groups
from sora_gateway.web.routes import json_response


async def list_models(request: Request) -> Response:
    """List the models."""
    await authenticated(request)
    policy = services_of(request).policy
    return json_response(render_models((*catalogue(policy.aliases), *text_catalogue()), policy))


async def show_model(request: Request) -> Response:
    """Describe one model, listed or not: any name that can be asked for.

    Raises:
        GatewayError(not_found): the name means nothing.
    """
    caller = await authenticated(request)
    policy = services_of(request).policy
    try:
        name = request.path_params["model"]
        model = parse_text_model(name) or parse_model_name(name, policy.aliases)
        if isinstance(model, ModelName):
            await require_groups(services_of(request), caller, model)
    except GatewayError as error:
        raise GatewayError(
            ErrorKind.NOT_FOUND, error.message, param="model", code=ErrorKind.MODEL_NOT_FOUND.value
        ) from error
    return json_response(render_model(model, policy))
