"""Streams of every dialect say what they mean to a parser that follows the standard and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.web.streaming import encode_event
from tests.fakes import fails, progresses
from tests.fuzzing import AWKWARD, tries, whole_texts
from tests.gateway import KEY, Gateway

LONGEST_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a browser hands on."""

    name: str
    data: str
    id: str


def parsed(stream: bytes) -> Iterator[Event]:
    """Yield the events of ``stream`` by the rules of the HTML standard, section 9.2.6."""
    name, data, last_id = "", [], ""
    for line in re.split(r"\r\n|\n|\r", stream.decode("utf-8").removeprefix("\ufeff")):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "" if not line:
                if data:
                    yield Event(name=name or "message", data="\n".join(data), id=last_id)
                name, data = "", []
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id" if "\x00" not in value:
                last_id = value
            case _:
                pass


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | whole_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(whole_texts, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["video.progress", "error", "response.completed"])


@given(st.lists(st.tuples(json_texts, st.none() | names, st.none() | st.integers(0)), max_size=4))
@example([("a\nb\rc\u2028d\x00e😀", "error", 7)])
@tries(100)
def test_events_come_back_as_they_were_sent(events: list[tuple[Any, str | None, int | None]]) -> None:
    """Whatever the values hold, one event is one event."""
    stream = b"".join(
        encode_event(data, event=name, id=None if number is None else str(number))
        for data, name, number in events
    )
    found = list(parsed(stream))
    assert [(json.loads(event.data), event.name) for event in found] == [
        (data, name or "message") for data, name, _ in events
    ]
    last = ""
    for event, (_, _, number) in zip(found, events, strict=True):
        last = last if number is None else str(number)
        assert event.id == last


GEMINI = "/v1beta/models/sora_video2:streamGenerateContent?alt=sse"


def spoken(dialect: str, prompt: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return where a dialect streams, what it is asked, and the headers that tell it."""
    said = [{"role": "user", "content": prompt}]
    match dialect:
        case "chat":
            return "/v1/chat/completions", {"model": "sora_video2", "messages": said, "stream": True}, {}
        case "responses":
            return "/v1/responses", {"model": "sora_video2", "input": prompt, "stream": True}, {}
        case "images":
            return "/v1/images/generations", {"model": "sora_image", "prompt": prompt, "stream": True}, {}
        case "messages":
            body = {"model": "sora_video2", "messages": said, "stream": True, "max_tokens": 9}
            return "/v1/messages", body, {"anthropic-version": "2023-06-01", "x-api-key": KEY}
        case _:
            return GEMINI, {"contents": [{"parts": [{"text": prompt}]}]}, {"x-goog-api-key": KEY}


def strings(value: Any) -> Iterator[str]:
    """Yield every text in ``value``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


@pytest.mark.parametrize("dialect", ["chat", "responses", "images", "messages", "gemini"])
@given(prompt=whole_texts, message=whole_texts, is_made=st.booleans())
@example(prompt="data: [DONE]\n\nevent: error", message="a\r\nb\u2028c\x00d\x85😀\n\ndata: {}", is_made=False)
@tries(15)
async def test_what_is_streamed_is_what_was_meant(
    gateway: Gateway, client: httpx2.AsyncClient, dialect: str, prompt: str, message: str, is_made: bool
) -> None:
    """Prompts and reasons of failures stand in the data, whole, and make no events of their own."""
    end = gateway.generations.completes if is_made else fails(ErrorKind.GENERATION_FAILED, f"no: {message}")
    gateway.generations.script, gateway.generations.step_s = (progresses(0.5), end), 0.0
    path, body, headers = spoken(dialect, f"x {prompt}")
    async with asyncio.timeout(LONGEST_S):
        answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200 or "event-stream" not in answer.headers["content-type"]:
        return
    events = list(parsed(answer.content))
    values = [json.loads(event.data) for event in events if event.data != "[DONE]"]
    assert values
    assert all(isinstance(value, dict) for value in values)
    assert all(event.data != "[DONE]" for event in events[:-1])
    assert len(events) == len(re.findall(rb"^data: ", answer.content, re.MULTILINE))
    if not is_made:
        assert any(f"no: {message}".strip() in text for value in values for text in strings(value))


@given(last_id=st.sampled_from(AWKWARD) | st.integers().map(str) | st.just("9" * 400))
@example("٣")
@tries(60)
async def test_any_last_event_id_is_answered(
    gateway: Gateway, client: httpx2.AsyncClient, last_id: str
) -> None:
    """A number that is known goes on from there; anything else gets the state as it is."""
    gateway.generations.script, gateway.generations.step_s = (gateway.generations.completes,), 0.0
    made = (await client.post("/v1/videos", json={"model": "sora_video2", "prompt": "x"})).json()
    value = last_id.encode("utf-8", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    async with asyncio.timeout(LONGEST_S):
        answer = await client.get(f"/v1/videos/{made['id']}/events", headers={"last-event-id": value})
    assert answer.status_code < 500
    if answer.status_code == 200:
        events = list(parsed(answer.content))
        assert all(isinstance(json.loads(event.data), dict) for event in events)
        numbers = [int(event.id) for event in events]
        assert numbers == sorted(numbers)
