"""Prove how requests about endpoints are read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.webhooks import EventType
from sora_gateway.surfaces.openai.webhooks.translate import (
    Changes,
    Wanted,
    translate_create,
    translate_rotation,
    translate_test,
    translate_update,
)
from sora_gateway.web.forms import Form

URL = "https://example.com/"


def form(**fields: Any) -> Form:
    return Form(fields=fields)


def test_create_and_update() -> None:
    """All fields are needed for a new one; what is left out of a change stays."""
    types = (EventType.VIDEO_FAILED,)
    asked = form(name="a", url=URL, event_types=["video.failed"])
    assert translate_create(asked) == Wanted(name="a", url=URL, event_types=types)
    assert translate_update(asked) == Changes(name="a", url=URL, event_types=types)
    assert translate_update(form()) == Changes(name=None, url=None, event_types=None)
    for missing in ("name", "url", "event_types"):
        with pytest.raises(GatewayError) as raised:
            translate_create(Form(fields={**asked.fields, missing: None}))
        assert raised.value.param == missing


@pytest.mark.parametrize(("value", "keeps"), [(None, False), (False, False), (True, True), ("true", True)])
def test_rotation(value: object, keeps: bool) -> None:
    """The old secret goes at once unless it is asked to stay, as at OpenAI."""
    assert translate_rotation(form(keep_old_secret_active_for_24_hours=value)) is keeps
    with pytest.raises(GatewayError, match="true or false"):
        translate_rotation(form(keep_old_secret_active_for_24_hours="soon"))


def test_the_type_of_a_test() -> None:
    """One of those that there are."""
    assert translate_test(form(event_type="video.failed")) is EventType.VIDEO_FAILED
    with pytest.raises(GatewayError, match="there are video"):
        translate_test(form())
