"""Model names as Anthropic's objects."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import catalogue
from sora_gateway.surfaces.anthropic.models.render import render_page

NAMES = [model.asked for model in catalogue()]


@pytest.mark.parametrize("limit", [1, 3, 20, 1000])
def test_pages_forward_are_the_catalogue(limit: int) -> None:
    """By ``after_id`` every name comes once, in its order, and then it ends."""
    seen: list[str] = []
    after_id = None
    while True:
        page = render_page(catalogue(), limit=limit, after_id=after_id)
        seen += [model["id"] for model in page["data"]]
        after_id = page["last_id"]
        if not page["has_more"]:
            break
    assert seen == NAMES


def test_pages_backward() -> None:
    """By ``before_id`` they come right before it, still in their order."""
    page = render_page(catalogue(), limit=2, before_id=NAMES[3])
    assert [model["id"] for model in page["data"]] == NAMES[1:3]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (NAMES[1], NAMES[2], True)
    page = render_page(catalogue(), limit=2, before_id=NAMES[1])
    assert ([model["id"] for model in page["data"]], page["has_more"]) == (NAMES[:1], False)


def test_nothing_left() -> None:
    """The ids of an empty piece are null."""
    assert render_page(catalogue(), limit=2, after_id=NAMES[-1]) == {
        "data": [],
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }


@pytest.mark.parametrize("param", ["after_id", "before_id"])
def test_unknown_cursor(param: str) -> None:
    """It is refused: ignored, it would lead to the first page for ever."""
    with pytest.raises(GatewayError) as caught:
        render_page(catalogue(), limit=2, **{param: "gpt-4"})
    assert (caught.value.kind, caught.value.param) == (ErrorKind.NOT_FOUND, param)
