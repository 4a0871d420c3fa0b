"""Requests that start an operation or ask for one, read."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.surfaces.gemini.long_running.translate import translate_fetch, translate_start
from sora_gateway.web.forms import Form


def test_start() -> None:
    """Makes videos, nothing else."""
    form = Form(fields={"instances": [{"prompt": "x"}], "parameters": {"durationSeconds": 15}})
    draft = translate_start(form, "sora_video2")
    assert draft.kind is MediaKind.VIDEO
    assert draft.wish.fields == {"model": "sora_video2", "prompt": "x", "seconds": 15}


@pytest.mark.parametrize("key", ["operationName", "operation_name"])
def test_fetch(key: str) -> None:
    """The name as it came, and the job in it."""
    name = "publishers/google/models/sora_video2/operations/video_1"
    assert translate_fetch(Form(fields={key: name})) == (name, "video_1")


@pytest.mark.parametrize("name", [None, "", 5, "video_1", "models/m", "operations/"])
def test_no_name(name: object) -> None:
    """400 that says where to get one."""
    with pytest.raises(GatewayError, match="predictLongRunning") as caught:
        translate_fetch(Form(fields={"operationName": name}))
    assert caught.value.param == "operationName"
