"""Conversations, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.starts import Start
from sora_gateway.domain.text_models import Wording
from sora_gateway.surfaces.openai.chat.translate import Shape, Talk, translate_chat, translate_shape
from sora_gateway.web.forms import Form

URL = "https://example.com/a.png"
VIDEO, OTHER = "video_" + "0123456789" * 2 + "abcdef", "video_" + "9876543210" * 2 + "abcdef"
LINK = f"http://gateway/sora/v1/files/{VIDEO}/video/0.mp4?exp=1763900000&sig=a-b_c"


def _form(*messages: Any, **fields: Any) -> Form:
    return Form(fields={"model": "sora_image", "messages": list(messages), **fields})


def _talk(form: Form) -> Talk:
    talk = translate_chat(form)
    assert isinstance(talk, Talk)
    return talk


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("messages", "prompt", "urls"),
    [
        ([_user("画小猫")], "画小猫", []),
        ([_user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])], "a\nb", []),
        ([_user([{"type": "input_text", "text": "a"}, "b"])], "a\nb", []),
        (
            [
                _user(
                    [
                        {"type": "text", "text": "a"},
                        {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
                    ]
                )
            ],
            "a",
            [URL],
        ),
        ([_user([{"type": "image_url", "image_url": URL}, {"type": "text", "text": "a"}])], "a", [URL]),
        ([_user([{"type": "input_image", "image_url": URL}, {"type": "text", "text": "a"}])], "a", [URL]),
        (
            [
                {"role": "system", "content": "be brief"},
                _user("first"),
                {"role": "assistant", "content": None},
                _user("last"),
                {"role": "assistant", "content": "said"},
            ],
            "last",
            [],
        ),
    ],
)
def test_last_wish(messages: list[Any], prompt: str, urls: list[str]) -> None:
    """The last user message is the prompt; the others have no say."""
    draft = _talk(_form(*messages)).draft
    assert draft.fields == {"model": "sora_image", "prompt": prompt}
    assert [reference.source for reference in draft.references] == urls


@pytest.mark.parametrize(
    "messages",
    [
        [],
        None,
        "text",
        ["text"],
        [{"role": "assistant", "content": "x"}],
        [{"content": "x"}],
        [_user(None)],
        [_user("")],
        [_user("   ")],
        [_user([])],
        [_user({"text": "x"})],
        [_user([{"type": "image_url", "image_url": {"url": URL}}])],
        [_user([{"type": "image_url", "image_url": 5}, {"type": "text", "text": "a"}])],
        [_user([{"type": "input_audio", "input_audio": {}}, {"type": "text", "text": "a"}])],
        [_user([{"type": "file", "file": {}}, {"type": "text", "text": "a"}])],
        [_user([5])],
        [_user([{"text": "a"}])],
        [_user([{"type": "text", "text": "a"}] + [{"type": "image_url", "image_url": URL}] * 17)],
    ],
)
def test_refused(messages: Any) -> None:
    """400 on ``messages``, never a 500, and nothing is dropped in silence."""
    with pytest.raises(GatewayError) as caught:
        translate_chat(Form(fields={"model": "sora_image", "messages": messages}))
    assert caught.value.param == "messages"


def test_language_model_fields_have_no_meaning() -> None:
    """What chat clients send along is taken and left alone; parameters of ours pass, from the query too."""
    form = Form(
        fields={
            **_form(_user("x"), temperature=1, tools=[], response_format={"type": "text"}, seed=1).fields,
            "hd": True,
            "prompt": "other",
        },
        query={"seconds": "15", "stream": "true"},
    )
    talk = _talk(form)
    assert talk.draft.fields == {"model": "sora_image", "prompt": "x", "hd": True, "seconds": "15"}
    assert not translate_shape(form).is_streamed


ALL_PARAMETERS = {
    "size": "1280x720",
    "n": "2",
    "watermark": "true",
    "seconds": "15",
    "hd": "true",
    "private": "true",
    "style": "anime",
    "storyboard": "true",
    "character_url": "https://example.com/v.mp4",
    "character_timestamps": "1,3",
    "character_from_task": VIDEO,
    "character_create": "true",
    "remix_target_id": VIDEO,
    "dry_run": "true",
}


@pytest.mark.parametrize("is_query", [True, False])
def test_every_parameter_passes(is_query: bool) -> None:
    """From the body and from the query; the model too."""
    messages = {"messages": [_user("x")]}
    parameters = {"model": "sora_video2", **ALL_PARAMETERS}
    form = Form(fields=messages, query=parameters) if is_query else Form(fields={**messages, **parameters})
    assert _talk(form).draft.fields == {**parameters, "prompt": "x"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Shape()),
        ({"stream": True}, Shape(is_streamed=True)),
        (
            {"stream": True, "stream_options": {"include_usage": True}},
            Shape(is_streamed=True, has_usage=True),
        ),
        ({"stream_options": None, "modalities": None}, Shape()),
        ({"modalities": ["text", "image"]}, Shape(wants_images=True)),
        ({"modalities": ["text"]}, Shape()),
        ({"close_reasoning_content": True}, Shape(hides_progress=True)),
        (
            {"close_reasoning_content": "true", "return_reasoning_content": "False"},
            Shape(hides_progress=True),
        ),
        ({"return_reasoning_content": "true"}, Shape(tells_progress=True)),
        ({"return_reasoning_content": False}, Shape()),
    ],
)
def test_shape_of_the_answer(fields: dict[str, Any], expected: Shape) -> None:
    """Streamed or not, with usage or not, with pictures or links, with progress or not."""
    assert translate_shape(_form(_user("x"), **fields)) == expected


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        ({}, {"close_reasoning_content": "true"}, Shape(hides_progress=True)),
        (
            {"return_reasoning_content": True},
            {"return_reasoning_content": "true"},
            Shape(tells_progress=True),
        ),
    ],
)
def test_progress_is_asked_for_in_the_query_too(
    body: dict[str, Any], query: dict[str, Any], expected: Shape
) -> None:
    """The same in both is no contradiction."""
    assert translate_shape(Form(fields=body, query=query)) == expected


@pytest.mark.parametrize(
    ("body", "query", "param"),
    [
        ({"close_reasoning_content": True, "return_reasoning_content": True}, {}, "close_reasoning_content"),
        ({"close_reasoning_content": True}, {"close_reasoning_content": "false"}, "close_reasoning_content"),
        ({"return_reasoning_content": "yes"}, {}, "return_reasoning_content"),
        ({}, {"return_reasoning_content": "1"}, "return_reasoning_content"),
        ({"stream": "perhaps"}, {}, "stream"),
    ],
)
def test_contradictions(body: dict[str, Any], query: dict[str, Any], param: str) -> None:
    """Refused, by name."""
    with pytest.raises(GatewayError) as caught:
        translate_shape(Form(fields=body, query=query))
    assert caught.value.param == param


@pytest.mark.parametrize(
    "content",
    [
        f"{VIDEO} 再加一只小狗",
        f"再加一只小狗 {LINK}",
        [{"type": "text", "text": "再加一只小狗"}, {"type": "video_url", "video_url": {"url": LINK}}],
        [{"type": "text", "text": f"再加一只小狗 {LINK}"}, {"type": "video_url", "video_url": VIDEO}],
        [{"type": "text", "text": "再加一只小狗"}, {"type": "file", "file": {"file_id": VIDEO}}],
    ],
)
def test_a_video_that_is_named_is_to_be_changed(content: Any) -> None:
    """In the text, where the name goes out of the prompt, or as a part."""
    talk = _talk(_form(_user("x"), {"role": "assistant", "content": "y"}, _user(content)))
    assert talk.draft.start == Start(param="messages", job_id=VIDEO)
    assert talk.draft.fields["prompt"] == "再加一只小狗"
    assert talk.said == ()


def test_a_shared_video_is_to_be_changed() -> None:
    """By its link at the backend."""
    post = "s_" + "0a" * 16
    talk = _talk(_form(_user(f"https://sora.chatgpt.com/p/{post} at night")))
    assert talk.draft.start == Start(param="messages", post_id=post)
    assert talk.draft.fields["prompt"] == "at night"


@pytest.mark.parametrize(
    "content",
    [
        VIDEO,
        [{"type": "text", "text": f"{VIDEO} at night"}, {"type": "video_url", "video_url": OTHER}],
        [{"type": "text", "text": f"{VIDEO} and {OTHER} at night"}],
    ],
)
def test_unclear_changes(content: Any) -> None:
    """Nothing but a name, or two videos."""
    with pytest.raises(GatewayError) as caught:
        translate_chat(_form(_user(content), model="sora_video2"))
    assert caught.value.param == "messages"


def test_another_video_makes_a_character() -> None:
    """``character_url`` stands for the part, unless it says something else."""
    part = {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4"}}
    form = _form(_user([{"type": "text", "text": f"{VIDEO} with this"}, part]), model="sora_video2")
    talk = _talk(form)
    assert talk.draft.fields["character_url"] == "https://example.com/v.mp4"
    assert talk.draft.start == Start(param="messages", job_id=VIDEO)
    with pytest.raises(GatewayError) as caught:
        translate_chat(Form(fields=form.fields, query={"character_url": "https://example.com/other.mp4"}))
    assert caught.value.param == "character_url"


def test_what_was_said_before() -> None:
    """Answers before the last wish, the newest first; what the wish brings along comes before them."""
    messages = [
        {"role": "assistant", "content": "one"},
        _user("x"),
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}],
        },
        {"role": "tool", "content": "no"},
        {"role": "assistant", "content": None, "tool_calls": []},
        _user("make it darker"),
        {"role": "assistant", "content": "after"},
    ]
    assert _talk(_form(*messages)).said == ("two", "three", "one")
    picture = {"type": "image_url", "image_url": {"url": URL}}
    last = _user([{"type": "text", "text": "make it darker"}, picture])
    assert _talk(_form(*messages, last)).said == ()


def test_pictures_that_were_said_before() -> None:
    """Those that an answer held as ``images`` go along when it is sent back."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "index": 0}
    answer = {"role": "assistant", "content": "Here.", "images": [image]}
    assert _talk(_form(_user("x"), answer, _user("darker"))).said == ("Here.", "data:image/png;base64,AAAA")


