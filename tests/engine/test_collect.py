"""Results are copied whole, checked, and kept once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Cancelled, Completed, Started, Succeeded
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind, Variant
from sora_gateway.domain.remote import RemoteOutput, RemoteSucceeded
from sora_gateway.domain.requests import Clip
from sora_gateway.engine.collect import Collector
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.tools import NodeTools
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.ports.stores import Store
from tests.conftest_store import bound, new_job, on, submitting
from tests.engine.conftest import ACCOUNT, Body, Scripted, asking, eventually, png

URL = "https://files/1"


async def _collecting(store: Store, *urls: str) -> Job:
    job = new_job(kind=MediaKind.IMAGE)
    await bound(store, job, account=ACCOUNT)
    outputs = tuple(RemoteOutput(index=number, url=url) for number, url in enumerate(urls))
    events = (submitting("t"), Started(ticket="t", remote_id="task_1"), Succeeded(outputs=outputs))
    _, after = await store.jobs.change(job.id, on(*events))
    return after


@asynccontextmanager
async def _working(tools: NodeTools, media: LocalMediaTools, hub: Hub) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Collector(tools, media, hub).run())
        yield
        task.cancel()


async def test_files_are_copied(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """Two results of one job are in the vault, decoded, before the job is completed."""
    upstream.files = {"a": png("red", (40, 20)), "b": png("blue")}
    job = await _collecting(store, "a", "b")
    async with _working(tools, media, hub):
        after = await eventually(store, job.id, lambda j: j.is_final)
    assert after.phase is Phase.COMPLETED
    assert [(o.variant, o.index, o.blob.width_px) for o in after.outputs] == [
        (Variant.IMAGE, 0, 40),
        (Variant.IMAGE, 1, 32),
    ]
    first = b"".join([piece async for piece in tools.vault.read(after.outputs[0].blob.name)])
    assert first == upstream.files["a"]
    assert after.expires_at == tools.now() + tools.config.retention_s


async def test_dead_link_is_fetched_anew(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """A link that died is replaced by the one that the backend gives now."""
    job = await _collecting(store, "dead")
    upstream.files = {"fresh": png()}
    upstream.statuses["task_1"] = RemoteSucceeded(outputs=(RemoteOutput(index=0, url="fresh"),))
    async with _working(tools, media, hub):
        after = await eventually(store, job.id, lambda j: j.is_final)
    assert after.phase is Phase.COMPLETED


class _Endless(Scripted):
    """Files of it begin and do not end."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    @asynccontextmanager
    async def fetch(self, output: RemoteOutput, account: Account) -> AsyncIterator[Body]:
        self.begun.set()
        await asyncio.Event().wait()
        yield Body(b"")


async def test_a_copy_that_is_broken_off_is_handed_over(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub
) -> None:
    """While a node copies nobody else does; when it stops another may begin at once."""
    job = await _collecting(store, URL)
    endless = _Endless()
    async with _working(replace(tools, upstreams={endless.name: endless}), media, hub):
        async with asyncio.timeout(5):
            await endless.begun.wait()
        assert await store.jobs.claim_collects(9, 15.0) == []
    assert await store.jobs.claim_collects(9, 15.0) == [job.id]


