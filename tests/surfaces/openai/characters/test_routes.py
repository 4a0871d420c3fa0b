"""Characters over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.priorities import Priority
from sora_gateway.licences.keys import hash_key
from tests.fakes import MP4, PNG, Change, fails
from tests.gateway import AUTH, Gateway, client_of

BOTH = pytest.mark.parametrize("path", ["/v1/characters", "/sora/v1/videos/characters"])


@pytest.fixture
def finishing(gateway: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    gateway.generations.script = [gateway.generations.completes]
    return gateway


async def _video(client: httpx2.AsyncClient, gateway: Gateway) -> str:
    made = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2"})
    video_id: str = made.json()["id"]
    gateway.generations.change(video_id, gateway.generations.completes)
    return video_id


@BOTH
async def test_of_a_url(finishing: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """The answer waits until it is ready; the clip and its seconds go into the job."""
    body = {"url": "https://a/b.mp4", "timestamps": "1,3", "name": "Rusty"}
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    character = answer.json()
    assert (character["object"], character["status"], character["name"]) == ("character", "ready", "Rusty")
    assert character["username"].startswith("rusty")
    ((request,),) = finishing.generations.submitted
    assert (request.kind, request.character_name) == (MediaKind.CHARACTER, "Rusty")
    assert request.character is not None
    assert (request.character.start_s, request.character.end_s) == (1.0, 3.0)
    assert finishing.generations.fetched == [("url", "https://a/b.mp4")]
    for base in ("/v1/characters", "/v1/videos/characters"):
        assert (await client.get(f"{base}/{character['id']}")).json() == character


@BOTH
@pytest.mark.parametrize("name", ["video", "file"])
async def test_of_a_file(finishing: Gateway, client: httpx2.AsyncClient, path: str, name: str) -> None:
    """As the SDK sends it: a name and a file of any name and type."""
    answer = await client.post(
        path, data={"name": "Rusty"}, files={name: ("upload", MP4, "application/octet-stream")}
    )
    assert answer.json()["status"] == "ready", answer.text
    assert finishing.generations.stored == [(name, MP4)]


@pytest.mark.parametrize("field", ["from_task", "video", "video[id]"])
async def test_of_a_video(gateway: Gateway, client: httpx2.AsyncClient, field: str) -> None:
    """It is made where the video lies."""
    video_id = await _video(client, gateway)
    gateway.generations.script = [gateway.generations.completes]
    answer = await client.post("/v1/characters", data={field: video_id})
    assert answer.json()["status"] == "ready", answer.text
    request = gateway.generations.submitted[-1][0]
    assert request.character is not None
    assert request.character.source is not None
    assert request.character.source.job_id == video_id
    assert request.account_id == request.character.source.account_id


async def test_of_an_uploaded_file(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """A file that was sent before is copied: it may go before the character is made."""
    sent = await client.post("/v1/files", data={"purpose": "vision"}, files={"file": ("a.mp4", MP4)})
    answer = await client.post("/v1/characters", json={"file": {"file_id": sent.json()["id"]}})
    assert answer.json()["status"] == "ready", answer.text
    assert finishing.generations.stored == [("file", MP4)]
    picture = await client.post("/v1/files", data={"purpose": "vision"}, files={"file": ("a.png", PNG)})
    for file_id in (picture.json()["id"], "file_unknown"):
        refused = await client.post("/v1/characters", json={"file": {"file_id": file_id}})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "file")


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "url"),
        ({"url": "https://a", "from_task": "video_1"}, 400, "from_task"),
        ({"from_task": "video_unknown"}, 404, "from_task"),
        ({"url": "https://a", "timestamps": "9,12"}, 400, "timestamps"),
        ({"url": "https://a", "timestamps": "3"}, 400, "timestamps"),
        ({"url": "https://a", "name": 7}, 400, "name"),
        ({"url": "https://a", "dry_run": "maybe"}, 400, "dry_run"),
    ],
)
async def test_refused(
    gateway: Gateway, client: httpx2.AsyncClient, body: dict[str, Any], status: int, param: str
) -> None:
    """The field is named, in the whole envelope, and no job is made."""
    answer = await client.post("/v1/characters", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param
    assert gateway.generations.submitted == []


async def test_an_unfinished_video(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Only a completed one shows anything."""
    made = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2"})
    answer = await client.post("/v1/characters", json={"from_task": made.json()["id"]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "from_task")
    assert "queued" in answer.json()["error"]["message"]


async def test_a_file_that_is_no_video(client: httpx2.AsyncClient) -> None:
    """The content decides, not the name."""
    answer = await client.post("/v1/characters", files={"video": ("a.mp4", PNG, "video/mp4")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "video")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (fails(ErrorKind.CONTENT_REFUSED, "A real person."), 400, "content_policy_violation"),
        (fails(ErrorKind.INVALID_REQUEST, "Too dark."), 400, "invalid_request"),
        (fails(ErrorKind.GENERATION_FAILED, "Bad luck."), 502, "generation_failed"),
        (fails(ErrorKind.ACCOUNT_AUTH, "Expired."), 502, "account_auth"),
        (fails(ErrorKind.TIMEOUT, "Too long."), 504, "timeout"),
    ],
)
async def test_failed(
    gateway: Gateway, client: httpx2.AsyncClient, change: Change, status: int, code: str
) -> None:
    """A refusal is 400 with its reason, another failure has its kind's status; it stays in the list."""
    gateway.generations.script = [change]
    answer = await client.post("/v1/characters", json={"url": "https://a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    (listed,) = (await client.get("/v1/characters")).json()["data"]
    assert (listed["status"], listed["error"]["code"]) == ("failed", code)
    looked = await client.get(f"/v1/characters/{listed['id']}")
    assert (looked.status_code, looked.json()) == (200, listed)


async def test_patience_ends(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """After the client's own time-out the same object, processing; then it is looked at."""
    gateway.app.state.services = replace(gateway.app.state.services, wait_max_s=0.03)
    answer = await client.post("/v1/characters", json={"url": "https://a"})
    assert answer.status_code == 200
    character = answer.json()
    assert (character["status"], character["username"]) == ("processing", None)
    gateway.generations.change(character["id"], gateway.generations.completes)
    assert (await client.get(f"/v1/characters/{character['id']}")).json()["status"] == "ready"


async def test_end_of_the_process_is_said(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A server that ends while a caller waits says where the character will be found."""

    async def cancelled(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    gateway.generations.wait_final = cancelled  # type: ignore[method-assign, assignment]
    answer = await client.post("/v1/characters", json={"url": "https://a"})
    (job_id,) = gateway.generations.histories
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "server_stopping")
    assert answer.headers["x-should-retry"] == "false"
    assert f"/v1/characters/{job_id}" in answer.json()["error"]["message"]


async def test_one_key_makes_one(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """The same character for equal requests; once it was deleted there is nothing to give."""
    headers = {"Idempotency-Key": "k"}
    answers = [
        (await client.post("/v1/characters", json={"url": "https://a"}, headers=headers)).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(finishing.generations.histories) == 1
    other = await client.post("/v1/characters", json={"url": "https://b"}, headers=headers)
    assert (other.status_code, other.headers["x-should-retry"]) == (409, "false")
    await client.delete(f"/v1/characters/{answers[0]['id']}")
    gone = await client.post("/v1/characters", json={"url": "https://a"}, headers=headers)
    assert gone.status_code == 404


async def test_dry_run(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Nothing is made."""
    answer = await client.post("/v1/characters", data={"url": "https://a", "dry_run": "true"})
    plan = answer.json()
    assert (answer.status_code, plan["object"], plan["jobs"][0]["kind"]) == (200, "dry_run", "character")
    assert plan["jobs"][0]["units"] == 0
    assert gateway.generations.submitted == []


async def test_list_in_pages(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """Every character once, over pages, in both directions."""
    ids = [(await client.post("/v1/characters", json={"url": "https://a"})).json()["id"] for _ in range(3)]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        first = (await client.get("/v1/characters", params={"limit": 2, "order": order})).json()
        rest = (
            await client.get("/v1/characters", params={"limit": 2, "order": order, "after": first["last_id"]})
        ).json()
        assert [row["id"] for row in first["data"] + rest["data"]] == expected
        assert (first["has_more"], rest["has_more"]) == (True, False)
    assert (await client.get("/v1/characters?after=character_unknown")).status_code == 404
    assert (await client.get("/v1/characters?limit=-1")).json()["error"]["param"] == "limit"


async def test_delete(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """Gone at once; another's was never there."""
    made = (await client.post("/v1/characters", json={"url": "https://a"})).json()
    path = f"/v1/characters/{made['id']}"
    licence = Licence(
        id="stranger",
        name="x",
        key_hint="x",
        permissions=frozenset({Permission.CHARACTERS}),
        created_at=0.0,
    )
    await finishing.licences.put(licence, hash_key("sg-stranger"))
    async with client_of(finishing, "sg-stranger") as stranger:
        assert (await stranger.get("/v1/characters")).json()["data"] == []
        for method in ("GET", "DELETE"):
            assert (await stranger.request(method, path)).status_code == 404
    deleted = await client.delete(path, headers={"Content-Type": "application/json"})
    assert deleted.json() == {"id": made["id"], "object": "character.deleted", "deleted": True}
    for method in ("GET", "DELETE"):
        assert (await client.request(method, path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/characters"),
        ("GET", "/v1/characters"),
        ("GET", "/v1/characters/character_1"),
        ("DELETE", "/v1/characters/character_1"),
        ("POST", "/v1/videos/characters"),
        ("GET", "/v1/videos/characters/character_1"),
    ],
)
async def test_permission(gateway: Gateway, method: str, path: str) -> None:
    """All need ``characters``, which is granted by itself."""
    licence = Licence(
        id="video-only",
        name="x",
        key_hint="x",
        permissions=frozenset({Permission.VIDEOS}),
        created_at=0.0,
    )
    await gateway.licences.put(licence, hash_key("sg-video"))
    async with client_of(gateway, "sg-video") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert "'characters'" in answer.json()["error"]["message"]
    async with client_of(gateway, None) as client:
        assert (await client.request(method, path)).status_code == 401


async def test_its_job_is_no_video(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A character is not shown, ended or deleted as a video."""
    gateway.app.state.services = replace(gateway.app.state.services, wait_max_s=0.01)
    made = (await client.post("/v1/characters", json={"url": "https://a"}, headers=AUTH)).json()
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/content")):
        answer = await client.request(method, f"/v1/videos/{made['id']}{path}")
        assert answer.status_code == 404, (method, path)
    assert (await client.get(f"/v1/characters/{made['id']}")).json()["status"] == "processing"
    remix = await client.post(f"/v1/videos/{made['id']}/remix", json={"prompt": "x"})
    assert (remix.status_code, remix.json()["error"]["param"]) == (400, "video_id")


async def test_service_tier(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """It is read here too: an unknown one is refused, ``flex`` waits behind the others."""
    source = {"from_task": await _video(client, finishing), "timestamps": "0,2"}
    refused = await client.post("/v1/characters", json={**source, "service_tier": "bogus"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "service_tier")
    made = await client.post("/v1/characters", json={**source, "service_tier": "flex"})
    assert made.status_code == 200
    job = finishing.generations.job(list(finishing.generations.histories)[-1])
    assert job.request.priority is Priority.LOW
