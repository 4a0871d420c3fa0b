"""Changing and carrying on finished videos, through the whole product."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import av
import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(frozen=True)
class House:
    """What runs, and a key that opens everything."""

    simulator: Simulator
    gateway: Gateway
    key: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A simulator with three accounts and a gateway before it, for all tests of the module."""
    folder = tmp_path_factory.mktemp("remix")
    simulator = Simulator(folder / "simulator")
    gateway = Gateway(folder / "gateway", simulator)
    with running(simulator, gateway):
        asyncio.run(simulator.ready())
        asyncio.run(gateway.ready())
        gateway.add_accounts(asyncio.run(simulator.tokens()))
        yield House(simulator, gateway, gateway.new_key())


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that waits for its videos."""
    async with house.gateway.client(house.key) as made:
        made.headers["Prefer"] = "wait=60"
        made.timeout = httpx2.Timeout(70)
        yield made


async def made(client: httpx2.AsyncClient, path: str = "", **fields: Any) -> dict[str, Any]:
    """Make a video and return it completed."""
    answer = await client.post(f"/videos{path}", json={"prompt": "a boat", **fields})
    assert answer.status_code == 200, answer.text
    video: dict[str, Any] = answer.json()
    assert video["status"] == "completed", video
    assert answer.headers["preference-applied"] == "wait=60"
    return video


async def task_of(house: House, prompt: str) -> dict[str, Any]:
    """Return the one task that the backend got with this prompt."""
    (row,) = [row for row in await house.simulator.creations() if row["prompt"] == prompt]
    return row


async def posts(house: House) -> int:
    """Return how many posts were made so far."""
    rows = (await house.simulator.get("counts"))["items"]
    return sum(row["calls"] for row in rows if row["route"] == "POST /project_y/post")


async def test_a_remix_of_a_remix(house: House, client: httpx2.AsyncClient) -> None:
    """Each change starts from what was there before, looks like it, and runs on the same account."""
    first = await made(client, model="sora_video2-landscape", prompt="a boat of the first")
    second = await made(client, f"/{first['id']}/remix", prompt="再加一只小狗")
    third = await made(client, "/edits", video={"id": second["id"]}, prompt="and a small cat")
    assert [one["remixed_from_video_id"] for one in (first, second, third)] == [
        None,
        first["id"],
        second["id"],
    ]
    assert {one["size"] for one in (first, second, third)} == {"1280x720"}
    tasks = [
        await task_of(house, prompt) for prompt in ("a boat of the first", "再加一只小狗", "and a small cat")
    ]
    assert len({task["account"] for task in tasks}) == 1
    targets = [task["remix_target_id"] for task in tasks]
    assert targets[0] is None
    assert targets[1] is not None
    assert targets[2] not in (None, targets[1])


async def test_two_remixes_share_one_post(house: House, client: httpx2.AsyncClient) -> None:
    """The source is published once, however many changes start from it at the same time."""
    source = await made(client, model="sora_video2", prompt="a boat for two")
    before = await posts(house)
    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(made(client, f"/{source['id']}/remix", prompt=f"remix for two {number}"))
    assert await posts(house) == before + 1
    targets = {(await task_of(house, f"remix for two {number}"))["remix_target_id"] for number in range(2)}
    assert len(targets) == 1


@pytest.mark.parametrize("seconds", ["10", "12"])
async def test_extension(house: House, client: httpx2.AsyncClient, seconds: str) -> None:
    """The file is as long as both together, and says where it begins."""
    source = await made(client, model="sora_video2", prompt=f"a boat to extend by {seconds}")
    prompt = f"it reaches the sea after {seconds}"
    longer = await made(client, "/extensions", video={"id": source["id"]}, prompt=prompt, seconds=seconds)
    added_s = 10 if seconds == "10" else 15
    assert longer["seconds"] == str(10 + added_s)
    assert longer["effective"]["extension_s"] == added_s
    assert longer["remixed_from_video_id"] == source["id"]
    content = (await client.get(f"/videos/{longer['id']}/content")).content
    with av.open(io.BytesIO(content)) as container:
        assert container.duration is not None
        assert abs(container.duration / av.time_base - (10 + added_s)) < 0.3
    assert (await task_of(house, prompt))["extended_id"] is not None


async def test_an_extension_of_an_extension(house: House, client: httpx2.AsyncClient) -> None:
    """Its length is that of all three; a remix of it is as long as a new video of its kind."""
    source = await made(client, model="sora_video2", prompt="a boat to extend twice")
    fields = {"prompt": "on and on", "seconds": 10}
    twice = await made(client, "/extensions", video={"id": source["id"]}, **fields)
    thrice = await made(client, "/extensions", video={"id": twice["id"]}, **fields)
    assert (twice["seconds"], thrice["seconds"]) == ("20", "30")


async def test_private_videos(house: House, client: httpx2.AsyncClient) -> None:
    """They are never published, so a remix is refused and an extension is not."""
    before = await posts(house)
    source = await made(client, model="sora_video2", prompt="a private boat", private=True)
    answer = await client.post(f"/videos/{source['id']}/remix", json={"prompt": "x"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "video_id")
    fields = {"prompt": "a private sea", "seconds": 10, "private": True}
    assert (await made(client, "/extensions", video={"id": source["id"]}, **fields))["seconds"] == "20"
    assert await posts(house) == before


async def test_plans(house: House, client: httpx2.AsyncClient) -> None:
    """A plan says the same as what is then done, and does nothing."""
    source = await made(client, model="sora_video2", prompt="a boat to plan with")
    before = len(await house.simulator.creations())
    for path, fields in (
        ("", {}),
        (f"/{source['id']}/remix", {}),
        ("/extensions", {"video": {"id": source["id"]}, "seconds": 15}),
    ):
        body = {"prompt": "planned", "dry_run": True, **fields}
        answer = await client.post(f"/videos{path}", json=body)
        assert answer.status_code == 200, answer.text
        (job,) = answer.json()["jobs"]
        assert job["call"]["method"] == "POST"
        assert "planned" in str(job["call"]["body"])
        assert len(job["accounts"]) == (1 if fields or path else 3)
    assert len(await house.simulator.creations()) == before


async def test_shared_videos(house: House, client: httpx2.AsyncClient) -> None:
    """A post of the backend's can be changed by its id, by anybody."""
    source = await made(client, model="sora_video2", prompt="a boat to share")
    await made(client, f"/{source['id']}/remix", prompt="a remix that publishes")
    post_id = (await task_of(house, "a remix that publishes"))["remix_target_id"]
    async with house.gateway.client(house.gateway.new_key()) as stranger:
        stranger.headers["Prefer"] = "wait=60"
        stranger.timeout = httpx2.Timeout(70)
        shared = await made(stranger, f"/{post_id}/remix", prompt="a stranger's remix", model="sora_video2")
    assert (shared["remixed_from_video_id"], shared["effective"]["remix_target"]) == (None, post_id)
    assert (await task_of(house, "a stranger's remix"))["remix_target_id"] == post_id
