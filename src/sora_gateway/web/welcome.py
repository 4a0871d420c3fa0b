"""Tell newcomers what this is: the root, the list of routes, and what the OpenAPI document says of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from sora_gateway.web.mounts import PREFIX
from sora_gateway.web.routes import DirectRoute, json_response

router = APIRouter(route_class=DirectRoute, include_in_schema=False)

SECURITY: Mapping[str, Mapping[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A licence key, as OpenAI's SDKs send it."},
}
"""The one way that fits every route: ``x-goog-api-key`` makes any of them answer in Gemini's words."""

SERVERS = ({"url": "/"}, {"url": PREFIX})

_METHODS = ("get", "post", "put", "patch", "delete")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-size:.95em}summary{cursor:pointer;padding:.2rem 0}summary b{display:inline-block;width:4.5rem}"
    "details div{margin:.2rem 0 .8rem 5.5rem}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}"
)


@router.get("/")
async def root(request: Request) -> Response:
    """Say what answers here and where to go on; it needs no key."""
    mount = request.scope.get("root_path", "")
    paths = {"docs": "/docs", "openapi": "/openapi.json", "health": "/healthz", "ready": "/readyz"}
    links = {name: f"{mount}{path}" for name, path in paths.items()}
    bases = {"openai": f"{PREFIX}/v1", "anthropic": PREFIX, "gemini": PREFIX}
    app: FastAPI = request.app
    return json_response({"name": app.title, "version": app.version, "links": links, "base_urls": bases})


@router.get("/docs")
async def docs(request: Request) -> Response:
    """List all routes on a page that loads nothing from anywhere."""
    mount = request.scope.get("root_path", "")
    page = "".join(_page(request.app.openapi(), f"{mount}/openapi.json"))
    headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}
    return HTMLResponse(page, headers=headers)


def describe(app: FastAPI) -> None:
    """Make the OpenAPI document of ``app`` name the key, and both mounts.

    Routes that need none say ``security: []`` themselves.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                routes=[_documented(route) for route in app.routes],
                servers=[dict(server) for server in SERVERS],
            )
            schema.setdefault("components", {})["securitySchemes"] = {
                name: dict(scheme) for name, scheme in SECURITY.items()
            }
            schema["security"] = [{name: []} for name in SECURITY]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    app.servers = [dict(server) for server in SERVERS]


def _documented(route: BaseRoute) -> BaseRoute:
    return route.documented() if isinstance(route, DirectRoute) else route


def _page(schema: Mapping[str, Any], document: str) -> Iterator[str]:
    info = schema["info"]
    title = escape(f"{info['title']} {info['version']}")
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>{_STYLE}</style>"
    yield f"<h1>{title}</h1><p>{escape(info.get('summary', ''))} "
    yield f'All of it for programs: <a href="{escape(document)}">OpenAPI</a>.</p>'
    tag = None
    for path, methods in schema["paths"].items():
        for method in (name for name in _METHODS if name in methods):
            operation = methods[method]
            first = next(iter(operation.get("tags", ())), "")
            if first != tag:
                tag = first
                yield f"<h2>{escape(tag)}</h2>"
            yield from _operation(method, path, operation)
    yield "</html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    summary = escape(operation.get("summary", ""))
    yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {summary}</summary><div>"
    yield f"{escape(operation.get('description', ''))}<ul>"
    for one in operation.get("parameters", ()):
        yield f"<li><code>{escape(one['name'])}</code> ({escape(one['in'])}): "
        yield escape(one.get("description", ""))
    content = operation.get("requestBody", {}).get("content", {})
    for name, field in content.get("application/json", {}).get("schema", {}).get("properties", {}).items():
        yield f"<li><code>{escape(name)}</code> (body): {escape(str(field.get('description', '')))}"
    yield "</ul></div></details>"
