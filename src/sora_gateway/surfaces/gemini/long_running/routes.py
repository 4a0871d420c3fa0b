"""The routes of long-running operations: each is a job, or several, of the Videos API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.gemini.errors import RESPONSES
from sora_gateway.surfaces.gemini.intake import accept
from sora_gateway.surfaces.gemini.long_running import wire
from sora_gateway.surfaces.gemini.long_running.render import (
    completed,
    file_of,
    render_fetched,
    render_operation,
)
from sora_gateway.surfaces.gemini.long_running.translate import translate_fetch, translate_start
from sora_gateway.surfaces.gemini.names import CLOUD, VERSIONS, file_uri, operation_id_in, resource_in
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.embedding import embedded_file, json_with_files
from sora_gateway.web.forms import read_form
from sora_gateway.web.mounts import path_below
from sora_gateway.web.routes import DirectRoute, body, json_response, parameters


async def start(request: Request) -> Response:
    """Accept a request for videos and answer at once with the operation."""
    caller = await authenticated(request, Permission.GEMINI)
    async with read_form(request) as form:
        draft = translate_start(form, request.path_params["model"])
        accepted = await accept(request, caller, form, draft)
    first = accepted.jobs[0].id
    name = f"{resource_in(path_below(request.scope))}/operations/{first}"
    return _shown(request, name, await _siblings(request, first, caller))


async def look(request: Request) -> Response:
    """Show an operation."""
    caller = await authenticated(request, Permission.GEMINI)
    name = resource_in(path_below(request.scope))
    job_id = operation_id_in(name)
    if job_id is None:
        raise GatewayError(ErrorKind.NOT_FOUND, f"There is no operation '{name[:80]}'.", param="name")
    return _shown(request, name, await _siblings(request, job_id, caller))


async def fetch(request: Request) -> Response:
    """Show an operation, with the finished files themselves in it."""
    caller = await authenticated(request, Permission.GEMINI)
    async with read_form(request) as form:
        name, job_id = translate_fetch(form)
    views, vault = await _siblings(request, job_id, caller), services_of(request).vault
    # Of an operation that goes on nothing is shown yet.
    shown = completed(views) if all(view.job.is_final for view in views) else []
    try:
        files = {job.id: await embedded_file(vault, file_of(job)) for job in shown}
    except GatewayError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        message = f"The files of '{name[:80]}' were kept long enough."
        raise GatewayError(ErrorKind.EXPIRED, message) from error
    return json_with_files(render_fetched(name, views, lambda job: files[job.id]))


def _shown(request: Request, name: str, views: Sequence[JobView]) -> Response:
    def uri_of(job: Job) -> str:
        return file_uri(request, job.id, job.kind)

    return json_response(render_operation(name, views, uri_of))


async def _siblings(request: Request, job_id: str, caller: Caller) -> list[JobView]:
    """Return the jobs of one request for videos; those deleted since are left out.

    Raises:
        GatewayError(not_found): the job is unknown, deleted, another's, or makes images.
    """
    generations = services_of(request).generations
    view = await generations.get(job_id, caller)
    if view.job.kind is not MediaKind.VIDEO:
        raise GatewayError(ErrorKind.NOT_FOUND, f"There is no operation '{job_id}': the job makes images.")
    views = []
    for sibling in view.job.variants or (job_id,):
        try:
            views.append(view if sibling == job_id else await generations.get(sibling, caller))
        except GatewayError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    return views


def build_router() -> APIRouter:
    """Return the routes, at each place where models stand."""
    router = APIRouter(route_class=DirectRoute, tags=["gemini"], responses=RESPONSES)
    model = parameters(path={"model": "a name of `GET /v1beta/models`"})
    for place in (*VERSIONS, CLOUD):
        _add(
            router,
            f"/{place}/models/{{model:path}}:predictLongRunning",
            start,
            summary="Make videos",
            response_model=wire.Operation,
            include_in_schema=place == VERSIONS[0],
            openapi_extra={"requestBody": body(wire.START), "parameters": model},
        )
    for version in VERSIONS:
        for path in ("models/{model:path}/operations/{operation}", "operations/{operation}"):
            names = {"operation": "its job's id"} | ({"model": "its model"} if "model" in path else {})
            _add(
                router,
                f"/{version}/{path}",
                look,
                methods=["GET"],
                summary="Look at an operation",
                response_model=wire.Operation,
                include_in_schema=version == VERSIONS[0],
                openapi_extra={"parameters": parameters(path=names)},
            )
    _add(
        router,
        f"/{CLOUD}/models/{{model:path}}:fetchPredictOperation",
        fetch,
        summary="Look at an operation and take its files",
        response_model=wire.FetchedOperation,
        openapi_extra={"requestBody": body(wire.FETCH), "parameters": model},
    )
    return router


def _add(router: APIRouter, path: str, endpoint: Any, **about: Any) -> None:
    router.add_api_route(path, endpoint, **{"methods": ["POST"], **about})
