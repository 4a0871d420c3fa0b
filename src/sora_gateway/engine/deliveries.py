"""Deliver events: turn what ended jobs owe into deliveries, and try each until it has arrived."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.webhooks import (
    CALLBACK,
    Delivery,
    DeliveryState,
    Endpoint,
    Try,
    after_answer,
    after_try,
    body_of,
    deliveries_of,
    event_of,
    given_up,
    headers_of,
    renewed,
)
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.hub import Hub
from sora_gateway.kit.clock import Now
from sora_gateway.kit.redact import Secret, redact
from sora_gateway.ports.media import Poster
from sora_gateway.ports.stores import FeedEntry, JobStore
from sora_gateway.ports.webhooks import WebhookStore
from sora_gateway.telemetry import metrics
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_BATCH = 100
_DEBT_LEASE_S = 10.0
_CROWDED_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """Where a delivery goes, and what signs it."""

    url: str
    secrets: tuple[Secret, ...]


class Deliverer:
    """Served by any node. A delivery may be made twice, with the same ``webhook-id``, but is never lost."""

    def __init__(
        self, store: WebhookStore, jobs: JobStore, poster: Poster, hub: Hub, config: EngineConfig, now: Now
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._poster = poster
        self._config = config
        self._now = now
        self._woken = asyncio.Event()
        self._running: Counter[str] = Counter()
        hub.listen(self._heard, self._woken.set)

    def _heard(self, entry: FeedEntry) -> None:
        if entry.has_public_change and entry.job.is_final:
            self._woken.set()

    async def run(self) -> None:
        """Deliver for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._make_deliveries()
                    await self._start_due(group)
                except GatewayError as error:
                    log.warning("cannot deliver events", error=error.message)
                try:
                    async with asyncio.timeout(self._config.webhook_every_s):
                        await self._woken.wait()
                except TimeoutError:
                    continue
                finally:
                    self._woken.clear()

    async def _make_deliveries(self) -> None:
        for job_id in await self._store.claim_debts(_BATCH, _DEBT_LEASE_S):
            try:
                await self._store.settle_debt(job_id, await self._deliveries_of(job_id))
            except GatewayError as error:
                log.warning("an event was put off", job_id=job_id, error=error.message)

    async def _deliveries_of(self, job_id: str) -> Sequence[Delivery]:
        job = await self._jobs.get(job_id)
        event = event_of(job) if job is not None else None
        if job is None or event is None:
            return ()
        return deliveries_of(event, job, await self._store.endpoints_of(job.owner), self._now())

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        room = self._config.webhook_posts - self._running.total()
        if room <= 0:
            return
        for delivery in await self._store.claim_deliveries(room, self._config.webhook_lease_s):
            aim = _slot(delivery)
            if self._running[aim] >= self._config.webhook_posts_each:
                # One slow receiver must not hold up the others.
                await self._store.postpone(delivery, _CROWDED_S)
                continue
            self._running[aim] += 1
            group.create_task(self._work(delivery), name=f"deliver {delivery.event.id}")

    async def _work(self, delivery: Delivery) -> None:
        try:
            await self.deliver(delivery)
        except GatewayError as error:
            log.warning("a delivery was put off", event_id=delivery.event.id, error=error.message)
        except Exception:
            log.exception("a delivery broke", event_id=delivery.event.id)
        finally:
            self._running -= Counter([_slot(delivery)])  # forgets what has come to nothing
            self._woken.set()

    async def deliver(self, delivery: Delivery) -> Delivery:
        """Try it once and return it as it is kept then."""
        aim = await self._aim(delivery)
        if isinstance(aim, str):
            after = given_up(delivery, aim)
        else:
            made = await self._try(delivery, aim)
            metrics.WEBHOOK_POSTS.labels(made.status or "no_answer").inc()
            if delivery.target != CALLBACK:
                await self._note(delivery.target, made)
            chance = random.random()  # noqa: S311 - spreads load, protects nothing
            after = after_try(delivery, made, self._config.webhook_delays_s, chance)
        await self._store.put([after])
        _tell(after)
        return after

    async def _try(self, delivery: Delivery, aim: _Aim) -> Try:
        now_s = self._now()
        body = body_of(delivery.event)
        headers = headers_of(delivery.event, body, aim.secrets, now_s)
        try:
            status = await self._poster.post(aim.url, body, headers, timeout_s=self._config.webhook_answer_s)
        except GatewayError as error:
            return Try(at=now_s, error=redact(error.message))
        return Try(at=now_s, status=status)

    async def _note(self, endpoint_id: str, made: Try) -> None:
        before = await self._store.endpoint(endpoint_id)
        after = await self._store.change_endpoint(endpoint_id, partial(after_answer, made=made))
        was_enabled = before is not None and before.disabled_at is None
        if was_enabled and after is not None and after.disabled_at is not None:
            log.warning("webhook endpoint disabled", endpoint_id=endpoint_id, reason=after.disabled_reason)

    async def _aim(self, delivery: Delivery) -> _Aim | str:
        """Return where it goes, or why nowhere."""
        if delivery.target != CALLBACK:
            return _aim_at(await self._store.endpoint(delivery.target), self._now())
        job = await self._jobs.get(delivery.event.job_id)
        callback = job.request.callback if job is not None else None
        if callback is None:
            return "The job that named the address is not kept any more."
        secrets = () if callback.sealed is None else (Secret(self._store.unseal(callback.sealed)),)
        return _Aim(url=callback.url, secrets=secrets)