def test_a_text_model() -> None:
    """The prompt goes to it as it is, with the video that it names."""
    asked = translate_chat(_form(_user(f"{VIDEO} at night"), model="prompt-enhance-long-15s|[free]"))
    assert isinstance(asked, Wording)
    assert (asked.prompt, asked.model.level, asked.model.duration_s, asked.model.groups) == (
        f"{VIDEO} at night",
        "long",
        15,
        ("free",),
    )


@pytest.mark.parametrize(
    ("part", "fields", "param"),
    [
        ({"type": "image_url", "image_url": URL}, {}, "messages"),
        ({"type": "video_url", "video_url": "https://example.com/v.mp4"}, {}, "messages"),
        ({"type": "video_url", "video_url": VIDEO}, {}, "messages"),
        ("more", {"size": "720x1280"}, "size"),
        ("more", {"model": "prompt-enhance-long"}, "model"),
    ],
)
def test_what_a_text_model_cannot_do(part: Any, fields: dict[str, Any], param: str) -> None:
    """Pictures, videos and their parameters are refused."""
    form = _form(_user(["x", part]), **{"model": "prompt-enhance-long-15s", **fields})
    with pytest.raises(GatewayError) as caught:
        translate_chat(form)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("modalities", "image"),
        ("modalities", {"image": True}),
        ("stream_options", "x"),
        ("stream_options", [1]),
    ],
)
def test_shapes_of_the_wrong_type(name: str, value: Any) -> None:
    """They are refused by name, never dropped."""
    with pytest.raises(GatewayError) as caught:
        translate_shape(Form(fields={name: value}))
    assert caught.value.param == name
