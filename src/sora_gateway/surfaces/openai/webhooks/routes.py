"""The routes of webhook endpoints; any key may use them, each for its own endpoints."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.surfaces.openai.errors import RESPONSES
from sora_gateway.surfaces.openai.listing import LISTING, translate_listing
from sora_gateway.surfaces.openai.webhooks import wire
from sora_gateway.surfaces.openai.webhooks.render import (
    render_deleted,
    render_endpoint,
    render_event_types,
    render_page,
    render_test,
    render_with_secret,
)
from sora_gateway.surfaces.openai.webhooks.translate import (
    translate_create,
    translate_rotation,
    translate_test,
    translate_update,
)
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.forms import read_form
from sora_gateway.web.routes import DirectRoute, body, json_response, parameters

router = APIRouter(route_class=DirectRoute, tags=["webhooks"], responses=RESPONSES)

_ONE = "/v1/webhook_endpoints/{webhook_endpoint_id}"
_ID = parameters(path={"webhook_endpoint_id": "the endpoint's id"})


@router.get("/v1/webhook_event_types", summary="List types of events", response_model=wire.WebhookEventTypes)
async def event_types(request: Request) -> Response:
    """List what can be heard of."""
    await authenticated(request)
    return json_response(render_event_types())


@router.post(
    "/v1/webhook_endpoints",
    summary="Make a webhook endpoint",
    response_model=wire.WebhookEndpointWithSecret,
    openapi_extra={"requestBody": body(wire.CREATE)},
)
async def create(request: Request) -> Response:
    """Add an endpoint; the answer holds its secret, which is shown only here."""
    caller = await authenticated(request)
    async with read_form(request) as form:
        wanted = translate_create(form)
    endpoint = await services_of(request).webhooks.create(
        caller, name=wanted.name, url=wanted.url, event_types=wanted.event_types
    )
    return json_response(render_with_secret(endpoint))


@router.get(
    "/v1/webhook_endpoints",
    summary="List webhook endpoints",
    response_model=wire.WebhookEndpointPage,
    openapi_extra={"parameters": LISTING},
)
async def listing(request: Request) -> Response:
    """List the caller's endpoints by creation time."""
    caller = await authenticated(request)
    wanted = translate_listing(request.query_params)
    page = await services_of(request).webhooks.page(
        caller, after=wanted.after, limit=wanted.limit, ascending=wanted.ascending
    )
    return json_response(render_page(page))


@router.get(
    _ONE,
    summary="Look at a webhook endpoint",
    response_model=wire.WebhookEndpoint,
    openapi_extra={"parameters": _ID},
)
async def retrieve(request: Request) -> Response:
    """Show an endpoint, without its secret."""
    caller = await authenticated(request)
    endpoint = await services_of(request).webhooks.get(_id_of(request), caller)
    return json_response(render_endpoint(endpoint))


@router.post(
    _ONE,
    summary="Change a webhook endpoint",
    response_model=wire.WebhookEndpoint,
    openapi_extra={"requestBody": body(wire.UPDATE), "parameters": _ID},
)
async def update(request: Request) -> Response:
    """Change what is given; a disabled endpoint is enabled again."""
    caller = await authenticated(request)
    async with read_form(request) as form:
        changes = translate_update(form)
    endpoint = await services_of(request).webhooks.update(
        _id_of(request), caller, name=changes.name, url=changes.url, event_types=changes.event_types
    )
    return json_response(render_endpoint(endpoint))


@router.delete(
    _ONE,
    summary="Delete a webhook endpoint",
    response_model=wire.WebhookEndpointDeleted,
    openapi_extra={"parameters": _ID},
)
async def delete(request: Request) -> Response:
    """Remove an endpoint; what was on its way to it is not sent any more."""
    caller = await authenticated(request)
    await services_of(request).webhooks.delete(_id_of(request), caller)
    return json_response(render_deleted(_id_of(request)))


@router.post(
    _ONE + "/rotate_secret",
    summary="Change the secret of a webhook endpoint",
    response_model=wire.WebhookEndpointWithSecret,
    openapi_extra={"requestBody": body(wire.ROTATE), "parameters": _ID},
)
async def rotate_secret(request: Request) -> Response:
    """Make a new secret; the old one is void at once, or signs beside it for a day."""
    caller = await authenticated(request)
    async with read_form(request) as form:
        keeps_old = translate_rotation(form)
    endpoint = await services_of(request).webhooks.rotate(_id_of(request), caller, keeps_old=keeps_old)
    return json_response(render_with_secret(endpoint))


@router.post(
    _ONE + "/test",
    summary="Send a test event",
    response_model=wire.WebhookEndpointTest,
    openapi_extra={"requestBody": body(wire.TEST), "parameters": _ID},
)
async def test(request: Request) -> Response:
    """Send an event about a job that does not exist, and say what the receiver answered."""
    caller = await authenticated(request)
    async with read_form(request) as form:
        event_type = translate_test(form)
    status = await services_of(request).webhooks.test(_id_of(request), caller, event_type)
    return json_response(render_test(_id_of(request), event_type, status))


def _id_of(request: Request) -> str:
    return str(request.path_params["webhook_endpoint_id"])
