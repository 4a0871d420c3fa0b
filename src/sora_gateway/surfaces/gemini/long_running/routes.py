"""The routes of long-running operations: each is a job, or several, of the Videos API."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, cast

import anyio
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.gemini.errors import RESPONSES
from sora_gateway.surfaces.gemini.intake import accept
from sora_gateway.surfaces.gemini.long_running import wire
from sora_gateway.surfaces.gemini.long_running.render import (
    Piece,
    render_fetched,
    render_operation,
)
from sora_gateway.surfaces.gemini.long_running.translate import translate_fetch, translate_start
from sora_gateway.surfaces.gemini.names import CLOUD, VERSIONS, file_uri, operation_id_in, resource_in
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.forms import read_form
from sora_gateway.web.mounts import path_below
from sora_gateway.web.routes import DirectRoute, body, json_response, parameters
from sora_gateway.web.state import Services

_ENCODED_AT_ONCE = 3 * 64 * 1024
"""Bytes; a multiple of three, so that base64 needs no padding in between."""


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
    pieces = render_fetched(name, await _siblings(request, job_id, caller))
    services = services_of(request)
    for piece in pieces:
        if isinstance(piece, Blob) and await services.vault.size(piece.name) is None:
            raise GatewayError(ErrorKind.EXPIRED, f"The files of '{name[:80]}' were kept long enough.")
    return _Encoded(services, pieces)


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


class _Encoded(StreamingResponse):
    """JSON with files in it, of which little is held in memory at a time."""

    def __init__(self, services: Services, pieces: Sequence[Piece]) -> None:
        length = sum(_encoded_bytes(piece) for piece in pieces)
        headers = {"content-length": str(length)}
        super().__init__(_encoded(services, pieces), headers=headers, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await cast(AsyncGenerator[bytes, None], self.body_iterator).aclose()


def _encoded_bytes(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else 4 * -(-piece.size_bytes // 3)


async def _encoded(services: Services, pieces: Sequence[Piece]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        rest = b""
        reading = cast(AsyncGenerator[bytes, None], services.vault.read(piece.name))
        async with aclosing(reading) as chunks:
            async for chunk in chunks:
                rest += chunk
                whole = len(rest) // 3 * 3 if len(rest) >= _ENCODED_AT_ONCE else 0
                if whole:
                    yield base64.b64encode(rest[:whole])
                    rest = rest[whole:]
        yield base64.b64encode(rest)


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
