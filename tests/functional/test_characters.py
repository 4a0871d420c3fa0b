"""Characters, through the whole product: made in every way, mentioned, refused, deleted."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, running
from tests.media.samples import write_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(frozen=True)
class House:
    """What runs, a key that opens everything, and a clip of 4 s."""

    simulator: Simulator
    gateway: Gateway
    key: str
    clip: bytes


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A simulator with three accounts and a gateway before it, for all tests of the module."""
    folder = tmp_path_factory.mktemp("characters")
    simulator = Simulator(folder / "simulator")
    gateway = Gateway(folder / "gateway", simulator)
    clip = write_video(folder / "clip.mp4", seconds=4.0, size=(160, 160)).read_bytes()
    with running(simulator, gateway):
        asyncio.run(simulator.ready())
        asyncio.run(gateway.ready())
        gateway.add_accounts(asyncio.run(simulator.tokens()))
        yield House(simulator, gateway, gateway.new_key(), clip)


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that waits for its videos."""
    async with caller(house, house.key) as made:
        yield made


def caller(house: House, key: str) -> httpx2.AsyncClient:
    """Return a client with this key that waits for its videos."""
    made = house.gateway.client(key)
    made.headers["Prefer"] = "wait=60"
    made.timeout = httpx2.Timeout(70)
    return made


async def video_of(client: httpx2.AsyncClient, path: str = "", **fields: Any) -> dict[str, Any]:
    """Make a video and return it as it ended."""
    answer = await client.post(f"/videos{path}", json={"prompt": "a boat", "model": "sora_video2", **fields})
    assert answer.status_code == 200, answer.text
    video: dict[str, Any] = answer.json()
    assert video["status"] in ("completed", "failed"), video
    return video


async def character_of(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Make a character and return it ready."""
    answer = await client.post("/characters", json=fields)
    assert answer.status_code == 200, answer.text
    character: dict[str, Any] = answer.json()
    assert character["status"] == "ready", character
    return character


async def task_of(house: House, part: str) -> dict[str, Any]:
    """Return the one task that the backend got with this in its prompt."""
    (row,) = [row for row in await house.simulator.creations() if part in row["prompt"]]
    return row


async def known(house: House, username: str) -> dict[str, Any]:
    """Return what the backend knows of a character."""
    rows = (await house.simulator.get("characters"))["items"]
    (row,) = [row for row in rows if row["username"] == username]
    found: dict[str, Any] = row
    return found


async def test_every_source(house: House, client: httpx2.AsyncClient) -> None:
    """Of base64, a data URL, a file, an uploaded file, and a finished video."""
    source = await video_of(client, prompt="a ginger cat")
    encoded = base64.b64encode(house.clip).decode()
    sent = await client.post("/files", data={"purpose": "user_data"}, files={"file": ("a.mp4", house.clip)})
    for fields in (
        {"url": encoded},
        {"url": f"data:video/mp4;base64,{encoded}", "timestamps": "1,3.5", "name": "Rusty"},
        {"file": {"file_id": sent.json()["id"]}},
        {"from_task": source["id"], "timestamps": "0,3"},
    ):
        character = await character_of(client, **fields)
        assert (await known(house, character["username"]))["visibility"] is not None
        assert character["name"] == fields.get("name", character["name"])
        assert (await client.get(f"/characters/{character['id']}")).json() == character
    for path, name in (("/characters", "file"), ("/videos/characters", "video")):
        answer = await client.post(path, data={"name": "Pixel"}, files={name: ("clip", house.clip)})
        assert (answer.json()["status"], answer.json()["name"]) == ("ready", "Pixel"), answer.text
    row = await known(house, character["username"])
    assert row["timestamps"] == [0, 3]
    assert len((await client.get("/characters")).json()["data"]) >= 6


async def test_a_person_is_refused(house: House, client: httpx2.AsyncClient) -> None:
    """400 with the backend's reason, at once or after it has looked; nothing of it can be mentioned."""
    for word in ("[person]", "[hidden-person]"):
        source = await video_of(client, prompt=f"somebody {word}")
        answer = await client.post("/characters", json={"from_task": source["id"]})
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["code"] == "content_policy_violation"
        assert "real person" in error["message"]
        newest = (await client.get("/characters?limit=1")).json()["data"][0]
        assert (newest["status"], newest["username"]) == ("failed", None)


async def test_a_mention(house: House, client: httpx2.AsyncClient) -> None:
    """``@username`` in any later prompt runs on the account that has it, and it appears."""
    source = await video_of(client, prompt="a cat to mention")
    character = await character_of(client, from_task=source["id"])
    home = (await known(house, character["username"]))["account"]
    for number in range(3):
        prompt = f"@{character['username']} rows, take {number}"
        assert (await video_of(client, prompt=prompt))["status"] == "completed"
        task = await task_of(house, f"take {number}")
        assert (task["account"], task["characters"]) == (home, [character["username"]])
    listed = await video_of(client, prompt="it sleeps, listed", characters=[{"id": character["id"]}])
    assert listed["status"] == "completed"
    task = await task_of(house, "it sleeps, listed")
    assert (task["account"], task["characters"]) == (home, [character["username"]])


