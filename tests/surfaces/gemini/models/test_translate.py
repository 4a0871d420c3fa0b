"""Pieces of the list."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.gemini.models.translate import Listing, translate_listing


@pytest.mark.parametrize(
    ("query", "start", "size"),
    [
        ({}, 0, 50),
        ({"pageSize": "5"}, 0, 5),
        ({"page_size": "5", "page_token": "10"}, 10, 5),
        ({"pageSize": "0", "pageToken": ""}, 0, 50),
        ({"pageSize": "5000"}, 0, 1000),
    ],
)
def test_listing(query: dict[str, str], start: int, size: int) -> None:
    """Either spelling; 0 means the default."""
    assert translate_listing(query) == Listing(start=start, size=size)


@pytest.mark.parametrize("name", ["pageSize", "pageToken"])
@pytest.mark.parametrize("value", ["-1", "many", "1.5"])
def test_refused(name: str, value: str) -> None:
    """400 that names the parameter."""
    with pytest.raises(GatewayError, match=name) as caught:
        translate_listing({name: value})
    assert caught.value.param == name
