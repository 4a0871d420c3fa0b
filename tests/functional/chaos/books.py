"""Read all ledgers after a run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2
from redis.asyncio import Redis

from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import Blob
from sora_gateway.engine.markers import parse_marker
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import JOBS
from tests.functional.chaos.callers import Street
from tests.functional.chaos.records import Account, Kept, Made
from tests.functional.chaos.world import Licence, World

_LEDGER_S = 120.0
_TROUBLE = (
    "a loop of the engine broke",
    "lane broke",
    "sending broke",
    "Traceback",
    "task of a forgotten attempt adopted",
    "task of a forgotten attempt found",
    "a task has no job to be bound to",
    "submission settled",
    "the store lost writes that it had confirmed",
    "lane was taken over by another node",
)
"""What is counted in the logs of the nodes."""


async def made(world: World) -> tuple[Made, ...]:
    """Return the backend's ledger."""
    async with httpx2.AsyncClient(base_url=world.simulator.url, timeout=_LEDGER_S) as client:
        ledger = (await client.get("/simulator/ledger")).raise_for_status().json()
    return tuple(map(_made, ledger["items"]))


def _made(row: Mapping[str, Any]) -> Made:
    title = row["body"].get("title")
    marker = parse_marker(title)
    return Made(
        task_id=row["task_id"],
        account=row["account"],
        kind="image" if row["kind"] == "image" else "video",
        prompt=row["prompt"],
        marked=marker.job_id if marker is not None else None,
        is_foreign=title == "foreign",
        created_at=row["created_at"],
        ends_at=row["ends_at"],
    )


async def kept(world: World, street: Street) -> tuple[Kept, ...]:
    """Return every job of the store, with what the API shows of it."""
    shown: dict[str, str] = {}
    for licence in world.licences:
        shown |= await _shown(street, licence)
    async with Redis.from_url(world.store.url, decode_responses=True) as client:
        patterns = (keys.job("*"), keys.archived("*"))
        names = [name for pattern in patterns async for name in client.scan_iter(pattern)]
        async with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hget(name, "j")
            jobs = {job.id: job for text in await pipe.execute() if text for job in (JOBS.decode(text),)}
    return tuple(_kept(job, shown.get(job.id), world.media) for job in jobs.values())


def _is_as_written(media: Path, blob: Blob) -> bool:
    path = media / blob.name
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == blob.digest


def _kept(job: Job, shown: str | None, media: Path) -> Kept:
    reservation = job.reservation
    return Kept(
        job_id=job.id,
        owner=job.owner,
        kind="image" if job.kind.value == "image" else "video",
        prompt=job.request.prompt,
        phase=job.phase.value,
        seq=job.seq,
        bound_id=job.bound_id,
        units=reservation.units if reservation is not None else 0,
        charged=reservation.charged if reservation is not None else 0,
        created_at=job.created_at,
        completed_at=job.completed_at,
        code=job.error.code if job.error is not None else None,
        shown=shown,
        is_deleted=job.deleted_at is not None,
        steps=tuple(step.name for step in job.steps),
        files=len(job.outputs),
        bad_files=sum(not _is_as_written(media, output.blob) for output in job.outputs),
    )


async def _shown(street: Street, licence: Licence) -> dict[str, str]:
    found: dict[str, str] = {}
    after = ""
    while True:
        path = f"/videos?limit=100{after}"
        page = (await street.insist(licence, "GET", path)).raise_for_status().json()
        found |= {video["id"]: video["status"] for video in page["data"]}
        if not page["has_more"]:
            return found
        after = f"&after={page['last_id']}"


async def accounts(world: World, street: Street) -> tuple[Account, ...]:
    """Return what the gateway says that each licence used."""
    return tuple([await _account(street, licence) for licence in world.licences])


async def _account(street: Street, licence: Licence) -> Account:
    usage = (await street.insist(licence, "GET", "/usage?days=2")).raise_for_status().json()
    sums = Counter[str]()
    for day in usage["data"]:
        sums.update({name: day[name] for name in ("jobs", "completed", "failed", "cancelled", "units")})
    return Account(
        licence_id=licence.id,
        jobs=sums["jobs"],
        completed=sums["completed"],
        failed=sums["failed"],
        cancelled=sums["cancelled"],
        units=sums["units"],
        quota=licence.quota,
        remaining=usage["quota"]["daily"]["remaining"],
    )


async def leftovers(world: World) -> dict[str, int]:
    """Return the counters that must be empty when nothing is under way."""
    async with Redis.from_url(world.store.url, decode_responses=True) as client:
        counts: dict[str, int] = {
            "work of lanes": await client.hlen(keys.WORK),
            "waiting jobs": await client.zcard(keys.WAITING),
            "results to collect": await client.zcard(keys.COLLECT),
            "deadlines": await client.zcard(keys.DEADLINES),
        }
        for licence in world.licences:
            counts[f"live jobs of {licence.id}"] = await client.scard(keys.live(licence.id))
        counts["unsettled submissions"] = sum(
            [await client.hlen(name) async for name in client.scan_iter(keys.unsettled("*"))]
        )
    return counts


async def is_quiet(world: World) -> bool:
    """Tell whether nothing is under way."""
    return not any((await leftovers(world)).values())


def troubles(world: World) -> dict[str, int]:
    """Return how often the nodes wrote what is rare."""
    texts = [node.gateway.log.read_text(errors="replace") for node in world.nodes]
    return {name: count for name in _TROUBLE if (count := _count(name, texts))}


def _count(name: str, texts: Iterable[str]) -> int:
    return sum(text.count(name) for text in texts)
