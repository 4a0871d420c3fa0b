"""Routes by method and path."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.endpoint import Answer, Call, Route
from sora_gateway.simulator.router import Router


async def _handler(call: Call) -> Answer:
    del call
    return Answer()


ROUTER = Router(
    Route(method=method, template=template, handler=_handler)
    for method, template in (
        ("GET", "/a"),
        ("GET", "/a/{x}"),
        ("DELETE", "/a/{x}"),
        ("GET", "/a/v2"),
        ("GET", "/a/v2/{x}"),
        ("POST", "/a/{x}/{y}"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "template", "params"),
    [
        ("GET", "/a", "/a", {}),
        ("HEAD", "/a", "/a", {}),
        ("GET", "/a/v2", "/a/v2", {}),
        ("GET", "/a/1", "/a/{x}", {"x": "1"}),
        ("GET", "/a/v2/1", "/a/v2/{x}", {"x": "1"}),
        ("POST", "/a/v2/1", "/a/{x}/{y}", {"x": "v2", "y": "1"}),
        ("DELETE", "/a/1", "/a/{x}", {"x": "1"}),
    ],
)
def test_found(method: str, path: str, template: str, params: dict[str, str]) -> None:
    """Exact templates win; HEAD finds GET."""
    found = ROUTER.find(method, path)
    assert not isinstance(found, str)
    assert (found[0].template, found[1]) == (template, params)


@pytest.mark.parametrize(
    ("method", "path", "miss"),
    [
        ("GET", "/b", "not_found"),
        ("GET", "/a/", "not_found"),
        ("GET", "/a/1/2/3", "not_found"),
        ("POST", "/a", "method_not_allowed"),
        ("PUT", "/a/1", "method_not_allowed"),
    ],
)
def test_missed(method: str, path: str, miss: str) -> None:
    """An empty segment is no parameter; a known path with another method is a 405."""
    assert ROUTER.find(method, path) == miss
