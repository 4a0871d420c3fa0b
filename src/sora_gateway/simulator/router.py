"""Find the route of a method and path: exact templates by one look-up, others segment by segment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sora_gateway.simulator.endpoint import Route

Miss = Literal["not_found", "method_not_allowed"]


class Router:
    """A fixed set of routes. ``{name}`` in a template stands for one non-empty path segment."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[list[str], Route]] = []
        for route in routes:
            if "{" in route.template:
                self._patterns.append((route.template.split("/"), route))
            else:
                self._exact.setdefault(route.template, {})[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | Miss:
        """Return the route and its path parameters, or why there is none. HEAD finds GET."""
        method = "GET" if method == "HEAD" else method
        known = self._exact.get(path)
        if known is not None:
            return (known[method], {}) if method in known else "method_not_allowed"
        segments = path.split("/")
        miss: Miss = "not_found"
        for template, route in self._patterns:
            params = _match(template, segments)
            if params is None:
                continue
            if route.method == method:
                return route, params
            miss = "method_not_allowed"
        return miss


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    params = {}
    for expected, given in zip(template, segments, strict=True):
        if expected.startswith("{") and given:
            params[expected[1:-1]] = given
        elif expected != given:
            return None
    return params
