"""Conversations, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.openai.chat.translate import translate_chat
from sora_gateway.web.forms import Form

URL = "https://example.com/a.png"


def _form(*messages: Any, **fields: Any) -> Form:
    return Form(fields={"model": "sora_image", "messages": list(messages), **fields})


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
    draft = translate_chat(_form(*messages)).draft
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
    talk = translate_chat(form)
    assert talk.draft.fields == {"model": "sora_image", "prompt": "x", "hd": True, "seconds": "15"}
    assert not talk.is_streamed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (False, False, False)),
        ({"stream": True}, (True, False, False)),
        ({"stream": True, "stream_options": {"include_usage": True}}, (True, True, False)),
        ({"stream_options": None, "modalities": None}, (False, False, False)),
        ({"modalities": ["text", "image"]}, (False, False, True)),
        ({"modalities": ["text"]}, (False, False, False)),
    ],
)
def test_shape_of_the_answer(fields: dict[str, Any], expected: tuple[bool, bool, bool]) -> None:
    """Streamed or not, with usage or not, with pictures or links."""
    talk = translate_chat(_form(_user("x"), **fields))
    assert (talk.is_streamed, talk.has_usage, talk.wants_images) == expected
