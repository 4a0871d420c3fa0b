"""Say whether the process lives, whether this node should get requests, and what it counts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sora_gateway.telemetry.metrics import CONTENT_TYPE, render
from sora_gateway.web.deps import services_of
from sora_gateway.web.draining import is_stopping
from sora_gateway.web.routes import DirectRoute, json_response

router = APIRouter(route_class=DirectRoute, tags=["operations"])
_OPEN: dict[str, Any] = {"security": []}


@router.get("/healthz", summary="The process answers", openapi_extra=_OPEN)
async def healthz(request: Request) -> Response:
    """Answer 200 as long as the process can."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz",
    summary="The node can serve",
    openapi_extra=_OPEN,
    responses={503: {"description": "Not ready; `reasons` says why"}},
)
async def readyz(request: Request) -> Response:
    """Answer 200, or 503 with the reasons against it."""
    if is_stopping(request.scope):
        return json_response({"status": "unavailable", "reasons": ["this node is stopping"]}, status=503)
    reasons = list(await services_of(request).readiness())
    status = "unavailable" if reasons else "ready"
    return json_response({"status": status, "reasons": reasons}, status=503 if reasons else 200)


@router.get(
    "/metrics",
    summary="Counters in Prometheus' format",
    openapi_extra=_OPEN,
    response_class=PlainTextResponse,  # for the documentation
)
async def metrics(request: Request) -> Response:
    """Answer with this process's counters."""
    return Response(render(), headers={"content-type": CONTENT_TYPE})
