"""Reading the samples of the protocol document, and tolerance towards everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sora_gateway.upstreams.sora_web.wire import (
    Answer,
    Created,
    Draft,
    Generation,
    Task,
    UnreadableError,
    Uploaded,
    drafts_page,
    pending_page,
    post_id,
    problem,
    recent_page,
)
from tests.upstreams.sora_web.support import answer_of, sample


def test_the_pending_list_of_the_document() -> None:
    """Section 7.1: a bare array with what a task was asked for."""
    page = pending_page(sample("pending"))
    task = page.rows[0]
    assert page.is_whole
    assert (task.id, task.status, task.progress_pct) == ("task_01kq3z0s7hf1t8m4x5d2j9bwnc", "running", 0.42)
    assert task.creation_config is not None
    assert (task.creation_config.orientation, task.creation_config.n_frames) == ("landscape", 300)
    assert task.creation_config.style is not None
    assert task.creation_config.style.id == "news"


def test_the_drafts_of_the_document() -> None:
    """Section 7.3: a result, a refusal and an error, with the cursor to the next page."""
    page = drafts_page(sample("drafts"))
    good, refused, broken = page.rows
    assert page.onward == "eyJrIjoi…"
    assert (good.task_id, good.kind, good.refusal) == ("task_01kq3z0s7hf1t8m4x5d2j9bwnc", "sora_draft", None)
    assert good.created_at == 1774606312.418
    assert refused.refusal is not None
    assert refused.refusal.startswith("This content may violate")
    assert (broken.kind, broken.refusal) == ("sora_error", "some_code")


def test_the_image_task_of_the_document() -> None:
    """Section 5.3: the whole file is the source encoding, times are ISO texts."""
    task = Task.model_validate(sample("image_task"))
    assert task.generations[0].link == "https://videos.openai.com/az/vg-assets/…/img_0.png?se=…&sig=…"
    assert task.created_at == 1773483782.187411
    assert task.moderation_result is not None
    assert not task.moderation_result.is_refusal


def test_the_small_answers_of_the_document() -> None:
    """Sections 4.1 and 6.3."""
    assert Created.model_validate(sample("nf_create")).id == "task_01kq3z0s7hf1t8m4x5d2j9bwnc"
    assert Uploaded.model_validate(sample("upload")).id == "media_01kq3txxg1e7ybr94d8mzs5p6c"


@pytest.mark.parametrize(
    "value",
    [
        [{"id": "task_1"}],
        {"items": [{"id": "task_1"}]},
        {"tasks": [{"task_id": "task_1"}]},
        {"task_responses": [{"id": None, "task_id": "task_1"}]},
    ],
)
def test_lists_come_in_several_wrappings(value: Any) -> None:
    """C25 of the document: bare, under ``items``, under ``tasks``; ``id`` or ``task_id``."""
    assert [task.id for task in pending_page(value).rows] == ["task_1"]


def body(data: bytes) -> Answer:
    """Return an answer of these bytes."""
    return Answer(status=200, headers={}, body=data)


@pytest.mark.parametrize(
    "data",
    [
        b' {"a": [1, 1.5, -0.0, 1e400, 123456789012345678901234567890], "a\\u00e9": null} ',
        b'"\\ud83d\\ude00"',
        b'{"half": "\\ud800"}',
        '{"é": "ü"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1, "a": 2}',
        b"[NaN]",
        b"[" * 150 + b"]" * 150,
    ],
)
def test_whatever_is_json_is_read(data: bytes) -> None:
    """As the standard library reads it."""
    assert repr(body(data).json()) == repr(json.loads(data))


@pytest.mark.parametrize("data", [b"", b"<html>", b"{", b"\xff\xff", b"[" * 300 + b"]" * 300, b"[" * 90_000])
def test_what_is_no_json_or_too_deep_is_unreadable(data: bytes) -> None:
    """So is what has no end."""
    with pytest.raises(UnreadableError):
        body(data).json()


@pytest.mark.parametrize("parse", [pending_page, recent_page, drafts_page])
@pytest.mark.parametrize("value", [{}, None, "x", 3, {"items": None}, {"error": {"code": "x"}}])
def test_what_is_no_list_is_unreadable(parse: Any, value: Any) -> None:
    """An answer without a list is never taken for an empty list."""
    with pytest.raises(UnreadableError):
        parse(value)


def test_an_odd_entry_does_not_hide_the_others() -> None:
    """An entry without an id is skipped, and the page says that it is not whole."""
    page = pending_page([{"id": "task_1"}, {"status": "queued"}, "x", {"id": 7}])
    assert [task.id for task in page.rows] == ["task_1"]
    assert not page.is_whole


def test_recent_tasks_lead_on_by_the_last_id() -> None:
    """Section 5.4: ``last_id``, or the last entry's own; the very old feed is unwrapped."""
    rows = [{"id": "task_2"}, {"id": "task_1"}]
    assert recent_page({"task_responses": rows, "last_id": "task_x", "has_more": True}).onward == "task_x"
    assert recent_page({"tasks": rows, "has_more": True}).onward == "task_1"
    assert recent_page({"tasks": rows, "last_id": "task_1", "has_more": False}).onward is None
    assert recent_page({"tasks": [], "last_id": "task_1", "has_more": True}).onward is None
    assert recent_page({"data": [{"ordering_key": 1, "payload": {"id": "task_1"}}]}).rows[0].id == "task_1"


