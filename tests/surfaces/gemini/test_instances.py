"""Requests of the prediction kind, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.surfaces.gemini.instances import read_instance
from sora_gateway.web.forms import Form

PICTURE = {"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}
DATA = "data:;base64,AAAA"


def _form(instance: Any, **rest: Any) -> Form:
    return Form(fields={"instances": [instance], **rest})


def test_wish() -> None:
    """The prompt of the instance, the parameters, and ours beside."""
    form = _form({"prompt": "x"}, parameters={"sampleCount": 2}, hd=True)
    instance = read_instance(form, "sora_video2")
    assert instance.wish.fields == {"model": "sora_video2", "prompt": "x", "n": 2, "hd": True}
    assert instance.references == ()
    assert instance.wish.ignored == ()


@pytest.mark.parametrize(
    ("instance", "params"),
    [
        ({"image": PICTURE}, ["image"]),
        ({"image": {"inlineData": {"data": "AAAA", "mime_type": "image/png"}}}, ["image"]),
        ({"referenceImages": [{"image": PICTURE, "referenceType": "asset"}]}, ["referenceImages"]),
        ({"reference_images": [{"reference_image": PICTURE}, PICTURE]}, ["referenceImages"] * 2),
        ({"image": PICTURE, "referenceImages": [{"image": PICTURE}]}, ["image", "referenceImages"]),
        ({"image": None, "referenceImages": []}, []),
    ],
)
def test_pictures(instance: dict[str, Any], params: list[str]) -> None:
    """The first frame comes first."""
    found = read_instance(_form({"prompt": "x", **instance}), "sora_video2").references
    assert [reference.param for reference in found] == params
    assert {reference.source for reference in found} <= {DATA}


@pytest.mark.parametrize("instances", [None, [], "x", ["x"], [{"prompt": "a"}, {"prompt": "b"}]])
def test_exactly_one(instances: Any) -> None:
    """Several instances would be several answers."""
    with pytest.raises(GatewayError, match="one object") as caught:
        read_instance(Form(fields={"instances": instances}), "sora_video2")
    assert caught.value.param == "instances"
    read_instance(Form(fields={"instances": {"prompt": "x"}}), "sora_video2")


@pytest.mark.parametrize(
    ("instance", "param", "kind"),
    [
        ({"lastFrame": PICTURE}, "lastFrame", ErrorKind.UNSUPPORTED),
        ({"video": {"uri": "files/video01k"}}, "video", ErrorKind.UNSUPPORTED),
        ({"mask": PICTURE}, "mask", ErrorKind.UNSUPPORTED),
        (
            {"referenceImages": [{"referenceType": "REFERENCE_TYPE_MASK", "referenceImage": PICTURE}]},
            "referenceImages",
            ErrorKind.UNSUPPORTED,
        ),
        ({"referenceImages": "x"}, "referenceImages", ErrorKind.INVALID_REQUEST),
        ({"referenceImages": [5]}, "referenceImages", ErrorKind.INVALID_REQUEST),
        ({"image": {"gcsUri": "gs://a/b"}}, "image", ErrorKind.INVALID_REQUEST),
    ],
)
def test_refused(instance: dict[str, Any], param: str, kind: ErrorKind) -> None:
    """Nothing is dropped in silence."""
    with pytest.raises(GatewayError) as caught:
        read_instance(_form({"prompt": "x", **instance}), "sora_video2")
    assert (caught.value.param, caught.value.kind) == (param, kind)
