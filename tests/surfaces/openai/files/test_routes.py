"""The Files API over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sora_gateway.domain.licences import Permission
from sora_gateway.domain.media import MediaKind, Variant
from sora_gateway.domain.parameters import resolve
from tests.fakes import MP4, PNG, STARTED_AT, caller_of
from tests.gateway import CHAT_KEY, FILES_S, Gateway, client_of

LICENCE = f"licence-{len(Permission)}"


async def _upload(client: httpx2.AsyncClient, data: bytes = PNG, **fields: str) -> dict[str, Any]:
    answer = await client.post(
        "/v1/files", data={"purpose": "vision", **fields}, files={"file": ("猫.png", data)}
    )
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_upload_and_look(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The file object, the same when asked again; the content decides what it is."""
    made = await _upload(client)
    assert made["id"].startswith("file_")
    assert made == {
        "id": made["id"],
        "object": "file",
        "bytes": len(PNG),
        "created_at": int(STARTED_AT),
        "expires_at": int(STARTED_AT + FILES_S),
        "filename": "猫.png",
        "purpose": "vision",
        "status": "processed",
        "status_details": None,
    }
    assert (await client.get(f"/sora/v1/files/{made['id']}")).json() == made
    assert gateway.files.records[made["id"]].blob.media_type == "image/png"


async def test_a_time_of_its_own(client: httpx2.AsyncClient) -> None:
    """``expires_after`` as the SDK writes it."""
    times = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "7200"}
    made = await _upload(client, **times)
    assert made["expires_at"] == made["created_at"] + 7200


@pytest.mark.parametrize("data", [PNG, MP4])
async def test_content(client: httpx2.AsyncClient, data: bytes) -> None:
    """The bytes as they came, whole or in part, with a validator."""
    made = await _upload(client, data)
    path = f"/v1/files/{made['id']}/content"
    whole = await client.get(path)
    assert whole.content == data
    assert whole.headers["content-type"] == ("image/png" if data is PNG else "video/mp4")
    part = await client.get(path, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, data[4:10])
    again = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    head = await client.head(path)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(data)))


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"just text"])
async def test_what_is_neither_picture_nor_video(
    gateway: Gateway, client: httpx2.AsyncClient, data: bytes
) -> None:
    """400 that names the field; nothing stays behind."""
    answer = await client.post("/v1/files", data={"purpose": "x"}, files={"file": ("cat.png", data)})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "file"
    assert (gateway.files.records, gateway.vault.files) == ({}, {})


async def test_a_body_without_a_file(client: httpx2.AsyncClient) -> None:
    """Also as JSON."""
    for body in ({"json": {"purpose": "x"}}, {"data": {"purpose": "x"}}):
        answer = await client.post("/v1/files", **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


async def test_listing(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Newest first, in pages, by purpose; the tail of a page leads to the next."""
    ids = []
    for number in range(4):
        gateway.clock.at += 1
        purpose = "vision" if number % 2 else "user_data"
        ids.append((await _upload(client, purpose=purpose))["id"])
    first = (await client.get("/v1/files?limit=3")).json()
    assert ([file["id"] for file in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    rest = (await client.get(f"/v1/files?limit=3&after={first['last_id']}")).json()
    assert ([file["id"] for file in rest["data"]], rest["has_more"]) == (ids[:1], False)
    vision = (await client.get("/v1/files?purpose=vision&order=asc&limit=1")).json()
    assert ([file["id"] for file in vision["data"]], vision["has_more"]) == ([ids[1]], True)
    gateway.clock.at += FILES_S - 2.5
    kept = (await client.get("/v1/files")).json()
    assert [file["id"] for file in kept["data"]] == ids[:0:-1]
    unknown = await client.get("/v1/files?after=file_nobody")
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (404, "after")


async def test_deletion(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Record and bytes are gone, and a second deletion says so."""
    made = await _upload(client)
    answer = await client.delete(f"/v1/files/{made['id']}")
    assert answer.json() == {"id": made["id"], "object": "file", "deleted": True}
    assert gateway.vault.files == {}
    for path in ("", "/content"):
        assert (await client.get(f"/v1/files/{made['id']}{path}")).status_code == 404
    assert (await client.delete(f"/v1/files/{made['id']}")).status_code == 404


async def test_files_belong_to_their_licence(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Any permission will do for one's own; another's do not exist."""
    made = await _upload(client)
    async with client_of(gateway, CHAT_KEY) as other:
        own = await _upload(other)
        assert [file["id"] for file in (await other.get("/v1/files")).json()["data"]] == [own["id"]]
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            answer = await other.request(method, f"/v1/files/{made['id']}{path}")
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "not_found"
    async with client_of(gateway, None) as nobody:
        assert (await nobody.get("/v1/files")).status_code == 401
    assert (await client.get(f"/v1/files/{made['id']}")).status_code == 200


async def test_an_expired_file(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """It is gone at its time, also before it is swept."""
    made = await _upload(client)
    gateway.clock.at += FILES_S
    assert (await client.get(f"/v1/files/{made['id']}")).status_code == 404


@pytest.mark.parametrize("kind", [MediaKind.VIDEO, MediaKind.IMAGE])
async def test_results_are_files_too(gateway: Gateway, client: httpx2.AsyncClient, kind: MediaKind) -> None:
    """A finished job's id shows and delivers its result; it is deleted as a job, not as a file."""
    model = {MediaKind.VIDEO: "sora_video2", MediaKind.IMAGE: "sora_image"}[kind]
    request = resolve({"model": model, "prompt": "x"}).request
    (job,) = await gateway.generations.submit([request], caller_of(LICENCE))
    assert (await client.get(f"/v1/files/{job.id}")).json()["error"]["code"] == "video_not_ready"
    gateway.generations.change(job.id, gateway.generations.completes)
    shown = (await client.get(f"/v1/files/{job.id}")).json()
    data = gateway.vault.files[f"{job.id}/{Variant(kind.value)}.0"]
    assert (shown["id"], shown["bytes"], shown["status"]) == (job.id, len(data), "processed")
    assert (await client.get(f"/v1/files/{job.id}/content")).content == data
    refused = await client.delete(f"/v1/files/{job.id}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unsupported")
    async with client_of(gateway, CHAT_KEY) as other:
        assert (await other.get(f"/v1/files/{job.id}")).status_code == 404
