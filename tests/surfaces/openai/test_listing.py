"""Which piece of a list is wanted."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.openai.listing import Listing, translate_listing


@pytest.mark.parametrize(
    ("query", "listing"),
    [
        ({}, Listing(after=None, limit=20, ascending=False)),
        ({"after": "", "order": "asc"}, Listing(after=None, limit=20, ascending=True)),
        ({"after": "v", "limit": "1", "order": "desc"}, Listing(after="v", limit=1, ascending=False)),
        ({"limit": "100"}, Listing(after=None, limit=100, ascending=False)),
        ({"limit": "0"}, Listing(after=None, limit=0, ascending=False)),
    ],
)
def test_listing(query: dict[str, str], listing: Listing) -> None:
    """Newest first, twenty at a time."""
    assert translate_listing(query) == listing


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"order": "DESC"}, "order"),
    ],
)
def test_listing_refused(query: dict[str, str], param: str) -> None:
    """Named, with what is allowed."""
    with pytest.raises(GatewayError) as caught:
        translate_listing(query)
    assert caught.value.param == param
