"""The order of refusals, and what a created task remembers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sora_gateway.simulator.backend import Backend, open_backend
from sora_gateway.simulator.bodies import V1Body, VideoBody, parse
from sora_gateway.simulator.creation import create_v1, create_video, current_balance
from sora_gateway.simulator.errors import RefusalError
from sora_gateway.simulator.records import Account, Task
from tests.simulator.conftest import START, account_of, image_body, scenario_of, video_body


@pytest.fixture
def backend() -> Iterator[Backend]:
    scenario = scenario_of(accounts=[account_of(plan="pro", video_quota=12, video_concurrency=2)])
    with open_backend(scenario, media_origin="http://m", now=lambda: START) as opened:
        yield opened


def _one(backend: Backend) -> Account:
    (account,) = backend.state.accounts.values()
    return account


def _video(backend: Backend, **more: object) -> Task:
    body = video_body(**more)
    (task,) = create_video(backend, _one(backend), parse(VideoBody, body), body)
    return task


def test_a_task_remembers_request_and_price(backend: Backend) -> None:
    """Pixels, length, cost, seed and the raw body."""
    task = _video(backend, model="sy_ore", size="large", n_frames=450, seed=42)
    assert (task.width_px, task.height_px, task.seconds, task.cost, task.seed) == (1024, 1792, 15, 10, 42)
    assert task.body["model"] == "sy_ore"
    assert (task.outcome, task.created_at) == ("success", START)
    assert current_balance(backend, _one(backend), START)["estimated_num_videos_remaining"] == 2


def test_order_of_refusals(backend: Backend) -> None:
    """A bad body before a full account, a full account before a spent one."""
    _video(backend, model="sy_ore", n_frames=300)
    _video(backend)
    for body, code in (({"n_frames": 7}, "invalid_request"), ({}, "too_many_concurrent_tasks")):
        with pytest.raises(RefusalError) as caught:
            _video(backend, **body)
        assert caught.value.body["error"]["code"] == code
    backend.state.advance_clock(200)
    with pytest.raises(RefusalError) as caught:
        _video(backend, model="sy_ore", n_frames=750)
    assert caught.value.body["type"] == "rate_limit_exhausted"


def test_variants_of_an_image(backend: Backend) -> None:
    """One generation each; seeds differ from task to task."""
    body = image_body(n_variants=4)
    task = create_v1(backend, _one(backend), parse(V1Body, body), body)
    assert len(set(task.generation_ids)) == 4
    assert (task.kind, task.seconds, task.cost) == ("image", 0, 1)


def test_copies_are_all_or_none(backend: Backend) -> None:
    """Several tasks need one free slot and quota for all; each has a seed of its own."""
    body = video_body(seed=5)
    parsed = parse(VideoBody, body)
    tasks = create_video(backend, _one(backend), parsed, body, copies=4)
    assert [task.seed for task in tasks] == [5, 6, 7, 8]
    assert len({task.generation_ids for task in tasks}) == 4
    with pytest.raises(RefusalError, match="too_many_concurrent_tasks"):
        create_video(backend, _one(backend), parsed, body)
    backend.state.advance_clock(200)
    create_video(backend, _one(backend), parsed, body, copies=4)
    backend.state.advance_clock(200)
    create_video(backend, _one(backend), parsed, body, copies=3)
    backend.state.advance_clock(200)
    with pytest.raises(RefusalError) as caught:
        create_video(backend, _one(backend), parsed, body, copies=2)
    assert caught.value.body["type"] == "rate_limit_exhausted"
    assert len(backend.state.tasks) == 11
