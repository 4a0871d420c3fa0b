"""Conversations, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.anthropic.messages.translate import MAX_PICTURES, translate_messages
from sora_gateway.web.forms import Form

URL = "https://example.com/a.png"
TEXT = {"type": "text", "text": "a"}
LINKED = {"type": "image", "source": {"type": "url", "url": URL}}


def _form(*messages: Any, **fields: Any) -> Form:
    return Form(fields={"model": "sora_image", "messages": list(messages), **fields})


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _inline(data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


@pytest.mark.parametrize(
    ("messages", "prompt", "pictures"),
    [
        ([_user("画小猫")], "画小猫", []),
        ([_user([TEXT, {"type": "text", "text": " "}, {"type": "text", "text": "b"}])], "a\nb", []),
        ([_user([{**TEXT, "cache_control": {"type": "ephemeral"}}, "b"])], "a\nb", []),
        ([_user([LINKED, TEXT])], "a", [URL]),
        ([_user([TEXT, _inline("iVBORw0K"), LINKED])], "a", ["data:;base64,iVBORw0K", URL]),
        ([_user([TEXT, _inline("data:image/png;base64,iVBORw0K")])], "a", ["data:image/png;base64,iVBORw0K"]),
        (
            [
                {"role": "system", "content": "be brief"},
                _user([{"type": "text", "text": "first"}, LINKED]),
                {"role": "assistant", "content": [{"type": "text", "text": "![image](x)"}]},
                _user("last"),
                {"role": "assistant", "content": "prefill"},
            ],
            "last",
            [],
        ),
    ],
)
def test_last_wish(messages: list[Any], prompt: str, pictures: list[str]) -> None:
    """The last user message is the prompt; the others and the system prompt have no say."""
    talk = translate_messages(_form(*messages, system="be brief"))
    assert talk.draft.fields == {"model": "sora_image", "prompt": prompt}
    assert talk.draft.pictures == tuple(pictures)
    assert (talk.prompt, talk.draft.param) == (prompt, "messages")


def test_other_blocks_are_ignored() -> None:
    """Tools, documents and thinking make no picture; their types are kept for the log."""
    blocks = [
        {"type": "tool_result", "tool_use_id": "t", "content": "x"},
        {"type": "document", "source": {"type": "base64", "data": "JVBERi0="}},
        {"type": "tool_result", "tool_use_id": "u"},
        TEXT,
    ]
    talk = translate_messages(_form(_user(blocks)))
    assert talk.prompt == "a"
    assert talk.draft.pictures == ()
    assert talk.ignored == ("document", "tool_result")


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
        [_user([5])],
        [_user([{"text": "a"}])],
        [_user([{"type": "text"}])],
        [_user([LINKED])],
        [_user([{"type": "tool_result", "tool_use_id": "t", "content": "x"}])],
        [_user([TEXT, {"type": "image"}])],
        [_user([TEXT, {"type": "image", "source": URL}])],
        [_user([TEXT, {"type": "image", "source": {"type": "url", "url": 5}}])],
        [_user([TEXT, {"type": "image", "source": {"type": "base64"}}])],
        [_user([TEXT, {"type": "image", "source": {"type": "file", "file_id": ""}}])],
        [_user([TEXT] + [LINKED] * (MAX_PICTURES + 1))],
    ],
)
def test_refused(messages: Any) -> None:
    """400 on ``messages``, never a 500; a picture is never dropped in silence."""
    with pytest.raises(GatewayError) as caught:
        translate_messages(Form(fields={"model": "sora_image", "messages": messages}))
    assert caught.value.param == "messages"


def test_language_model_fields_have_no_meaning() -> None:
    """What clients send for a language model is left alone; parameters of ours pass, from the query too."""
    form = Form(
        fields={
            **_form(_user("x"), max_tokens=1024, temperature=1, tools=[], metadata={"user_id": "u"}).fields,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_format": {"type": "json_schema", "schema": {}},
            "hd": True,
            "prompt": "other",
        },
        query={"seconds": "15", "stream": "true", "beta": "true"},
    )
    talk = translate_messages(form)
    assert talk.draft.fields == {"model": "sora_image", "prompt": "x", "hd": True, "seconds": "15"}
    assert not talk.is_streamed


def test_output_format_of_ours_passes() -> None:
    """A word is the encoding of an image."""
    talk = translate_messages(_form(_user("x"), output_format="jpeg"))
    assert talk.draft.fields["output_format"] == "jpeg"


@pytest.mark.parametrize(
    ("stream", "is_streamed"),
    [(None, False), ("", False), (False, False), ("false", False), (True, True), ("true", True)],
)
def test_streamed_or_not(stream: Any, is_streamed: bool) -> None:
    """As JSON and forms say it."""
    assert translate_messages(_form(_user("x"), stream=stream)).is_streamed is is_streamed


def test_stream_that_is_neither() -> None:
    """Refused by its name."""
    with pytest.raises(GatewayError) as caught:
        translate_messages(_form(_user("x"), stream="yes"))
    assert caught.value.param == "stream"


def test_what_was_said_before() -> None:
    """Answers before the last wish, the newest first; not where the wish brings something along."""
    messages = [
        _user("x"),
        {"role": "assistant", "content": "one"},
        _user("y"),
        {"role": "assistant", "content": [{"type": "text", "text": "two"}, {"type": "thinking"}, "three"]},
        _user("z"),
        {"role": "assistant", "content": "prefill"},
    ]
    assert translate_messages(_form(*messages)).draft.said == ("two", "three", "one")
    assert translate_messages(_form(*messages, _user([TEXT, LINKED]))).draft.said == ()


def test_a_video_that_is_named() -> None:
    """It is to be changed; its name is no part of the prompt."""
    video_id = "video_" + "0123456789" * 2 + "abcdef"
    talk = translate_messages(_form({"role": "assistant", "content": "x"}, _user(f"{video_id} at night")))
    assert talk.draft.start == Start(param="messages", job_id=video_id)
    assert (talk.prompt, talk.draft.fields["prompt"], talk.draft.said) == ("at night", "at night", ())
