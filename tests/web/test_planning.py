"""``dry_run`` is answered with a plan, on every route that creates."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from tests.gateway import Gateway

MESSAGES = [{"role": "user", "content": "a boat"}]
ROUTES: dict[str, tuple[str, dict[str, Any], str]] = {
    "videos": ("/v1/videos", {"prompt": "a boat", "n": 2}, "video"),
    "images": ("/v1/images/generations", {"prompt": "a boat"}, "image"),
    "streamed images": ("/v1/images/generations", {"prompt": "a boat", "stream": True}, "image"),
    "chat": ("/v1/chat/completions", {"model": "sora_video2", "messages": MESSAGES}, "video"),
    "streamed chat": (
        "/v1/chat/completions",
        {"model": "sora_image", "messages": MESSAGES, "stream": True},
        "image",
    ),
    "responses": ("/v1/responses", {"model": "sora_image", "input": "a boat"}, "image"),
    "messages": (
        "/v1/messages",
        {"model": "sora_image", "messages": MESSAGES, "max_tokens": 9},
        "image",
    ),
}


def _check(answer: httpx2.Response, kind: str) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    plan: dict[str, Any] = answer.json()
    assert set(plan) == {"object", "jobs"}
    assert plan["object"] == "dry_run"
    (job, *_) = plan["jobs"]
    assert set(job) == {"kind", "model", "prompt", "size", "seconds", "units", "call", "accounts"}
    assert (job["kind"], job["prompt"]) == (kind, "a boat")
    assert job["call"] == {"method": "POST", "path": "/create", "body": {"prompt": "a boat"}}
    assert job["accounts"] == [{"name": "account 1", "plan": "free", "groups": [], "state": "ready"}]
    return plan


@pytest.mark.parametrize("name", list(ROUTES))
async def test_every_route(gateway: Gateway, client: httpx2.AsyncClient, name: str) -> None:
    """The plan, in one shape and at once, also where a stream was asked for; no job is made."""
    path, body, kind = ROUTES[name]
    plan = _check(await client.post(path, json={**body, "dry_run": True}), kind)
    assert len(plan["jobs"]) == body.get("n", 1)
    assert plan["jobs"][0]["seconds"] == ("10" if kind == "video" else None)
    assert plan["jobs"][0]["units"] == 1
    assert gateway.generations.submitted == []


@pytest.mark.parametrize("as_what", ["multipart", "urlencoded", "query"])
async def test_every_spelling(gateway: Gateway, client: httpx2.AsyncClient, as_what: str) -> None:
    """In forms and in the query it is a text."""
    match as_what:
        case "multipart":
            fields = {"prompt": "a boat", "dry_run": "True"}
            answer = await client.post(
                "/v1/videos", files={name: (None, text) for name, text in fields.items()}
            )
        case "urlencoded":
            answer = await client.post("/v1/videos", data={"prompt": "a boat", "dry_run": "true"})
        case _:
            answer = await client.post("/v1/videos?dry_run=true", json={"prompt": "a boat"})
    _check(answer, "video")
    assert gateway.generations.submitted == []


async def test_a_remix(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What it starts from is looked up first: the plan is that of the real request."""
    source = (await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2-15s"})).json()["id"]
    body = {"prompt": "a boat", "dry_run": True}
    assert (await client.post(f"/v1/videos/{source}/remix", json=body)).status_code == 400
    gateway.generations.change(source, gateway.generations.completes)
    plan = _check(await client.post(f"/v1/videos/{source}/remix", json=body), "video")
    assert (plan["jobs"][0]["seconds"], plan["jobs"][0]["units"]) == ("15", 2)
    longer = {**body, "seconds": 10, "video": {"id": source}}
    assert (
        _check(await client.post("/v1/videos/extensions", json=longer), "video")["jobs"][0]["seconds"] == "25"
    )
    assert len(gateway.generations.submitted) == 1


@pytest.mark.parametrize("value", [False, "false", "", None])
async def test_not_dry(gateway: Gateway, client: httpx2.AsyncClient, value: object) -> None:
    """Then it is the real thing."""
    answer = await client.post("/v1/videos", json={"prompt": "x", "dry_run": value})
    assert answer.json()["object"] == "video"
    assert len(gateway.generations.submitted) == 1


async def test_refused(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What would be refused is refused; what is neither true nor false too."""
    odd = await client.post("/v1/videos", json={"prompt": "x", "dry_run": "perhaps"})
    assert (odd.status_code, odd.json()["error"]["param"]) == (400, "dry_run")
    wrong = await client.post("/v1/videos", json={"prompt": "x", "seconds": 7, "dry_run": True})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "seconds")
    gateway.generations.refusal = GatewayError(ErrorKind.NO_ACCOUNT, "None.")
    assert (await client.post("/v1/videos", json={"prompt": "x", "dry_run": True})).status_code == 503
    assert gateway.generations.submitted == []
