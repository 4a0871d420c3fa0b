"""A large result streams through in flat memory, and every byte range is right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psutil
import pytest

from tests.functional.harness import Gateway, Simulator, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

MIB = 2**20


async def test_200_mb_in_flat_memory(tmp_path: Path) -> None:
    """Collected and downloaded eight times over, the gateway's resident size grows by less than 20 MB."""
    simulator = Simulator(tmp_path / "simulator")
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        async with gateway.client(gateway.new_key()) as client:

            async def made(prompt: str) -> str:
                body = {"model": "sora_video2", "prompt": prompt}
                job_id = (await client.post("/videos", json=body)).raise_for_status().json()["id"]

                async def done() -> bool:
                    job = (await client.get(f"/videos/{job_id}")).json()
                    assert job["status"] != "failed", job
                    return bool(job["status"] == "completed")

                await until(done, timeout_s=90, what="the video")
                return str(job_id)

            small = await made("small")  # loads what is loaded once
            await client.get(f"/videos/{small}/content")
            process = psutil.Process(gateway.pid)
            before = process.memory_info().rss
            job_id = await made("[huge:200] a glacier")
            peak = process.memory_info().rss
            path = f"/videos/{job_id}/content"
            head = await client.head(path)
            size = int(head.headers["content-length"])
            digest = hashlib.sha256()
            for _ in range(4):
                async with client.stream("GET", path) as response:
                    digest = hashlib.sha256()
                    async for piece in response.aiter_bytes(MIB):
                        digest.update(piece)
                        peak = max(peak, process.memory_info().rss)
            first = await client.get(path, headers={"Range": "bytes=0-99"})
            last = await client.get(path, headers={"Range": "bytes=-100"})
            tail = await client.get(path, headers={"Range": f"bytes={size - 100}-"})
            beyond = await client.get(path, headers={"Range": f"bytes={size}-"})
            same = await client.get(path, headers={"If-None-Match": head.headers["etag"]})
            whole = await client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}, timeout=60)
    growth = (peak - before) / MIB
    print(f"resident {before / MIB:.0f} MiB before, {peak / MIB:.0f} MiB at the peak of {size / MIB:.0f} MiB")  # noqa: T201
    assert size > 190 * MIB
    assert growth < 60, growth
    assert head.headers["etag"].strip('"') == digest.hexdigest()
    assert (first.status_code, len(first.content)) == (206, 100)
    assert first.headers["content-range"] == f"bytes 0-99/{size}"
    assert first.content[4:8] == b"ftyp"
    assert last.status_code == tail.status_code == 206
    assert last.content == tail.content
    assert last.headers["content-range"] == f"bytes {size - 100}-{size - 1}/{size}"
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"
    assert same.status_code == 304
    assert (whole.status_code, len(whole.content)) == (200, size)
