"""Each character is made once, whoever begins it and whoever ends it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sora_gateway.domain.characters import CharacterStatus
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Cancelled
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Clip
from sora_gateway.engine.lane import Lane
from sora_gateway.engine.making import LATER, asked_of, character_id_of
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.conftest_store import bound, held, new_job
from tests.engine.conftest import ACCOUNT, Scripted, asking, eventually, true_soon

CLIP = Clip(start_s=0.5, end_s=2.0)
REFUSED = GatewayError(ErrorKind.CONTENT_REFUSED, "A real person.")


def _character_job() -> Job:
    return asking(new_job("character_1", kind=MediaKind.VIDEO), kind=MediaKind.CHARACTER, character=CLIP)


async def _worked(store: Store, tools: NodeTools, job: Job, phase: Phase) -> Job:
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is phase and len(j.steps) > 1)
        lane.stop(0)
    return after


async def test_a_character_alone(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """Its job ends when the character is there; nothing is created beside it."""
    job = await _worked(store, tools, _character_job(), Phase.COMPLETED)
    character = await store.characters.get(job.id)
    assert character is not None
    assert (character.status, character.username) == (CharacterStatus.READY, "rusty")
    assert (character.account_id, character.backend_id, character.owner) == (ACCOUNT, "ch_1", job.owner)
    assert job.character_id == job.id
    assert (upstream.tickets, upstream.prepared) == ([], [])


async def test_first_a_character_then_the_video(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """The video is asked with the character's name, on the account that has it."""
    job = await _worked(store, tools, asking(new_job(), character=CLIP), Phase.RUNNING)
    assert [request.mentions for request in upstream.prepared] == [("rusty",)]
    assert job.request.mentions == ()
    assert asked_of(job).mentions == ("rusty",)
    assert job.request.account_id == ACCOUNT
    character = await store.characters.get(character_id_of(job))
    assert character is not None
    assert character.job_id == job.id


async def test_refused_clips_end_the_job(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """With the backend's reason; the video is not made."""
    upstream.character_errors = [REFUSED]
    job = await _worked(store, tools, asking(new_job(), character=CLIP), Phase.FAILED)
    assert job.error is not None
    assert (job.error.kind, job.error.message) == (REFUSED.kind, REFUSED.message)
    assert upstream.tickets == []


async def test_a_passing_failure_is_tried_again(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """The job goes back to the queue."""
    upstream.character_errors = [GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "down")]
    job = await _worked(store, tools, _character_job(), Phase.QUEUED)
    assert job.tries == 1


async def test_who_takes_over_goes_on(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A node that ends in the middle leaves its notes; the next one does not begin anew."""
    upstream.finish_character.clear()
    job = _character_job()
    await bound(store, job, account=ACCOUNT)
    lease = await held(store, ACCOUNT)
    first = Lane(lease, tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(first.run())
        await true_soon(lambda: upstream.clips)
        first.stop(0.01)
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert (stored.phase, stored.notes) == (Phase.BOUND, {"clip": "0.5-2"})
    upstream.finish_character.set()
    await store.lanes.release(lease)
    second = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(second.run())
        await eventually(store, job.id, lambda j: j.phase is Phase.COMPLETED)
        second.stop(0)


async def test_cancelled_in_between(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A character whose job was cancelled is nobody's: what was made of it is deleted."""
    upstream.finish_character.clear()
    job = _character_job()
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.clips)
        await tools.records.apply(job.id, Cancelled())
        upstream.finish_character.set()
        await true_soon(lambda: upstream.abandoned)
        lane.stop(1)
    assert await store.characters.get(job.id) is None
    assert upstream.abandoned == [{"clip": "0.5-2"}]


@pytest.mark.parametrize(
    ("job_id", "kind", "part", "expected"),
    [
        ("character_7", MediaKind.CHARACTER, "", "character_7"),
        ("video_7", MediaKind.VIDEO, "", "character_7"),
        ("video_7", MediaKind.VIDEO, LATER, "character_7b"),
    ],
)
def test_ids(job_id: str, kind: MediaKind, part: str, expected: str) -> None:
    """A character's id follows from its job, so that it is never kept twice."""
    assert character_id_of(asking(replace(new_job(job_id)), kind=kind), part) == expected