async def test_undecodable_result_fails_the_job(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """Bytes that are no picture never become a result, and nothing of them is left in the vault."""
    upstream.files = {URL: b"<html>not a picture</html>"}
    job = await _collecting(store, URL)
    async with _working(replace(tools), media, hub):
        after = await eventually(store, job.id, lambda j: j.is_final, within_s=15)
    assert after.phase is Phase.FAILED
    assert after.error is not None
    assert after.error.code == "generation_failed"
    assert after.outputs == ()


async def test_cancelled_while_copying(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """Cancel against completion: the first wins; a copy for a cancelled job is thrown away."""
    upstream.files = {URL: png()}
    job = await _collecting(store, URL)
    await store.jobs.change(job.id, on(Cancelled()))
    collector = Collector(tools, media, hub)
    outputs = await collector._copy_all(job, upstream, (await store.accounts.all())[0])
    await collector._complete(job, Completed(outputs=outputs, expires_at=0.0))
    after = await _now(store, job)
    assert after.phase is Phase.CANCELLED
    assert await tools.vault.size(outputs[0].blob.name) is None


async def _now(store: Store, job: Job) -> Job:
    found = await store.jobs.get(job.id)
    assert found is not None
    return found


async def _kept(
    store: Store,
    tools: NodeTools,
    media: LocalMediaTools,
    hub: Hub,
    *,
    result_id: str | None = "gen_1",
) -> Job:
    """Collect a job that wants a character of its result, and return it when it has ended."""
    job = asking(new_job(kind=MediaKind.IMAGE), keeps_character=Clip(start_s=1, end_s=3))
    await bound(store, job, account=ACCOUNT)
    outputs = (RemoteOutput(index=0, url="a", result_id=result_id),)
    events = (submitting("t"), Started(ticket="t", remote_id="task_1"), Succeeded(outputs=outputs))
    await store.jobs.change(job.id, on(*events))
    async with _working(tools, media, hub):
        return await eventually(store, job.id, lambda j: j.is_final)


async def test_a_character_of_the_result(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """It is there when the job is completed, made of the result at the backend, on its account."""
    upstream.files = {"a": png()}
    job = await _kept(store, tools, media, hub)
    assert (job.phase, job.character_error, job.result_id) == (Phase.COMPLETED, None, "gen_1")
    assert job.character_id is not None
    character = await store.characters.get(job.character_id)
    assert character is not None
    assert (character.username, character.account_id) == ("rusty", ACCOUNT)
    (clip,) = upstream.clips
    assert clip.source is not None
    assert (clip.start_s, clip.end_s, clip.source.result_id) == (1, 3, "gen_1")


@pytest.mark.parametrize(
    ("errors", "result_id", "kind"),
    [
        ([GatewayError(ErrorKind.CONTENT_REFUSED, "a person")], "gen_1", ErrorKind.CONTENT_REFUSED),
        ([], None, ErrorKind.UNSUPPORTED),
    ],
)
async def test_a_failed_character_leaves_the_video(
    store: Store,
    tools: NodeTools,
    media: LocalMediaTools,
    hub: Hub,
    upstream: Scripted,
    errors: list[GatewayError],
    result_id: str | None,
    kind: ErrorKind,
) -> None:
    """The job is completed with its files, and says why there is no character."""
    upstream.files = {"a": png()}
    upstream.character_errors = errors
    job = await _kept(store, tools, media, hub, result_id=result_id)
    assert (job.phase, len(job.outputs), job.character_id) == (Phase.COMPLETED, 1, None)
    assert job.character_error is not None
    assert job.character_error.kind is kind


async def test_a_passing_failure_of_a_character_is_outlasted(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """It is tried again before the job says that there is none."""
    upstream.files = {"a": png()}
    upstream.character_errors = [GatewayError(ErrorKind.ACCOUNT_BUSY, "busy")]
    job = await _kept(store, tools, media, hub)
    assert job.character_id is not None


async def test_each_put_off_copy_is_in_the_history(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """Why the copy failed, and when it is tried again."""
    job = await _collecting(store, "dead")
    upstream.statuses["task_1"] = RemoteSucceeded(outputs=(RemoteOutput(index=0, url="dead"),))
    async with _working(tools, media, hub):
        after = await eventually(store, job.id, lambda j: len(j.steps) > len(job.steps) + 1)
    first, second = after.steps[len(job.steps) :][:2]
    assert (first.name, first.detail) == ("put off", "expired: The link is dead.")
    assert (first.next_try_at, after.phase) == (tools.now(), Phase.COLLECTING)
    assert (second.next_try_at or 0.0) > tools.now()


async def test_each_reason_of_a_failed_copy_is_counted_apart(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub, upstream: Scripted
) -> None:
    """After a file host that was long away, one damaged transfer does not end the job; three do."""
    job = await _collecting(store, URL)
    account = (await store.accounts.all())[0]
    collector = Collector(tools, media, hub)
    away = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "away")
    damaged = GatewayError(ErrorKind.GENERATION_FAILED, "damaged")
    for error in (away, away, away, damaged, damaged):
        await collector._put_off(job, error, upstream, account)
    assert (await _now(store, job)).phase is Phase.COLLECTING
    await collector._put_off(job, damaged, upstream, account)
    assert (await _now(store, job)).phase is Phase.FAILED


async def test_a_result_on_a_removed_account(
    store: Store, tools: NodeTools, media: LocalMediaTools, hub: Hub
) -> None:
    """It cannot be fetched any more, and the job says so."""
    job = await _collecting(store, "a")
    await store.accounts.remove(ACCOUNT)
    tools = replace(tools, config=replace(tools.config, account_gone_s=0.0))
    async with _working(tools, media, hub):
        after = await eventually(store, job.id, lambda j: j.is_final)
    assert after.error is not None
    assert after.error.code == "no_account"
