"""Requests of the prediction kind, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.gemini.instances import read_instance
from sora_gateway.web.forms import Form

PICTURE = {"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}
DATA = "data:;base64,AAAA"
VIDEO_ID = "video_" + "0" * 26
VIDEO_URI = f"http://gateway/v1beta/files/{VIDEO_ID.replace('_', '')}:download?alt=media"


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
        ({"lastFrame": {}}, "lastFrame", ErrorKind.UNSUPPORTED),
        ({"video": {}}, "video", ErrorKind.UNSUPPORTED),
        ({"video": {"encodedVideo": "AAAA", "encoding": "video/mp4"}}, "video", ErrorKind.UNSUPPORTED),
        ({"video": {"uri": "https://example.com/a.mp4"}}, "video", ErrorKind.INVALID_REQUEST),
        ({"video": {"uri": VIDEO_URI}, "image": PICTURE}, "image", ErrorKind.INVALID_REQUEST),
        ({"image": {}}, "image", ErrorKind.INVALID_REQUEST),
        ({"referenceImages": {}}, "referenceImages", ErrorKind.INVALID_REQUEST),
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


@pytest.mark.parametrize(
    "uri",
    [
        VIDEO_URI,
        f"files/{VIDEO_ID.replace('_', '')}",
        f"http://gateway/v1/files/{VIDEO_ID}/video/0.mp4?exp=1",
    ],
)
def test_a_video_to_carry_on(uri: str) -> None:
    """By the name that an operation gave it, or by any other address of ours."""
    instance = read_instance(_form({"prompt": "x", "video": {"uri": uri}}), "sora_video2")
    assert instance.start == Start(param="video", job_id=VIDEO_ID, extends=True)


def test_parameters_are_named() -> None:
    """A mistake in them is told by the name they have here."""
    with pytest.raises(GatewayError) as caught:
        read_instance(_form({"prompt": "x"}, parameters="x"), "sora_video2")
    assert caught.value.param == "parameters"
