"""How a request is taken in."""

from __future__ import annotations

import httpx2
import pytest

from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.licences.keys import hash_key
from tests.fakes import PNG
from tests.gateway import Gateway, client_of


async def test_fields_are_checked_before_pictures_are_fetched(
    gateway: Gateway, client: httpx2.AsyncClient
) -> None:
    """A wrong field costs no fetch."""
    answer = await client.post(
        "/v1/videos", json={"prompt": "x", "seconds": "99", "input_reference": "https://example.com/a.png"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "seconds"
    assert gateway.generations.fetched == []


async def test_pictures_reach_every_sibling(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Inputs are stored once and belong to all jobs of the request."""
    await client.post("/v1/videos", data={"prompt": "x", "n": "2"}, files={"input_reference": ("a.png", PNG)})
    (requests,) = gateway.generations.submitted
    assert len(requests) == 2
    assert requests[0].inputs == requests[1].inputs
    assert gateway.generations.stored == [("input_reference", PNG)]


async def test_a_file_that_is_no_picture(client: httpx2.AsyncClient) -> None:
    """The content decides, not the name; ``param`` names the field."""
    answer = await client.post(
        "/v1/videos", data={"prompt": "x"}, files={"input_reference": ("a.png", b"text", "image/png")}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input_reference"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"character_url": "https://example.com/v.mp4"}, 403),
        ({"character_create": True}, 403),
        ({"character_create": "true"}, 403),
        ({"characters": [{"id": "char_1"}]}, 403),
        ({"character_create": False}, 200),
        ({"characters": []}, 200),
    ],
)
async def test_characters_need_their_permission(
    gateway: Gateway, fields: dict[str, object], status: int
) -> None:
    """Without it 403, never ignored; what is not asked for needs none."""
    licence = Licence(
        id="video-only",
        name="x",
        key_hint="x",
        permissions=frozenset({Permission.VIDEOS}),
        created_at=0.0,
    )
    await gateway.licences.put(licence, hash_key("sg-video"))
    async with client_of(gateway, "sg-video") as client:
        answer = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2", **fields})
    assert answer.status_code == status
    assert status == 200 or "characters" in answer.json()["error"]["message"]


async def test_unknown_fields_are_logged_once(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """They are ignored, and the operator can see which."""
    caplog.set_level("INFO")
    answer = await client.post("/v1/videos", json={"prompt": "x", "colour": "red"})
    assert answer.status_code == 200
    assert [record.getMessage() for record in caplog.records if "colour" in record.getMessage()]


async def test_query_parameters_count(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Parameters may stand in the query, but not contradict the body."""
    fine = await client.post("/v1/videos?seconds=15", json={"prompt": "x", "model": "sora_video2"})
    assert fine.json()["seconds"] == "15"
    bad = await client.post("/v1/videos?seconds=15", json={"prompt": "x", "seconds": 10})
    assert bad.status_code == 400
    assert bad.json()["error"]["param"] == "seconds"


async def test_where_a_draft_starts(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The video that the path names reaches the job, with the pictures of the request."""
    made = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2"})
    source = made.json()["id"]
    gateway.generations.change(source, gateway.generations.completes)
    await client.post(
        f"/v1/videos/{source}/remix", data={"prompt": "y"}, files={"input_reference": ("a.png", PNG)}
    )
    request = gateway.generations.submitted[-1][0]
    assert request.source is not None
    assert (request.source.job_id, len(request.inputs)) == (source, 1)
