"""Copy finished results into the vault, whole and checked, before the job is completed."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import replace

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Completed, Failed, PutOff, Succeeded
from sora_gateway.domain.jobs import Job, JobError, Phase
from sora_gateway.domain.media import Blob, MediaKind, Output, Variant
from sora_gateway.domain.remote import RemoteOutput, RemoteSucceeded
from sora_gateway.domain.requests import Clip, Source
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.making import LATER, make_character
from sora_gateway.engine.notebook import JobNotebook
from sora_gateway.engine.retries import Move, Work, next_step
from sora_gateway.engine.tools import REMOVED, NodeTools, job_error, remote_job
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.ports.media import MediaTools
from sora_gateway.ports.stores import FeedEntry
from sora_gateway.ports.upstream import StepLostError, Upstream
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_EVERY_S = 1.0
_ACCOUNT_PAUSE_S = 2.0
_HAND_OVER_S = 1.0


class Collector:
    """Bounded copies in parallel. Each has a short lease of its own and may be done twice without harm."""

    def __init__(self, tools: NodeTools, media: MediaTools, hub: Hub) -> None:
        self._tools = tools
        self._media = media
        self._woken = asyncio.Event()
        self._running: set[str] = set()
        self._lingering: set[str] = set()
        self._missed: dict[str, int] = {}
        self._tries: dict[str, Counter[ErrorKind]] = {}
        hub.listen(self._heard, self._woken.set)

    def _heard(self, entry: FeedEntry) -> None:
        if entry.job.phase is Phase.COLLECTING and entry.job.id not in self._running:
            self._woken.set()

    async def run(self) -> None:
        """Take due jobs for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._start_due(group)
                try:
                    async with asyncio.timeout(_EVERY_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue
                finally:
                    self._woken.clear()

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        config = self._tools.config
        room = config.collects - len(self._running - self._lingering)
        if room <= 0:
            return
        try:
            due = await self._tools.jobs.claim_collects(room, config.collect_lease_s)
        except GatewayError as error:
            log.warning("cannot take results to collect", error=error.message)
            return
        for job_id in due:
            if job_id not in self._running:
                self._running.add(job_id)
                group.create_task(self._work(job_id), name=f"collect {job_id}")

    async def _work(self, job_id: str) -> None:
        try:
            await self._attempt(job_id)
        except asyncio.CancelledError:
            await self._hand_over(job_id)
            raise
        finally:
            self._running.discard(job_id)
            self._woken.set()

    async def _attempt(self, job_id: str) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                renewal = group.create_task(self._renew(job_id))
                await self._collect(job_id)
                renewal.cancel()
        except* StepLostError:
            log.info("job ended while it was collected", job_id=job_id)
        except* GatewayError as errors:
            log.warning("collecting was put off", job_id=job_id, error=str(errors.exceptions[0]))
        except* Exception:
            log.exception("collecting broke", job_id=job_id)

    async def _hand_over(self, job_id: str) -> None:
        """Let another node begin at once with what this one breaks off."""
        try:
            async with asyncio.timeout(_HAND_OVER_S):
                await self._tools.jobs.postpone_collect(job_id, 0.0)
        except (GatewayError, TimeoutError) as error:
            log.warning("a result falls due with its lease", job_id=job_id, error=str(error))

    async def _renew(self, job_id: str) -> None:
        lease_s = self._tools.config.collect_lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            await self._tools.jobs.postpone_collect(job_id, lease_s)

    async def _collect(self, job_id: str) -> None:
        job = await self._tools.jobs.get(job_id)
        if job is None or job.phase is not Phase.COLLECTING or job.account_id is None:
            return
        account = await self._tools.pool.get(job.account_id)
        upstream = self._tools.upstreams.get(job.account_id.partition(":")[0])
        if account is None or upstream is None:
            log.warning("the account that holds the result is gone", job_id=job.id, account_id=job.account_id)
            await self._without_account(job)
            return
        try:
            outputs = await self._copy_all(job, upstream, account)
        except GatewayError as error:
            await self._put_off(job, error, upstream, account)
            return
        character_id, character_error = await self._character(job, upstream, account)
        event = Completed(
            outputs=outputs,
            expires_at=self._tools.now() + self._tools.config.retention_s,
            character_id=character_id,
            character_error=character_error,
        )
        await self._complete(job, event)

    async def _character(
        self, job: Job, upstream: Upstream, account: Account
    ) -> tuple[str | None, JobError | None]:
        """Make the character that the job wants of its result: its id, or why there is none."""
        clip, result_id = job.request.keeps_character, job.remote_outputs[0].result_id
        if clip is None:
            return None, None
        if result_id is None:
            message = "The backend does not say by what name a character could be made of this video."
            return None, job_error(GatewayError(ErrorKind.UNSUPPORTED, message))
        source = Source(
            job_id=job.id, account_id=account.id, result_id=result_id, total_s=job.request.total_s
        )
        notebook = JobNotebook(job, self._tools, part=LATER)
        self._lingering.add(job.id)  # this may take minutes and copies nothing
        try:
            return await self._made(replace(clip, source=source), upstream, account, notebook)
        finally:
            self._lingering.discard(job.id)

    async def _made(
        self, clip: Clip, upstream: Upstream, account: Account, notebook: JobNotebook
    ) -> tuple[str | None, JobError | None]:
        tries = 0
        while True:
            tries += 1
            try:
                made = await make_character(self._tools, clip, upstream, account, notebook, LATER)
            except GatewayError as error:
                rule = next_step(Work.PREPARE, error.kind, tries)
                if rule.move is Move.FAIL or tries >= self._tools.config.character_tries:
                    log.warning("no character was made", job_id=notebook.job.id, error=error.message)
                    return None, job_error(error)
                await asyncio.sleep(backoff_s(tries, base_s=rule.base_s, cap_s=rule.cap_s))
            else:
                return made, None

    async def _without_account(self, job: Job) -> None:
        """Wait a little for the account to come back, then give the job up."""
        missed = self._missed[job.id] = self._missed.get(job.id, 0) + 1
        if missed * _ACCOUNT_PAUSE_S < self._tools.config.account_gone_s:
            await self._tools.jobs.postpone_collect(job.id, _ACCOUNT_PAUSE_S)
            return
        self._missed.pop(job.id, None)
        await self._tools.records.apply(job.id, Failed(error=REMOVED, is_over_at_backend=True))

    async def _complete(self, job: Job, event: Completed) -> None:
        outputs = event.outputs
        _, after = await self._tools.records.apply(job.id, event)
        self._tries.pop(job.id, None)
        if after.outputs != outputs:  # somebody was faster, or the job was ended meanwhile
            for output in outputs:
                await self._tools.vault.delete(output.blob.name)
            return
        log.info(
            "job completed",
            job_id=job.id,
            account_id=job.account_id,
            took_s=round(after.updated_at - job.created_at, 1),
        )

    async def _copy_all(self, job: Job, upstream: Upstream, account: Account) -> tuple[Output, ...]:
        attempt = secrets.token_hex(3)
        outputs: list[Output] = []
        try:
            for remote in job.remote_outputs:
                outputs.extend(await self._copy(job, remote, upstream, account, attempt))
        except BaseException:
            for output in outputs:
                with suppress(GatewayError):
                    await asyncio.shield(self._tools.vault.delete(output.blob.name))
            raise
        return tuple(outputs)

    async def _copy(
        self, job: Job, remote: RemoteOutput, upstream: Upstream, account: Account, attempt: str
    ) -> list[Output]:
        is_video = job.kind is MediaKind.VIDEO
        variant = Variant.VIDEO if is_video else Variant.IMAGE
        prefix = f"{job.id[-2:]}/{job.id}"
        vault = self._tools.vault
        async with vault.writer(f"{prefix}/{variant}{remote.index}.{attempt}") as writer:
            async with upstream.fetch(remote, account) as body:
                async for chunk in body.chunks():
                    await writer.write(chunk)
            facts = await self._media.probe_file(writer.path)
            derived = (
                {
                    Variant.THUMBNAIL: await self._media.thumbnail(writer.path),
                    Variant.SPRITESHEET: await self._media.spritesheet(writer.path),
                }
                if is_video
                else {}
            )
            blob = await writer.commit(facts)
        outputs = [Output(variant=variant, index=remote.index, blob=blob, watermark=remote.watermark)]
        for kind, data in derived.items():
            blob = await self._derived(f"{prefix}/{kind}{remote.index}.{attempt}", data)
            outputs.append(Output(variant=kind, index=remote.index, blob=blob))
        return outputs

    async def _derived(self, name: str, data: bytes) -> Blob:
        facts = await self._media.probe_image(data)
        async with self._tools.vault.writer(name) as writer:
            await writer.write(data)
            return await writer.commit(facts)

    async def _put_off(self, job: Job, error: GatewayError, upstream: Upstream, account: Account) -> None:
        failures = self._tries.setdefault(job.id, Counter())
        failures[error.kind] += 1
        tries = failures[error.kind]
        rule = next_step(Work.COLLECT, error.kind, tries)
        log.warning(
            "result could not be copied",
            job_id=job.id,
            kind=error.kind.value,
            error=error.message,
            tries=tries,
        )
        if rule.move is Move.FAIL:
            self._tries.pop(job.id, None)
            await self._tools.records.apply(job.id, Failed(error=job_error(error), is_over_at_backend=True))
            return
        if error.kind is ErrorKind.EXPIRED:
            await self._fresh_links(job, upstream, account)
        delay_s = (
            0.0
            if tries == 1 and error.kind is ErrorKind.EXPIRED
            else backoff_s(tries, base_s=rule.base_s, cap_s=rule.cap_s)
        )
        reason = f"{error.kind.value}: {error.message}"
        event = PutOff(reason=reason, next_try_at=self._tools.now() + delay_s)
        await self._tools.records.apply(job.id, event)
        await self._tools.jobs.postpone_collect(job.id, delay_s)

    async def _fresh_links(self, job: Job, upstream: Upstream, account: Account) -> None:
        remote = remote_job(job)
        if remote is None:
            return
        async with asyncio.timeout(self._tools.config.upstream_call_s):
            observed = await upstream.observe([remote], account, frozenset({job.kind}))
        status = observed.statuses.get(remote.id)
        if isinstance(status, RemoteSucceeded):
            await self._tools.records.apply(job.id, Succeeded(outputs=status.outputs))
