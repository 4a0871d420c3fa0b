"""Requests: the size that callers see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.media import Aspect
from sora_gateway.domain.model_names import TRAITS
from tests.domain.samples import IMAGE, VIDEO


@pytest.mark.parametrize(
    ("hd", "aspect", "size"),
    [
        (False, Aspect.PORTRAIT, "720x1280"),
        (False, Aspect.LANDSCAPE, "1280x720"),
        (True, Aspect.PORTRAIT, "1024x1792"),
        (True, Aspect.LANDSCAPE, "1792x1024"),
    ],
)
def test_size_of_a_video(hd: bool, aspect: Aspect, size: str) -> None:
    """One of the four sizes that strict clients allow."""
    assert replace(VIDEO, hd=hd, aspect=aspect).size == size


@pytest.mark.parametrize("aspect", list(Aspect))
def test_size_of_an_image(aspect: Aspect) -> None:
    """One size for each aspect, the one that the model's capabilities name."""
    assert replace(IMAGE, aspect=aspect).size == TRAITS[IMAGE.family].sizes[aspect]
