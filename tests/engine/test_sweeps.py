"""What time brings: overdue jobs end, expired results go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.advance import Limits
from sora_gateway.domain.job_events import Completed
from sora_gateway.domain.jobs import Phase
from sora_gateway.domain.media import Output, Variant
from sora_gateway.engine.sweeps import Sweeper, overdue
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.media import MediaFacts
from sora_gateway.ports.stores import Store
from tests.conftest_store import NOW, accepted, collecting, new_job, on
from tests.contracts.test_file_store import FILE
from tests.engine.conftest import Clock

LATE = NOW + 100


@pytest.mark.parametrize(
    ("phase", "code", "is_over"),
    [
        (Phase.QUEUED, "timeout", True),
        (Phase.BOUND, "timeout", True),
        (Phase.SUBMITTING, "submission_unknown", False),
        (Phase.AMBIGUOUS, "submission_unknown", False),
        (Phase.RUNNING, "timeout", False),
        (Phase.COLLECTING, "timeout", True),
    ],
)
def test_overdue_jobs_end_with_a_reason(phase: Phase, code: str, is_over: bool) -> None:
    """Each phase has its word; what may be alive at the backend stays owed."""
    job = replace(new_job(), phase=phase, deadline_at=LATE)
    assert overdue(job, LATE - 1) is None
    failed = overdue(job, LATE)
    assert failed is not None
    assert failed.error.code == code
    assert failed.is_over_at_backend is is_over
    assert "not charged" in failed.error.message


def test_final_jobs_are_never_overdue() -> None:
    """A final state never changes."""
    assert overdue(replace(new_job(), phase=Phase.COMPLETED, deadline_at=NOW), LATE) is None


async def test_waiting_too_long_ends_a_job(store: Store, tools: NodeTools, clock: Clock) -> None:
    """A job that nobody looks at still ends, by the store's clock."""
    job = new_job(deadline_at=NOW + 1)  # long ago for the store
    await accepted(store, job)
    clock.now_s = NOW + 2
    await Sweeper(tools, store.files)._end_overdue()
    after = await store.jobs.get(job.id)
    assert after is not None
    assert after.phase is Phase.FAILED


async def test_expired_results_are_removed(store: Store, tools: NodeTools) -> None:
    """After retention the file is gone and the job remains."""
    job = new_job()
    await collecting(store, job)
    async with tools.vault.writer("ab/job/video0.1") as writer:
        await writer.write(b"bytes")
        blob = await writer.commit(MediaFacts(media_type="video/mp4", width_px=1, height_px=1))
    completed = Completed(outputs=(Output(variant=Variant.VIDEO, index=0, blob=blob),), expires_at=NOW - 1)
    await store.jobs.change(job.id, on(completed))
    await Sweeper(tools, store.files)._remove_expired()
    after = await store.jobs.get(job.id)
    assert after is not None
    assert after.phase is Phase.COMPLETED
    assert await tools.vault.size(blob.name) is None


async def test_expired_files_are_removed(store: Store, tools: NodeTools) -> None:
    """Bytes and record go when their time is over; others stay."""
    kept = replace(FILE, id="file_kept", expires_at=NOW + 1e9)
    blobs = []
    for file in (FILE, kept):
        async with tools.vault.writer(f"files/{file.id}") as writer:
            await writer.write(b"bytes")
            blobs.append(await writer.commit(MediaFacts(media_type="image/png", width_px=1, height_px=1)))
        await store.files.put(replace(file, blob=blobs[-1]))
    await Sweeper(tools, store.files)._remove_expired_files()
    assert await store.files.get(FILE.id) is None
    assert await store.files.get(kept.id) is not None
    assert [await tools.vault.size(blob.name) for blob in blobs] == [None, 5]


async def test_garbage_is_removed_and_held_files_stay(store: Store, tools: NodeTools) -> None:
    """What a job or a file's record holds stays; a loser's copy, old inputs and deleted files go."""
    job = new_job()
    await collecting(store, job)
    names = (
        *(f"ab/{job.id}/video0.won", f"ab/{job.id}/video0.lost", "inputs/in_1"),
        *(f"files/{FILE.id}", "files/file_deleted"),
    )
    await store.files.put(replace(FILE, expires_at=NOW + 1e9))
    blobs = []
    for name in names:
        async with tools.vault.writer(name) as writer:
            await writer.write(b"bytes")
            blobs.append(await writer.commit(MediaFacts(media_type="video/mp4", width_px=1, height_px=1)))
    held = Output(variant=Variant.VIDEO, index=0, blob=blobs[0])
    await store.jobs.change(job.id, on(Completed(outputs=(held,), expires_at=NOW + 1e9)))
    sweeper = Sweeper(
        replace(tools, config=replace(tools.config, retention_s=0.0, limits=Limits(queue_s=0.0))), store.files
    )
    await sweeper._remove_garbage()
    assert [await tools.vault.size(name) is not None for name in names] == [True, False, False, True, False]
