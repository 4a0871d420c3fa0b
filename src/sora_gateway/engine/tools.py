"""What the lanes of a node share, and small helpers they both use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import JobEvent
from sora_gateway.domain.jobs import Job, JobError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import RemoteJob
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.records import Records
from sora_gateway.engine.renewals import Renewal, Renewals
from sora_gateway.kit.clock import Now
from sora_gateway.ports.media import Vault
from sora_gateway.ports.stores import CharacterStore, JobStore, LaneStore
from sora_gateway.ports.upstream import InputReader, Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTools:
    """One of each for the whole node."""

    upstreams: Mapping[str, Upstream]
    pool: AccountPool
    renewals: Renewals
    jobs: JobStore
    lanes: LaneStore
    characters: CharacterStore
    records: Records
    config: EngineConfig
    now: Now
    inputs: InputReader
    vault: Vault
    submissions: asyncio.Semaphore


class Apply(Protocol):
    """Writes an event; ``as_owner`` makes it a decision, which needs the lane's lease."""

    def __call__(self, job: Job, event: JobEvent, *, as_owner: bool = False) -> Awaitable[Job]: ...


def remote_job(job: Job) -> RemoteJob | None:
    """Return the backend's task of the job, None if it has none."""
    if job.bound_id is None:
        return None
    return RemoteJob(
        id=job.bound_id,
        job_id=job.id,
        kind=job.kind,
        started_at=job.started_at if job.started_at is not None else job.updated_at,
        is_watermark_wanted=job.request.watermark,
    )


def retry_at(error: GatewayError, now_s: float) -> float | None:
    """Return until when the backend said not to come back, None if it did not say."""
    return None if error.retry_after_s is None else now_s + error.retry_after_s


async def report_trouble(
    tools: NodeTools,
    upstream: Upstream,
    account: Account,
    error: ErrorKind,
    until: float | None = None,
    kind: MediaKind | None = None,
) -> None:
    """Record what an error says about the account.

    A single 401 may be the backend's own trouble: before the credential is given up it is tried once more,
    and then renewed once if it can be.
    """
    version = account.credential.version
    if error is ErrorKind.ACCOUNT_AUTH:
        if await _still_opens(upstream, account):
            error = ErrorKind.ACCOUNT_BUSY
        else:
            outcome = await tools.renewals.renew_now(account.id, version)
            renewed = await tools.pool.get(account.id)
            if outcome is Renewal.LATER or renewed is None:
                return  # it rests, and its jobs wait
            if outcome is Renewal.DONE and await _still_opens(upstream, renewed):
                return
            version = renewed.credential.version
    await tools.pool.report_error(account.id, error, until, kind, version=version)


async def _still_opens(upstream: Upstream, account: Account) -> bool:
    try:
        async with asyncio.timeout(_CHECK_S):
            await upstream.check(account.credential, account.proxy)
    except GatewayError as error:
        return error.kind is not ErrorKind.ACCOUNT_AUTH
    except TimeoutError:
        return True
    return True


REMOVED = JobError(
    kind=ErrorKind.NO_ACCOUNT,
    message="The account that this needed was removed by the operator. It was not charged.",
    code=ErrorKind.NO_ACCOUNT.value,
)
"""An account that comes back within ``EngineConfig.account_gone_s`` was only replaced."""

_CHECK_S = 15.0
_FOR_CALLERS: Mapping[ErrorKind, str] = {
    ErrorKind.ACCOUNT_BUSY: "The backend had no free place for this generation for too long.",
    ErrorKind.ACCOUNT_EXHAUSTED: "The backend's quota for this kind of generation is used up.",
    ErrorKind.ACCOUNT_RATE_LIMITED: "The backend refused too many requests in a short time.",
    ErrorKind.ACCOUNT_AUTH: "The backend did not accept the gateway's credentials.",
    ErrorKind.UPSTREAM_OVERLOADED: "The backend is overloaded. Please try again later.",
    ErrorKind.UPSTREAM_BLOCKED: "The backend blocked the request. The operator has to look at it.",
    ErrorKind.UPSTREAM_UNREACHABLE: "The backend could not be reached.",
}


def job_error(error: GatewayError) -> JobError:
    """Return the error as the job keeps it for its caller: nothing of the accounts shows."""
    message = _FOR_CALLERS.get(error.kind, error.message)
    return JobError(kind=error.kind, message=message, code=error.code or error.kind.value)
