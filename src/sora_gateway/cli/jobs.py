"""``sora-gateway jobs``: list jobs, say why one waits or failed, cancel one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import typer

from sora_gateway.cli.options import DataDir, Json, settings_for_command
from sora_gateway.cli.output import document, note, table
from sora_gateway.cli.plain import CommandError
from sora_gateway.cli.telling import job_document, job_lines, job_row, since
from sora_gateway.domain.advance import Limits
from sora_gateway.domain.job_events import Cancelled
from sora_gateway.domain.jobs import Job, Phase, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.clock import StoreClock
from sora_gateway.engine.explaining import Story, story
from sora_gateway.engine.records import Records
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.redact import presentable
from sora_gateway.ports.stores import Store
from sora_gateway.settings import Settings
from sora_gateway.store_access import open_store

app = typer.Typer(no_args_is_help=True, help="List jobs, and say why one waits or failed.")

_PAGE = 100
_MOST_READ = 1000
_MESSAGE = 60

Which = Annotated[str, typer.Argument(metavar="ID", help="The id that its caller was given.")]


@app.command(name="list")
def list_jobs(
    status: Annotated[Status | None, typer.Option(help="Only those of this status.")] = None,
    owner: Annotated[
        str | None, typer.Option("--key", metavar="ID", help='Only those of this key ("licence list").')
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List jobs, the newest first. Of each key and kind the newest thousand are looked at."""
    jobs, now_s = asyncio.run(_listed(settings_for_command(data_dir), status, owner, limit))
    if is_json:
        document([job_row(job) for job in jobs])
        return
    if not jobs:
        note("There is no such job.")
        return
    head = ("id", "model", "status", "phase", "done", "accepted", "attempts", "account", "error")
    typer.echo(table(head, [_row(job, now_s) for job in jobs]))


@app.command()
def show(which: Which, is_json: Json = False, data_dir: DataDir = None) -> None:
    """Say where a job is, what it waits for or why it failed, and what happened to it."""
    job, told, position, now_s = asyncio.run(_told(settings_for_command(data_dir), which))
    if is_json:
        document(job_document(job, told, position))
        return
    typer.echo("\n".join(job_lines(job, told, position, now_s)))


@app.command()
def cancel(which: Which, is_json: Json = False, data_dir: DataDir = None) -> None:
    """End a job for its caller. A task that the backend has may run on there; one that has ended stays."""
    before, after = asyncio.run(_cancel(settings_for_command(data_dir), which))
    if is_json:
        document(job_row(after) | {"changed": after is not before})
    elif before.is_final:
        typer.echo(f"Job {after.id} has ended already: {after.status.value}.")
    else:
        typer.echo(f"Job {after.id} is cancelled.")


def _row(job: Job, now_s: float) -> tuple[str, ...]:
    error = "" if job.error is None else f"{job.error.code}: {presentable(job.error.message)}"
    return (
        job.id,
        job.request.model,
        job.status.value,
        job.phase.value,
        f"{job.percent} %",
        since(job.created_at, now_s),
        str(job.tries),
        job.account_id or "",
        error if len(error) <= _MESSAGE else f"{error[: _MESSAGE - 1]}…",
    )


async def _listed(
    settings: Settings, status: Status | None, owner: str | None, limit: int
) -> tuple[Sequence[Job], float]:
    async with open_store(settings, is_brief=True) as store:
        found: list[Job] = []
        for one in [owner] if owner is not None else await _owners(store):
            for kind in MediaKind:
                wanted = [job async for job in _newest(store, one, kind) if status in (None, job.status)]
                found.extend(wanted[:limit])
        found.sort(key=lambda job: (job.created_at, job.id), reverse=True)
        return found[:limit], await store.time()


async def _owners(store: Store) -> Sequence[str]:
    """Return whose jobs there may be: all keys, and the callers with accounts of their own."""
    keys = [licence.id for licence in await store.licences.all()]
    own = [account.owner for account in await store.accounts.all() if account.owner is not None]
    return list(dict.fromkeys((*keys, *own)))


async def _newest(store: Store, owner: str, kind: MediaKind) -> AsyncIterator[Job]:
    after: str | None = None
    for _ in range(_MOST_READ // _PAGE):
        page = await store.jobs.page(owner, after=after, limit=_PAGE, ascending=False, kind=kind)
        if page is None:
            return
        for job in page.jobs:
            yield job
        if not page.has_more:
            return
        after = page.jobs[-1].id


async def _told(settings: Settings, which: str) -> tuple[Job, Story, int | None, float]:
    async with open_store(settings, is_brief=True) as store:
        job = await _found(store, which)
        accounts = await store.accounts.all()
        loads = await store.lanes.load([account.id for account in accounts])
        position = await store.jobs.queue_position(job) if job.phase is Phase.QUEUED else None
        now_s = await store.time()
        return job, story(job, accounts, loads, position, now_s), position, now_s


async def _cancel(settings: Settings, which: str) -> tuple[Job, Job]:
    async with open_store(settings, is_brief=True) as store:
        job = await _found(store, which)
        clock = StoreClock(store, system_now)
        await clock.sync()
        return await Records(store.jobs, clock, Limits()).apply(job.id, Cancelled())


async def _found(store: Store, which: str) -> Job:
    job = await store.jobs.get(which)
    if job is None:
        raise CommandError(f"There is no job '{which}'; it may have been forgotten 30 days after its end.")
    return job
