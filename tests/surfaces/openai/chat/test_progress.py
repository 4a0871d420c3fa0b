"""How jobs are told of while they are waited for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import httpx2

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.parameters import resolve
from sora_gateway.surfaces.openai.chat.progress import told
from tests.fakes import caller_of, fails, progresses, starts
from tests.gateway import Gateway, client_of, until

ME = caller_of("me")


async def _jobs(gateway: Gateway, n: int) -> tuple[Job, ...]:
    wanted = resolve({"model": "sora_video2", "prompt": "x", "n": n})
    return await gateway.generations.submit(wanted.requests, ME)


async def test_lines(gateway: Gateway) -> None:
    """Each job to its end; what was said is not said again, though the job goes on."""
    generations = gateway.generations
    generations.script = [starts, progresses(0.5), progresses(0.5), generations.completes]
    jobs = await _jobs(gateway, 1)
    seen = [sight async for sight in told(generations, jobs, ME)]
    assert [line for _, line in seen] == [
        "Queued, position 2, about 40 s\n",
        "In progress: 0 %\n",
        "In progress: 50 %\n",
        "",
        "Completed\n",
    ]
    assert seen[-1][0] == generations.job(jobs[0].id)


async def test_whoever_stops_listening_stops_watching(gateway: Gateway) -> None:
    """At once."""
    jobs = await _jobs(gateway, 2)
    async with aclosing(told(gateway.generations, jobs, ME)) as sights:
        await anext(sights)
        assert gateway.generations.watching == 1
    assert gateway.generations.watching == 0


BODY = {
    "model": "sora_video2",
    "messages": [{"role": "user", "content": "x"}],
    "return_reasoning_content": True,
}


async def test_failure_while_waiting(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """It is the answer, as without progress, and nobody watches any more."""
    gateway.generations.script = [starts, fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    answer = await client.post("/v1/chat/completions", json=BODY)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "No cats.")
    assert gateway.generations.watching == 0


async def test_end_of_the_process(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """It is said, and the watching ends."""

    async def cancelled(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    gateway.generations.wait_final = cancelled  # type: ignore[method-assign, assignment]
    answer = await client.post("/v1/chat/completions", json=BODY)
    assert answer.json()["error"]["code"] == "server_stopping"
    assert gateway.generations.watching == 0


async def test_hang_up(live: Gateway) -> None:
    """Whoever waits and goes ends the watching and nothing else."""
    async with client_of(live) as client, asyncio.TaskGroup() as group:
        asked = group.create_task(client.post("/v1/chat/completions", json=BODY))
        await until(lambda: live.generations.watching == 2)
        asked.cancel()
    await until(lambda: live.generations.watching == 0)
    (job_id,) = live.generations.histories
    assert not live.generations.job(job_id).is_final
