"""``/sora`` and the root serve the same."""

from __future__ import annotations

import httpx2
import pytest

from sora_gateway.web.mounts import mounted, path_below


@pytest.mark.parametrize(
    ("path", "root", "new_path", "new_root", "below"),
    [
        ("/v1/videos", "", "/v1/videos", "", "/v1/videos"),
        ("/sora/v1/videos", "", "/sora/v1/videos", "/sora", "/v1/videos"),
        ("/sora/v1/videos/", "", "/sora/v1/videos", "/sora", "/v1/videos"),
        ("/sora", "", "/sora/", "/sora", "/"),
        ("/sora/", "", "/sora/", "/sora", "/"),
        ("/sorax/v1", "", "/sorax/v1", "", "/sorax/v1"),
        ("/v1x//videos", "", "/v1x//videos", "", "/v1x//videos"),
        ("//sora//v1//videos", "", "/sora/v1/videos", "/sora", "/v1/videos"),
        ("/v1beta//models/", "", "/v1beta/models", "", "/v1beta/models"),
        (
            "/v1/files/http://host/files/a",
            "",
            "/v1/files/http://host/files/a",
            "",
            "/v1/files/http://host/files/a",
        ),
        ("/console/", "", "/console/", "", "/console/"),
        ("/sora/console/", "", "/sora/console/", "/sora", "/console/"),
        ("/healthz/", "", "/healthz", "", "/healthz"),
        ("/", "", "/", "", "/"),
        ("/gw/sora/v1/videos", "/gw", "/gw/sora/v1/videos", "/gw/sora", "/v1/videos"),
        ("/gw/v1/videos", "/gw", "/gw/v1/videos", "/gw", "/v1/videos"),
    ],
)
def test_mounted(path: str, root: str, new_path: str, new_root: str, below: str) -> None:
    """The prefix moves into the root path; slashes too many go, but only where they mean nothing."""
    scope = {"type": "http", "path": path, "root_path": root}
    after = mounted(scope)
    assert (after["path"], after["root_path"]) == (new_path, new_root)
    assert path_below(after) == below
    assert scope == {"type": "http", "path": path, "root_path": root}


@pytest.mark.parametrize(
    "path", ["/v1/models", "/sora/v1/models", "/sora/v1/models/", "/v1/models/", "http://gateway//v1/models"]
)
async def test_both_mounts_answer(client: httpx2.AsyncClient, path: str) -> None:
    """With and without the prefix, with and without a trailing slash."""
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.json()["object"] == "list"
