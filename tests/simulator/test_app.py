"""Where things are served."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.app import BACKEND_ROUTES, SITE_ROUTES
from tests.simulator.conftest import Running, error_of


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/backend/unknown", (404, "not_found")),
        ("GET", "/unknown", (404, "not_found")),
        ("GET", "/backend/simulator/ledger", (404, "not_found")),
        ("PUT", "/backend/me", (405, "method_not_allowed")),
        ("GET", "/backend", (404, "not_found")),
    ],
)
async def test_misses_are_json_in_the_envelope(
    running: Running, method: str, path: str, answer: tuple[int, str]
) -> None:
    """Section 0.5, for unknown routes too."""
    async with running() as sim:
        assert error_of(await sim.http.request(method, path)) == answer


async def test_api_and_media_are_strangers(running: Running) -> None:
    """The media host serves files only, the site none."""
    async with running() as sim:
        assert (await sim.http.get(f"{sim.address.media_origin}/me")).status_code == 404
        assert (await sim.http.get("/az/files/x/raw")).status_code == 404


def test_no_route_twice() -> None:
    """Each method and template has one handler."""
    keys = [(route.method, route.template) for route in (*BACKEND_ROUTES, *SITE_ROUTES)]
    assert len(keys) == len(set(keys))


def test_what_needs_the_sentinel() -> None:
    """The calls that Sora web protocol, section 2, lists as required."""
    needing = {route.template for route in (*BACKEND_ROUTES, *SITE_ROUTES) if route.needs_sentinel}
    assert needing == {
        "/nf/create",
        "/nf/bulk_create",
        "/nf/create/storyboard",
        "/project_y/profile/drafts/{gen}/long_video_extension",
        "/video_gen",
        "/project_y/post",
    }
