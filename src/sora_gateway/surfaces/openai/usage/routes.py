"""The route of the usage page; any key may read its own numbers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.licences.periods import day_of, last_days, month_of
from sora_gateway.surfaces.openai.errors import RESPONSES
from sora_gateway.surfaces.openai.usage import wire
from sora_gateway.surfaces.openai.usage.render import render_usage
from sora_gateway.surfaces.openai.usage.translate import translate_days
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.routes import DirectRoute, json_response, parameters

router = APIRouter(route_class=DirectRoute, tags=["usage"], responses=RESPONSES)


@router.get(
    "/v1/usage",
    summary="Show what was used",
    response_model=wire.Usage,
    openapi_extra={"parameters": parameters(query={"days": "1 to 400 days up to today; 30 if not given"})},
)
async def show_usage(request: Request) -> Response:
    """Show the caller's own jobs and units by the day, and what is left of his quotas."""
    caller = await authenticated(request)
    services = services_of(request)
    usage, now_s = services.usage, services.now()
    days = await usage.days(caller.licence_id, last_days(now_s, translate_days(request.query_params)))
    units = await usage.units(caller.licence_id, (day_of(now_s), month_of(now_s)))
    return json_response(render_usage(days, units, caller.bounds, now_s))