def _aim_at(endpoint: Endpoint | None, now_s: float) -> _Aim | str:
    if endpoint is None:
        return "The endpoint was deleted."
    if endpoint.disabled_at is not None:
        return f"The endpoint is disabled. {endpoint.disabled_reason or ''}".strip()
    return _Aim(url=endpoint.url, secrets=endpoint.secrets_at(now_s))


def _slot(delivery: Delivery) -> str:
    """Return what shares one receiver: an endpoint, or the addresses that an owner's requests name."""
    return delivery.target if delivery.target != CALLBACK else f"{CALLBACK} {delivery.event.owner}"


def _tell(delivery: Delivery) -> None:
    last = delivery.tries[-1].outcome if delivery.tries else delivery.reason
    facts = {"event_id": delivery.event.id, "target": delivery.target, "attempt": delivery.attempts}
    if delivery.state is DeliveryState.DELIVERED:
        log.info("event delivered", **facts)
    elif delivery.state is DeliveryState.FAILED:
        log.warning("event given up", **facts, reason=delivery.reason)
    else:
        log.info("event not delivered yet", **facts, outcome=last)


async def replay(store: WebhookStore, jobs: JobStore, name: str, now_s: float) -> Sequence[Delivery]:
    """Make all deliveries of an event due again, named by its id or by its job, with the same event id.

    By its job they go to the endpoints that exist now as well, even where nothing was owed then.

    Raises:
        GatewayError(not_found): no such event or job is kept.
        GatewayError(invalid_request): the job has not ended.
    """
    if name.startswith("evt_"):
        known = await store.deliveries_of(name)
        if not known:
            raise GatewayError(ErrorKind.NOT_FOUND, f"No delivery of an event '{name[:80]}' is kept.")
    else:
        job = await jobs.get(name)
        if job is None:
            raise GatewayError(ErrorKind.NOT_FOUND, f"There is no job '{name[:80]}'.")
        event = event_of(job)
        if event is None:
            message = f"The job '{job.id}' is {job.status.value}; its event comes when it has ended."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message)
        fresh = deliveries_of(event, job, await store.endpoints_of(job.owner), now_s)
        known = [*await store.deliveries_of(event.id)]
        targets = {delivery.target for delivery in known}
        known += [delivery for delivery in fresh if delivery.target not in targets]
    again = [renewed(delivery, now_s) for delivery in known]
    await store.put(again)
    return again
