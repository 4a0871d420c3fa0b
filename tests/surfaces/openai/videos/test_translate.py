"""Requests of the Videos API, read."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.media import Variant
from sora_gateway.surfaces.openai.videos.translate import (
    UNKNOWN_EVENT,
    Listing,
    translate_create,
    translate_last_event,
    translate_listing,
    translate_variant,
)
from sora_gateway.web.forms import Form


def test_create() -> None:
    """Fields and pictures are told apart; the query's known fields join."""
    form = Form(
        fields={"prompt": "x", "input_reference": "https://a", "extra": 1},
        query={"seconds": "15", "utm_source": "mail"},
    )
    draft = translate_create(form)
    assert draft.fields == {"prompt": "x", "extra": 1, "seconds": "15"}
    assert [(reference.param, reference.source) for reference in draft.references] == [
        ("input_reference", "https://a")
    ]


@pytest.mark.parametrize(
    ("query", "listing"),
    [
        ({}, Listing(after=None, limit=20, ascending=False)),
        ({"after": "", "order": "asc"}, Listing(after=None, limit=20, ascending=True)),
        ({"after": "v", "limit": "1", "order": "desc"}, Listing(after="v", limit=1, ascending=False)),
        ({"limit": "100"}, Listing(after=None, limit=100, ascending=False)),
    ],
)
def test_listing(query: dict[str, str], listing: Listing) -> None:
    """Newest first, twenty at a time."""
    assert translate_listing(query) == listing


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
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


def test_variant() -> None:
    """The file that is wanted; pictures of image jobs are none of a video's."""
    assert translate_variant({}) is Variant.VIDEO
    assert translate_variant({"variant": "spritesheet"}) is Variant.SPRITESHEET
    for name in ("image", "gif", ""):
        with pytest.raises(GatewayError) as caught:
            translate_variant({"variant": name})
        assert caught.value.param == "variant"


@pytest.mark.parametrize(
    ("headers", "query", "seen"),
    [
        ({}, {}, None),
        ({"last-event-id": ""}, {}, None),
        ({"last-event-id": "7"}, {"last_event_id": "3"}, 7),
        ({}, {"last_event_id": "3"}, 3),
        ({"last-event-id": "abc"}, {}, UNKNOWN_EVENT),
        ({"last-event-id": "-2"}, {}, UNKNOWN_EVENT),
    ],
)
def test_last_event(headers: dict[str, str], query: dict[str, str], seen: int | None) -> None:
    """The header goes before the query; what cannot be read is an unknown event."""
    assert translate_last_event(headers, query) == seen
