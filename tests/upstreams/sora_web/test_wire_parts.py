"""Prove that fields which are read late say the same as those of a model, and what links are followed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import create_model

from sora_gateway.upstreams.sora_web.fields import Integer, Moment, Number, Text
from sora_gateway.upstreams.sora_web.wire import Task
from sora_gateway.upstreams.sora_web.wire_parts import Encoding, Generation, Moderation, Wire
from tests.upstreams.sora_web.support import sample

_TEXTS = (
    "type",
    "status",
    "title",
    "prompt",
    "failure_reason",
    "error_message",
    "operation",
    "model",
    "size",
)
_FIELDS: dict[str, Any] = {
    **dict.fromkeys(_TEXTS, Text),
    **dict.fromkeys(("n_variants", "n_frames", "width", "height", "num_unsafe_generations"), Integer),
    "progress_pct": Number,
    "created_at": Moment,
}
_Whole: Any = create_model("_Whole", __base__=Wire, **{name: (kind, None) for name, kind in _FIELDS.items()})
_VALUES = [
    None,
    "",
    "x",
    "\ud800",
    "7",
    "7.9",
    7,
    7.9,
    True,
    "nan",
    "2026-11-22T10:00:00Z",
    [],
    {},
    {"id": "x"},
]


@pytest.mark.parametrize("value", _VALUES)
def test_a_late_field_is_read_as_a_model_reads_it(value: Any) -> None:
    """Whatever stands there."""
    row = dict.fromkeys(_FIELDS, value)
    task, whole = Task.model_validate({"id": "t", **row}), _Whole.model_validate(row)
    assert {name: getattr(task, name) for name in _FIELDS} == {name: getattr(whole, name) for name in _FIELDS}


def test_a_field_that_is_not_there_is_not_said() -> None:
    """The parts of a task as well as its plain fields."""
    task = Task.model_validate({"id": "t"})
    assert {getattr(task, name) for name in _FIELDS} == {None}
    assert (task.generations, task.creation_config, task.moderation_result) == ([], None, None)


def test_only_addresses_are_links() -> None:
    """A path of the backend's own storage is none; a generation that is deleted or not ready has none."""
    assert Encoding.model_validate({"path": "az/files/raw", "url": "https://x/y"}).link == "https://x/y"
    assert Encoding.model_validate({"path": "az/files/raw"}).link is None
    there = sample("image_task")["generations"][0]
    assert Generation.model_validate(there).link is not None
    assert Generation.model_validate(there | {"deleted_at": 1.0}).link is None
    assert Generation.model_validate(there | {"download_status": "pending"}).link is None


@pytest.mark.parametrize(
    ("verdict", "is_refusal"), [({}, False), ({"type": "passed"}, False), ({"type": "blocked"}, True)]
)
def test_every_verdict_but_passed_is_a_refusal(verdict: dict[str, Any], is_refusal: bool) -> None:
    """None at all is no refusal."""
    assert Moderation.model_validate(verdict).is_refusal is is_refusal