async def test_strangers(house: House, client: httpx2.AsyncClient) -> None:
    """Another licence can neither see, list, mention nor delete it."""
    character = await character_of(client, url=base64.b64encode(house.clip).decode())
    async with caller(house, house.gateway.new_key()) as stranger:
        assert (await stranger.get("/characters")).json()["data"] == []
        assert (await stranger.get(f"/characters/{character['id']}")).status_code == 404
        assert (await stranger.delete(f"/characters/{character['id']}")).status_code == 404
        for fields, param in (
            ({"prompt": f"@{character['username']} rows"}, "prompt"),
            ({"prompt": "x", "characters": [character["id"]]}, "characters"),
        ):
            answer = await stranger.post("/videos", json={"model": "sora_video2", **fields})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("form", ["url", "task"])
@pytest.mark.parametrize("is_remix", [True, False])
async def test_a_character_first(house: House, client: httpx2.AsyncClient, form: str, is_remix: bool) -> None:
    """It is made, then the video in which it appears; the job names it."""
    source = await video_of(client, prompt="a boat that stays")
    fields = {
        "url": {
            "character_url": base64.b64encode(house.clip).decode(),
            "character_timestamps": "1,3",
        },
        "task": {"character_from_task": source["id"]},
    }[form]
    part = f"first {form} {is_remix}"
    path = f"/{source['id']}/remix" if is_remix else ""
    video = await video_of(client, path, prompt=f"视频描述 {part}", **fields)
    assert (video["status"], video["error"]) == ("completed", None)
    character = (await client.get(f"/characters/{video['character']['id']}")).json()
    assert (character["status"], character["username"]) == ("ready", video["character"]["username"])
    task = await task_of(house, part)
    assert task["characters"] == [character["username"]]
    assert (task["remix_target_id"] is not None) == is_remix
    assert video["prompt"] == f"视频描述 {part}"


async def test_a_character_that_cannot_be_made_first(house: House, client: httpx2.AsyncClient) -> None:
    """Then there is no video, and the job says why; it costs nothing."""
    person = await video_of(client, prompt="somebody else [person]")
    video = await video_of(client, prompt="never sent", character_from_task=person["id"])
    assert (video["status"], video["character"]) == ("failed", None)
    assert video["error"]["code"] == "content_policy_violation"
    assert not [row for row in await house.simulator.creations() if "never sent" in row["prompt"]]


@pytest.mark.parametrize("is_remix", [True, False])
async def test_a_character_in_the_end(house: House, client: httpx2.AsyncClient, is_remix: bool) -> None:
    """It is made of the result and can be mentioned then."""
    source = await video_of(client, prompt="a boat before the end")
    path = f"/{source['id']}/remix" if is_remix else ""
    video = await video_of(client, path, prompt=f"with one in the end {is_remix}", character_create=True)
    assert (video["status"], video["character_error"]) == ("completed", None)
    username = video["character"]["username"]
    assert (await client.get(f"/characters/{video['character']['id']}")).json()["username"] == username
    again = await video_of(client, prompt=f"@{username} after the end {is_remix}")
    assert again["status"] == "completed"
    assert (await task_of(house, f"after the end {is_remix}"))["characters"] == [username]


async def test_no_character_in_the_end(house: House, client: httpx2.AsyncClient) -> None:
    """The video is there all the same, and says why there is no character."""
    video = await video_of(client, prompt="one to keep [person]", character_create=True)
    assert (video["status"], video["error"], video["character"]) == ("completed", None, None)
    assert video["character_error"]["code"] == "content_policy_violation"
    assert (await client.get(f"/videos/{video['id']}/content")).status_code == 200


async def test_delete(house: House, client: httpx2.AsyncClient) -> None:
    """It is gone here and at the backend."""
    character = await character_of(client, url=base64.b64encode(house.clip).decode())
    assert (await client.delete(f"/characters/{character['id']}")).json()["deleted"] is True
    assert (await known(house, character["username"]))["is_deleted"] is True
    assert (await client.get(f"/characters/{character['id']}")).status_code == 404
    answer = await client.post(
        "/videos", json={"prompt": "x", "model": "sora_video2", "characters": [character["id"]]}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "characters")


async def test_one_key_makes_one(house: House, client: httpx2.AsyncClient) -> None:
    """Asked twice at once with one key, the backend makes one character."""
    fields = {"url": base64.b64encode(house.clip).decode(), "name": "Only"}
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(client.post("/characters", json=fields, headers={"Idempotency-Key": "only"}))
            for _ in range(2)
        ]
    first, second = (task.result().json() for task in asked)
    assert first == second
    rows = (await house.simulator.get("characters"))["items"]
    assert len([row for row in rows if row["username"] == first["username"]]) == 1
    assert len([row for row in rows if row["display_name"] == "Only"]) == 1


async def test_plan(house: House, client: httpx2.AsyncClient) -> None:
    """What would be asked of the backend is told, and nothing is made."""
    before = len((await house.simulator.get("characters"))["items"])
    source = await video_of(client, prompt="a boat to plan a character of")
    for fields, path, accounts in (
        ({"url": base64.b64encode(house.clip).decode()}, "/characters/upload", 3),
        ({"from_task": source["id"]}, "/characters/from-generation", 1),
    ):
        answer = await client.post("/characters", json={**fields, "dry_run": True})
        (job,) = answer.json()["jobs"]
        assert (job["kind"], job["units"], job["call"]["path"]) == ("character", 0, path)
        assert len(job["accounts"]) == accounts
    assert len((await house.simulator.get("characters"))["items"]) == before


async def test_permission(house: House) -> None:
    """Whoever may only make videos makes no characters, by no way."""
    async with caller(house, house.gateway.new_key("videos")) as client:
        for path, body in (
            ("/characters", {"url": "https://a"}),
            ("/videos", {"prompt": "x", "character_create": True}),
        ):
            answer = await client.post(path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
