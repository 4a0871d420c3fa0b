"""The endpoints of the models; under ``/v1`` other dialects have theirs, see ``web.dispatch``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import catalogue, parse_model_name
from sora_gateway.surfaces.gemini.errors import RESPONSES
from sora_gateway.surfaces.gemini.models import wire
from sora_gateway.surfaces.gemini.models.render import render_model, render_models
from sora_gateway.surfaces.gemini.models.translate import translate_listing
from sora_gateway.surfaces.gemini.names import VERSIONS
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.naming import require_groups
from sora_gateway.web.routes import DirectRoute, json_response, parameters


async def list_models(request: Request) -> Response:
    """List the models, page by page."""
    await authenticated(request)
    policy = services_of(request).policy
    wanted = translate_listing(request.query_params)
    models = catalogue(policy.aliases)
    end = wanted.start + wanted.size
    next_start = end if end < len(models) else None
    return json_response(render_models(models[wanted.start : end], policy, next_start=next_start))


async def show_model(request: Request) -> Response:
    """Describe one model, listed or not: any name that can be asked for.

    Raises:
        GatewayError(not_found): the name means nothing.
    """
    caller = await authenticated(request)
    policy = services_of(request).policy
    try:
        model = parse_model_name(request.path_params["model"], policy.aliases)
        await require_groups(services_of(request), caller, model)
    except GatewayError as error:
        code = ErrorKind.MODEL_NOT_FOUND.value
        raise GatewayError(ErrorKind.NOT_FOUND, error.message, param="model", code=code) from error
    return json_response(render_model(model, policy))


def build_router() -> APIRouter:
    """Return the routes of the version that no other dialect has."""
    router = APIRouter(route_class=DirectRoute, tags=["gemini"], responses=RESPONSES)
    router.add_api_route(
        f"/{VERSIONS[0]}/models",
        list_models,
        methods=["GET"],
        summary="List the models",
        response_model=wire.ModelList,
        openapi_extra={
            "parameters": parameters(query={"pageSize": "1 to 1000, 50", "pageToken": "of the page before"})
        },
    )
    router.add_api_route(
        f"/{VERSIONS[0]}/models/{{model:path}}",
        show_model,
        methods=["GET"],
        summary="Describe one model",
        response_model=wire.Model,
        openapi_extra={"parameters": parameters(path={"model": "a model's name"})},
    )
    return router
