"""A submission without an answer is neither doubled nor bound to somebody else's task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ONE_ACCOUNT = [{"name": "plus", "plan": "plus"}]
PROMPT = "a lighthouse in fog"


async def _make(client: httpx2.AsyncClient, prompt: str) -> str:
    answer = await client.post("/videos", json={"model": "sora_video2", "prompt": prompt})
    return str(answer.raise_for_status().json()["id"])


async def _final(client: httpx2.AsyncClient, job_id: str) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = (await client.get(f"/videos/{job_id}")).raise_for_status().json()
        return job if job["status"] in ("completed", "failed") else None

    found: dict[str, Any] = await until(ended, timeout_s=90, what=f"{job_id} to end")
    return found


async def _foreign_twin(simulator: Simulator, token: str) -> str:
    """Make the same video as another client of the same account would."""
    body = {
        "kind": "video",
        "prompt": PROMPT,
        "orientation": "portrait",
        "size": "small",
        "n_frames": 300,
        "model": "sy_8",
        "inpaint_items": [],
    }
    headers = {"Authorization": f"Bearer {token}", "openai-sentinel-token": "other"}
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{simulator.url}/backend/nf/create", json=body, headers=headers)
    return str(answer.raise_for_status().json()["id"])


@pytest.mark.parametrize("kind", ["lose_answer", "reset"])
async def test_lost_answer_beside_a_foreign_twin(tmp_path: Path, kind: str) -> None:
    """An answer is lost while a twin of another client is listed: one task of ours, the right one.

    With ``lose_answer`` the backend took the task, with ``reset`` it did not and the job is sent again.
    """
    simulator = Simulator(tmp_path / "simulator", accounts=ONE_ACCOUNT)
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        tokens = await simulator.tokens()
        gateway.add_accounts(tokens)
        async with gateway.client(gateway.new_key()) as client:
            # An ordinary job teaches the gateway that this backend echoes its marker.
            assert (await _final(client, await _make(client, "first")))["status"] == "completed"
            twin = await _foreign_twin(simulator, tokens[0])
            fault = {
                "id": "once",
                "route": "POST /nf/create",
                "kind": kind,
                "times": 1,
                "prompt_contains": PROMPT,
            }
            await simulator.post("faults", fault)
            job_id = await _make(client, PROMPT)

            async def has_struck() -> bool:
                return any(row["struck"] for row in (await simulator.get("faults"))["items"])

            await until(has_struck, timeout_s=30, what="the gateway's own call to lose its answer")
            late_twin = await _foreign_twin(simulator, tokens[0])
            job = await _final(client, job_id)
            content = await client.get(f"/videos/{job_id}/content")
        rows = [row for row in await simulator.creations() if row["prompt"] == PROMPT]
    assert job["status"] == "completed"
    assert content.status_code == 200
    ours = [row for row in rows if row["task_id"] not in (twin, late_twin)]
    assert len(ours) == 1
    assert job_id in ours[0]["body"]["title"]


async def test_equal_prompts_are_not_confused(tmp_path: Path) -> None:
    """Six equal jobs, every other answer lost: six tasks, each bound to one job."""
    simulator = Simulator(tmp_path / "simulator", accounts=ONE_ACCOUNT)
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        await simulator.post(
            "faults", {"id": "a", "route": "POST /nf/create", "kind": "lose_answer", "times": 3}
        )
        async with gateway.client(gateway.new_key()) as client:
            ids = [await _make(client, PROMPT) for _ in range(6)]
            jobs = [await _final(client, job_id) for job_id in ids]
        rows = await simulator.creations()
    assert [job["status"] for job in jobs] == ["completed"] * 6
    assert len(rows) == 6
    assert all(sum(job_id in row["body"]["title"] for row in rows) == 1 for job_id in ids)
