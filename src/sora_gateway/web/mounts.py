"""Serve everything below ``/sora`` and at the root alike."""

from __future__ import annotations

import re

from starlette.types import Scope

PREFIX = "/sora"

_API = re.compile(r"^/(?:v1[a-z0-9]*|healthz|readyz|metrics)(?:/|$)")
_DOUBLED = re.compile(r"^/+(v1(?:beta)?(?=/))?/*")


def path_below(scope: Scope) -> str:
    """Return the request's path below the mounts that were taken off it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path


def mounted(scope: Scope) -> Scope:
    """Return the scope as the routes want it.

    A leading ``/sora`` moves into ``root_path``, so that routes match below it and links made from the
    request keep it. On API paths a trailing slash and slashes doubled by a base URL's own are dropped.
    """
    root: str = scope.get("root_path", "")
    below = _undoubled(path_below(scope))
    if below == PREFIX or below.startswith(PREFIX + "/"):
        root += PREFIX
        below = below[len(PREFIX) :] or "/"
    below = _undoubled(below)
    if below.endswith("/") and _API.match(below):
        below = below.rstrip("/")
    path = root + below
    if path == scope["path"] and root == scope.get("root_path", ""):
        return scope
    return {**scope, "path": path, "root_path": root}


def _undoubled(path: str) -> str:
    return _DOUBLED.sub(lambda match: f"/{match[1]}/" if match[1] else "/", path)
