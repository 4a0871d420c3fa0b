"""Requests of the Videos API, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, Variant
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.openai.videos.translate import (
    UNKNOWN_EVENT,
    translate_create,
    translate_detail,
    translate_edit,
    translate_extension,
    translate_last_event,
    translate_remix,
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


def refused(function: Any, *arguments: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        function(*arguments)
    return caught.value


@pytest.mark.parametrize(("ratio", "aspect"), [("16:9", Aspect.LANDSCAPE), (" 9:16 ", Aspect.PORTRAIT)])
def test_aspect_ratio(ratio: str, aspect: Aspect) -> None:
    """It decides as a size does."""
    draft = translate_create(Form(fields={"prompt": "x", "aspect_ratio": ratio}))
    assert draft.resolve(draft.fields).request.aspect is aspect
    both = translate_create(
        Form(fields={"prompt": "x", "aspect_ratio": ratio, "size": draft.fields["size"], "duration": 15})
    )
    assert both.resolve(both.fields).request.duration_s == 15


@pytest.mark.parametrize(
    "fields", [{"aspect_ratio": "4:3"}, {"aspect_ratio": 16}, {"aspect_ratio": "16:9", "size": "720x1280"}]
)
def test_aspect_ratio_refused(fields: dict[str, Any]) -> None:
    """Unknown ones, and one that contradicts the size."""
    error = refused(translate_create, Form(fields={"prompt": "x", **fields}))
    assert error.param == "aspect_ratio"


def test_aspect_ratio_against_the_model() -> None:
    """The refusal names the field that was sent."""
    draft = translate_create(
        Form(fields={"prompt": "x", "aspect_ratio": "16:9", "model": "sora_video2-portrait"})
    )
    error = refused(draft.resolve, draft.fields)
    assert error.param == "aspect_ratio"
    assert "sora_video2-portrait" in error.message


def test_frames() -> None:
    """A first frame is a picture to start from; a last one cannot be had."""
    frame = {"type": "image_url", "image_url": {"url": "https://a/b.png"}, "frame_type": "first_frame"}
    draft = translate_create(Form(fields={"prompt": "x", "frame_images": [frame]}))
    assert [(one.param, one.source) for one in draft.references] == [("frame_images", "https://a/b.png")]
    assert draft.fields == {"prompt": "x"}
    last = {**frame, "frame_type": "last_frame"}
    error = refused(translate_create, Form(fields={"prompt": "x", "frame_images": [frame, last]}))
    assert (error.kind, error.param) == (ErrorKind.UNSUPPORTED, "frame_images")


JOB = "video_" + "0" * 26
POST = "s_" + "a" * 32


def test_remix() -> None:
    """The path names a video of the caller's, or a shared one."""
    form = Form(fields={"prompt": "x", "video": "kept", "image": "https://a"}, query={"style": "anime"})
    draft = translate_remix(form, "video_unknown")
    assert draft.start == Start(param="video_id", job_id="video_unknown")
    assert draft.fields == {"prompt": "x", "video": "kept", "style": "anime"}
    assert [reference.param for reference in draft.references] == ["image"]
    assert translate_remix(form, POST).start == Start(param="video_id", post_id=POST)


@pytest.mark.parametrize(
    ("video", "start"),
    [
        ({"id": JOB}, Start(param="video", job_id=JOB)),
        ({"id": " unknown "}, Start(param="video", job_id="unknown")),
        (JOB, Start(param="video", job_id=JOB)),
        ("video_unknown", Start(param="video", job_id="video_unknown")),
        (f"https://host/sora/v1/videos/{JOB}/content?variant=video", Start(param="video", job_id=JOB)),
        (f"https://sora.example/p/{POST}?x=1", Start(param="video", post_id=POST)),
        ({"id": POST}, Start(param="video", post_id=POST)),
    ],
)
def test_edit(video: Any, start: Start) -> None:
    """``video`` as an object, a text or a link of ours."""
    draft = translate_edit(Form(fields={"prompt": "x", "video": video}))
    assert (draft.start, dict(draft.fields)) == (start, {"prompt": "x"})
    extension = translate_extension(Form(fields={"prompt": "x"}, query={"video": video}))
    assert extension.start == Start(param="video", job_id=start.job_id, post_id=start.post_id, extends=True)


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (Form(fields={}), ErrorKind.INVALID_REQUEST),
        (Form(fields={"video": {"id": ""}}), ErrorKind.INVALID_REQUEST),
        (Form(fields={"video": ["video_1"]}), ErrorKind.INVALID_REQUEST),
        (Form(fields={"video": 7}), ErrorKind.INVALID_REQUEST),
        (Form(fields={}, files={"video": ()}), ErrorKind.UNSUPPORTED),
        (Form(fields={"video": "https://example.org/a.mp4"}), ErrorKind.UNSUPPORTED),
        (Form(fields={"video": "data:video/mp4;base64,AAAA"}), ErrorKind.UNSUPPORTED),
        (Form(fields={"video": "A" * 5000}), ErrorKind.UNSUPPORTED),
    ],
)
def test_no_video_of_ours(form: Form, kind: ErrorKind) -> None:
    """Missing or shapeless: 400; a file or a strange link: not supported. Always by the field's name."""
    for translate in (translate_edit, translate_extension):
        error = refused(translate, form)
        assert (error.kind, error.param) == (kind, "video")


def test_extension_takes_no_picture() -> None:
    """It begins where its video ends."""
    form = Form(fields={"video": JOB, "input_reference": "https://a"})
    assert refused(translate_extension, form).param == "input_reference"


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


@pytest.mark.parametrize(("given", "wanted"), [(None, False), ("", False), ("true", True), ("False", False)])
def test_detail(given: str | None, wanted: bool) -> None:
    """How a job went is shown to those who ask for it."""
    assert translate_detail({} if given is None else {"detail": given}) is wanted


def test_unreadable_detail() -> None:
    """400 that names the field and what is right."""
    with pytest.raises(GatewayError, match="true and false") as caught:
        translate_detail({"detail": "1"})
    assert caught.value.param == "detail"