def test_nonsense_in_unneeded_fields_counts_as_not_said() -> None:
    """Only the id is strict; a wrong type elsewhere is nothing at all."""
    task = Task.model_validate(
        {
            "id": "t",
            "status": 5,
            "progress_pct": "nan",
            "title": ["x"],
            "created_at": "yesterday",
            "generations": {"a": 1},
            "creation_config": "x",
            "moderation_result": [],
            "width": True,
            "n_frames": "300",
        }
    )
    assert (task.status, task.progress_pct, task.title, task.created_at) == (None, None, None, None)
    assert (task.generations, task.creation_config, task.moderation_result) == ([], None, None)
    assert (task.width, task.n_frames) == (None, 300)
    assert Draft.model_validate({"id": "g", "encodings": {"source": 3}, "url": ""}).url is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ("s_1", "s_1"),
        ({"id": "s_1"}, "s_1"),
        ({"post": {"id": "s_1"}, "profile": {}}, "s_1"),
        ({"post": None}, None),
        ({"id": 5}, None),
        ([], None),
    ],
)
def test_a_post_comes_in_several_wrappings(said: Any, expected: str | None) -> None:
    """Sections 7.3 and 8.1: its id, the post, or the post beside its profile."""
    assert post_id(said) == expected
    assert Draft.model_validate({"id": "gen_1", "post": said}).post_id == expected


@pytest.mark.parametrize(
    ("generation", "link"),
    [
        ({"url": "https://u", "encodings": {"source": {"path": "https://s"}}}, "https://s"),
        ({"url": "https://u", "encodings": {"source": {"url": "https://s"}}}, "https://s"),
        ({"url": "https://u", "encodings": {"source": {"path": "az/internal/1"}}}, "https://u"),
        ({"url": "https://u", "encodings": None}, "https://u"),
        ({"url": "https://u", "deleted_at": "2026-01-01T00:00:00Z"}, None),
        ({"url": "https://u", "download_status": "processing"}, None),
        ({"url": "https://u", "download_status": "ready"}, "https://u"),
        ({}, None),
    ],
)
def test_which_link_of_a_generation(generation: dict[str, Any], link: str | None) -> None:
    """Section 5.3: the source where it is an address, and nothing deleted or unready."""
    assert Generation.model_validate(generation).link == link


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"error": {"code": "Heavy_Load", "message": "m"}}, "heavy_load", "m"),
        ({"error": "invalid_grant", "error_description": "d"}, "invalid_grant", "d"),
        ({"error": "Missing bearer authentication in header"}, "", "Missing bearer authentication in header"),
        ({"type": "rate_limit_exhausted"}, "", ""),
        ({"detail": "Not found"}, "", "Not found"),
        ({"message": "m", "code": "c"}, "c", "m"),
        ([1], "", ""),
        ("<html>", "", ""),
        ('{"error": ', "", ""),
    ],
)
def test_what_a_problem_says(body: Any, code: str, text: str) -> None:
    """Section 0.5: an object, a plain text, plain OAuth, or nothing that is understood."""
    said = problem(answer_of(body, 400))
    assert (said.error_code, said.text) == (code, text)


@pytest.mark.parametrize(
    ("body", "headers", "is_page"),
    [
        ("<!DOCTYPE html><p>x", {}, True),
        ("  <HTML>", {}, True),
        ("{}", {"content-type": "text/html; charset=utf-8"}, True),
        ("{}", {"content-type": "application/json"}, False),
        ("", {}, False),
    ],
)
def test_what_is_a_page(body: str, headers: dict[str, str], is_page: bool) -> None:
    """An edge layer's page is told by its type or by its first tag."""
    assert answer_of(body, 200, **headers).is_page is is_page
