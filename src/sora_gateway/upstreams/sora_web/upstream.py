"""The Sora web backend as the engine sees it: ``Upstream`` made of HTTP calls and pure readings."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from sora_gateway.domain.accounts import Account, AccountFacts, Balance, Credential
from sora_gateway.domain.characters import MadeCharacter
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.remote import (
    Accepted,
    Ambiguous,
    Finding,
    Found,
    Listed,
    NotSeen,
    NotSent,
    Observed,
    RemoteJob,
    RemoteOutput,
    RemoteStatus,
    RemoteUnknown,
    Sent,
    Submission,
    Ticket,
)
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.kit.clock import Now, system_now
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import AfterAbsence, InputReader, ListPolling, Notebook, RemoteBody, Resend
from sora_gateway.upstreams.sora_web import capabilities, matching, prompts, results, translate
from sora_gateway.upstreams.sora_web.cameos import Cameos, Making
from sora_gateway.upstreams.sora_web.client import Access, Client, Unanswered, Unsent
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.credentials import Exchange, lifetime
from sora_gateway.upstreams.sora_web.describing import described
from sora_gateway.upstreams.sora_web.errors import require_success
from sora_gateway.upstreams.sora_web.lists import Lists, Reading, Search
from sora_gateway.upstreams.sora_web.lists_search import Searches
from sora_gateway.upstreams.sora_web.memory import Memory, Sight
from sora_gateway.upstreams.sora_web.preparing import Preparer
from sora_gateway.upstreams.sora_web.wire import Answer, Draft, Task, problem

_FIND_PAGES = 40
_RECENT_PAGES = 3
_SEARCH = Search(most_pages=40, within_s=10.0)
_MISSES = 2
_EARLY_LOOKS = frozenset({3, 6, 12})  # new tasks may be hidden from the first reads (section 7.4)
_BLANK_READS = 5
_BLANK_OVER_S = 60.0


class SoraWeb:
    """Implements ``Upstream``. One instance serves all accounts of one backend."""

    def __init__(self, config: SoraWebConfig, *, now: Now = system_now) -> None:
        self.name = config.name
        self.polling = ListPolling(fast_s=config.poll_fast_s, slow_s=config.poll_slow_s)
        self.resend: Resend = AfterAbsence(
            reads=config.absence_reads, over_s=config.absence_over_s, answer_s=config.create_timeout_s
        )
        self._config = config
        self._now = now
        self._client = Client(config)
        self._exchange = Exchange(self._client, config, now)
        self._lists = Lists(self._client, now)
        self._memory = Memory()
        self._searches = Searches()
        self._preparer = Preparer(self._client, self._lists, config, now)
        self._cameos = Cameos(self._client, config, now)

    # --- asking ---------------------------------------------------------------------------------------------

    def lacks(self, request: GenerationRequest) -> str | None:
        """Say what of ``request`` the backend cannot do, in words for the caller; None: it can do all."""
        return capabilities.lacks(request)

    def fingerprint(self, request: GenerationRequest) -> str:
        """Return a digest of everything that ``submit`` asks, but for marker and upload ids."""
        return translate.fingerprint(request, self._config.image_preset)

    def describe(self, request: GenerationRequest) -> Mapping[str, object]:
        """Return what ``submit`` would send, for people."""
        return described(request, self._config.image_preset)

    async def prepare(
        self, request: GenerationRequest, account: Account, inputs: InputReader, notebook: Notebook
    ) -> Mapping[str, str]:
        """Do the steps before the create call; see ``preparing`` and, for remixes, ``publishing``."""
        prepared = await self._preparer.prepare(request, _access(account), inputs, notebook)
        self._remember_source(prepared)
        return prepared

    def _remember_source(self, prepared: Mapping[str, str]) -> None:
        marker = results.marker_of(prepared.get(translate.SOURCE_TITLE))
        if marker is not None:
            self._memory.inherit(marker)

    async def make_character(
        self, clip: Clip, name: str | None, account: Account, inputs: InputReader, notebook: Notebook
    ) -> MadeCharacter:
        """Make a character of ``clip``; see ``cameos``."""
        making = Making(
            clip=clip, name=name, access=_access(account), user_id=account.backend_id, notebook=notebook
        )
        return await self._cameos.make(making, inputs)

    async def abandon_character(self, clip: Clip, account: Account, notebook: Notebook) -> None:
        """Delete what ``make_character`` may have left for a job that ended meanwhile."""
        making = Making(
            clip=clip, name=None, access=_access(account), user_id=account.backend_id, notebook=notebook
        )
        await self._cameos.abandon(making)

    async def delete_character(self, backend_id: str, account: Account) -> None:
        """Delete the character at the backend; not an error if it is gone."""
        await self._cameos.delete(backend_id, _access(account))

    async def enhance(self, prompt: str, level: str, duration_s: int, account: Account) -> str:
        """Return a richer wording of ``prompt`` for a video of ``duration_s``."""
        body = prompts.body_of(prompt, level, duration_s)
        answer = await self._client.call(_access(account), "POST", prompts.PATH, body)
        require_success(answer, self._now())
        return prompts.wording(answer, prompt)

    async def submit(
        self,
        request: GenerationRequest,
        prepared: Mapping[str, str],
        account: Account,
        ticket: Ticket,
    ) -> Submission:
        """Send the create call at most once; see ``translate`` for what its answers mean."""
        try:
            call = translate.create_call(request, prepared, ticket.marker, self._config.image_preset)
        except (KeyError, ValueError, GatewayError) as error:
            return NotSent(error=GatewayError(ErrorKind.INTERNAL, f"No call can be made of it: {error!r}."))
        sent = await self._client.create(
            _access(account), call.path, call.body, send_before=ticket.send_before
        )
        if isinstance(sent, Unsent):
            return NotSent(error=sent.error)
        if isinstance(sent, Unanswered):
            return Ambiguous(error=sent.error)
        outcome = translate.submission(sent, request.kind, self._now())
        if request.remix_post is not None:
            outcome = translate.about_post(outcome, request.remix_post)
        if isinstance(outcome, Accepted) and request.family is Family.VIDEO:
            self._memory.of(outcome.remote_id).is_first_generation = True
        return outcome

    # --- looking for lost submissions -----------------------------------------------------------------------

    async def find(self, sent: Sequence[Sent], account: Account) -> Mapping[str, Finding]:
        """Look for submissions without an answer; every list is read once for all of them."""
        access = _access(account)
        # A character is no task: there is nothing to be found.
        findings: dict[str, Finding] = {
            one.ticket_id: NotSeen() for one in sent if one.request.kind is MediaKind.CHARACTER
        }
        for one in sent:
            self._remember_source(one.prepared)
        searches = [
            matching.Search(sent=one, call=self._call_of(one))
            for one in sent
            if one.ticket_id not in findings
        ]
        newer = [search for search in searches if search.sent.request.family is Family.VIDEO2]
        older = [search for search in searches if search.sent.request.family is not Family.VIDEO2]
        if newer:
            findings |= matching.find(newer, await self._newer_tasks(access, _oldest(newer)))
        if older:
            findings |= matching.find(older, await self._older_tasks(access, _oldest(older)))
        for search in older:
            finding = findings[search.sent.ticket_id]
            if isinstance(finding, Found) and search.sent.request.family is Family.VIDEO:
                self._memory.of(finding.remote_id).is_first_generation = True
        return findings

    def _call_of(self, sent: Sent) -> translate.CreateCall:
        try:
            return translate.create_call(sent.request, sent.prepared, sent.marker, self._config.image_preset)
        except KeyError as error:
            raise GatewayError(ErrorKind.INTERNAL, f"The submission's record lacks {error}.") from error

    async def _newer_tasks(self, access: Access, since_s: float) -> list[matching.Seen]:
        # Pending first: a task that ends in between is then among the drafts.
        pending = await self._lists.pending(access)
        drafts = await self._lists.drafts(
            access, most_pages=_FIND_PAGES, is_enough=lambda reading: reading.reaches(since_s)
        )
        _require_whole(pending.exists and pending.is_whole and drafts.reaches(since_s))
        return matching.merged(
            [matching.seen_pending(task) for task in pending.rows]
            + [matching.seen_draft(draft, draft.task_id) for draft in drafts.rows if draft.task_id]
        )

    async def _older_tasks(self, access: Access, since_s: float) -> list[matching.Seen]:
        recent = await self._lists.recent(
            access, most_pages=_FIND_PAGES, is_enough=lambda reading: reading.reaches(since_s)
        )
        _require_whole(recent.reaches(since_s))
        return matching.merged(matching.seen_recent(task) for task in recent.rows)

    # --- watching -------------------------------------------------------------------------------------------

    async def observe(
        self, jobs: Sequence[RemoteJob], account: Account, kinds: frozenset[MediaKind]
    ) -> Observed:
        """Read the account's lists once for all ``jobs``, and those of ``kinds`` even without jobs.

        A few pages of each; further back only now and then, for a task that those have not shown for long.
        """
        is_search = self._searches.begin((job.id for job in jobs), self._now())
        look = _Look(search=_SEARCH if is_search else None)
        access = _access(account)
        newer: list[RemoteJob] = []
        older: list[RemoteJob] = []
        for job in jobs:
            if job.kind is MediaKind.CHARACTER:
                continue  # no task
            is_newer = job.kind is MediaKind.VIDEO and not self._memory.of(job.id).is_first_generation
            (newer if is_newer else older).append(job)
        if newer or MediaKind.VIDEO in kinds:
            older += await self._observe_newer(newer, access, look)
        if older or MediaKind.IMAGE in kinds:
            await self._observe_older(older, access, look)
        listed = {task_id: self._with_own_marker(task) for task_id, task in look.listed.items()}
        return Observed(statuses=look.statuses, listed=listed, read=frozenset(look.read))

    def _with_own_marker(self, task: Listed) -> Listed:
        return replace(task, marker=None) if self._memory.is_inherited(task.marker) else task

    async def _observe_newer(self, jobs: Sequence[RemoteJob], access: Access, look: _Look) -> list[RemoteJob]:
        """Read what the Sora 2 lists say of ``jobs``; return those that are in none of them."""
        pending = await self._lists.pending(access)
        if pending.exists and pending.is_whole:
            look.read.add(MediaKind.VIDEO)
        tasks = {task.id: task for task in pending.rows}
        look.listed |= {task.id: results.listed(task, is_first_generation=False) for task in pending.rows}
        missing: list[RemoteJob] = []
        for job in jobs:
            status = self._pending_status(job, tasks.get(job.id), is_read=pending.is_whole)
            if status is not None:
                look.statuses[job.id] = status
            elif self._is_due(job) or self._may_have_slipped_by(job):
                missing.append(job)
        absent = await self._observe_drafts(missing, access, look) if missing else []
        return [job for job in absent if self._is_due(job)]

    def _pending_status(self, job: RemoteJob, task: Task | None, *, is_read: bool) -> RemoteStatus | None:
        sight = self._memory.of(job.id)
        status = results.pending_status(task) if task else None
        if status is not None:
            sight.was_seen, sight.missed = True, 0
        elif task is not None:
            sight.was_seen, sight.missed = True, _MISSES
        elif is_read:
            sight.missed += 1
        return status

    def _is_due(self, job: RemoteJob) -> bool:
        sight = self._memory.of(job.id)
        if sight.was_seen:
            return sight.missed >= _MISSES
        return self._now() - job.started_at >= self._config.drafts_after_s

    def _may_have_slipped_by(self, job: RemoteJob) -> bool:
        """Tell whether a short task may have come and gone between two reads: then its draft is there."""
        sight = self._memory.of(job.id)
        return not sight.was_seen and sight.missed in _EARLY_LOOKS

    async def _observe_drafts(
        self, jobs: Sequence[RemoteJob], access: Access, look: _Look
    ) -> list[RemoteJob]:
        starts = {job.id: job.started_at for job in jobs}

        def is_enough(reading: Reading[Draft]) -> bool:
            missing = starts.keys() - {draft.task_id for draft in reading.rows}
            return not missing or (look.search is not None and _is_back_at(starts, missing, reading))

        reading = await self._lists.drafts(
            access, most_pages=self._config.drafts_pages, is_enough=is_enough, search=look.search
        )
        drafts = _by_task(reading.rows)
        usual = _by_task(reading.rows[: reading.usual])
        look.listed |= {task_id: _listed_draft(rows) for task_id, rows in usual.items()}
        absent: list[RemoteJob] = []
        for job in jobs:
            if job.id in drafts:
                status = self._draft_status(job, drafts[job.id])
                if status is not None:
                    look.statuses[job.id] = status
            elif reading.reaches(job.started_at - matching.SLACK_S):
                absent.append(job)
            elif reading.exists and reading.is_whole and self._is_due(job):
                self._searches.out_of_reach(job.id, self._now())
        return absent

    def _draft_status(self, job: RemoteJob, drafts: Sequence[Draft]) -> RemoteStatus | None:
        status = results.draft_status(drafts, is_watermark_wanted=job.is_watermark_wanted)
        sight = self._memory.of(job.id)
        if status is not None:
            sight.blank_reads, sight.blank_since = 0, None
            return status
        now_s = self._now()
        sight.blank_reads += 1
        sight.blank_since = sight.blank_since if sight.blank_since is not None else now_s
        is_over = sight.blank_reads >= _BLANK_READS and now_s - sight.blank_since >= _BLANK_OVER_S
        return results.blank_failure() if is_over else None

    async def _observe_older(self, jobs: Sequence[RemoteJob], access: Access, look: _Look) -> None:
        starts = {job.id: job.started_at for job in jobs}

        def is_enough(reading: Reading[Task]) -> bool:
            # Unfinished tasks are among the newest: a page that ends with a finished one has them all.
            missing = starts.keys() - {task.id for task in reading.rows}
            is_over = not missing or (look.search is not None and _is_back_at(starts, missing, reading))
            return is_over and not results.is_unfinished(reading.rows[-1])

        reading = await self._lists.recent(
            access, most_pages=_RECENT_PAGES, is_enough=is_enough, search=look.search
        )
        tasks = {task.id: task for task in reading.rows}
        usual = reading.rows[: reading.usual]
        look.listed |= {task.id: results.listed(task, is_first_generation=True) for task in usual}
        is_to_the_end = reading.is_end or not results.is_unfinished(reading.rows[-1])
        if reading.exists and reading.is_whole and is_to_the_end:
            look.read.add(MediaKind.IMAGE)
        for job in jobs:
            sight = self._memory.of(job.id)
            if job.id in tasks:
                sight.was_seen, sight.is_first_generation = True, job.kind is MediaKind.VIDEO
                look.statuses[job.id] = results.recent_status(tasks[job.id])
            elif not self._is_new(job, sight):
                if self._is_gone(job, reading):
                    look.statuses[job.id] = RemoteUnknown()
                elif reading.exists and reading.is_whole:
                    self._searches.out_of_reach(job.id, self._now())

    def _is_new(self, job: RemoteJob, sight: Sight) -> bool:
        return not sight.was_seen and self._now() - job.started_at < self._config.drafts_after_s

    @staticmethod
    def _is_gone(job: RemoteJob, reading: Reading[Task]) -> bool:
        if not reading.exists:
            # A backend without first-generation lists: the Sora 2 lists have said that it is not there.
            return job.kind is MediaKind.VIDEO
        return reading.reaches(job.started_at - matching.SLACK_S)

    # --- files and accounts ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def fetch(self, output: RemoteOutput, account: Account) -> AsyncIterator[RemoteBody]:
        """Open a finished file by its link, without the account's credential."""
        async with self._client.file(_access(account), output.url) as body:
            yield body

    async def cancel(self, job: RemoteJob, account: Account) -> bool:
        """Return False: no source knows how to stop a task (open question 17 of the document)."""
        del job, account
        return False

    async def check(self, credential: Credential, proxy: Secret | None = None) -> AccountFacts:
        """Ask the backend whose credential this is, which plan it has and what is left of its quota."""
        token = credential.access_token.reveal()
        user_id = translate.token_claims(token).user_id
        owner = f"{self.name}:{user_id}" if user_id else None
        device_id = _device_id(owner) if owner else None
        access = Access(token=credential.access_token, proxy=proxy, device_id=device_id)
        me = await self._client.get(access, "/me")
        self._require_success(me)
        plans = await self._client.get(access, "/billing/subscriptions")
        if plans.status != 404:
            self._require_success(plans)
        quota = await self._quota(access)
        facts = translate.facts(me, plans if plans.is_success else None, quota, token)
        return replace(facts, issued_at=lifetime(token).issued_at)

    async def renew(self, credential: Credential, proxy: Secret | None) -> Credential:
        """Return the credential that follows; see ``credentials``."""
        return await self._exchange.renew(credential, proxy)

    async def _quota(self, access: Access) -> Balance | None:
        answer = await self._client.get(access, "/nf/check")
        if answer.status == 404 or _is_without_sora2(answer):
            return Balance(videos_remaining=0, resets_at=None)
        self._require_success(answer)
        return translate.balance(translate.carrier(answer).rate_limit_and_credit_balance, self._now())

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _require_success(self, answer: Answer) -> None:
        require_success(answer, self._now())


class _Look:
    """What one look at an account has found so far. ``search``: how far back it goes beyond the usual."""

    def __init__(self, search: Search | None) -> None:
        self.search = search
        self.statuses: dict[str, RemoteStatus] = {}
        self.listed: dict[str, Listed] = {}
        self.read: set[MediaKind] = set()


def _access(account: Account) -> Access:
    return Access(
        token=account.credential.access_token, proxy=account.proxy, device_id=_device_id(account.id)
    )


def _device_id(account_id: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, account_id))


def _oldest(searches: Sequence[matching.Search]) -> float:
    return min(search.sent.sent_at for search in searches) - matching.SLACK_S


def _require_whole(is_whole: bool) -> None:
    if not is_whole:
        raise GatewayError(
            ErrorKind.UPSTREAM_UNREACHABLE, "The backend's lists could not be read back to the submission."
        )


def _is_back_at(
    starts: Mapping[str, float], missing: Iterable[str], reading: Reading[Task] | Reading[Draft]
) -> bool:
    return reading.reaches(min(starts[task_id] for task_id in missing) - matching.SLACK_S)


def _by_task(drafts: Sequence[Draft]) -> Mapping[str, list[Draft]]:
    found: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.task_id is not None:
            found.setdefault(draft.task_id, []).append(draft)
    return found


def _listed_draft(drafts: Sequence[Draft]) -> Listed:
    markers = (results.marker_of(draft.title) for draft in drafts)
    marker = next((marker for marker in markers if marker is not None), None)
    return Listed(kind=MediaKind.VIDEO, is_unfinished=False, marker=marker)


def _is_without_sora2(answer: Answer) -> bool:
    # The same credential was accepted a moment ago; "Unauthorized" then means: no access to Sora 2 (3.4).
    said = problem(answer)
    return answer.status == 401 and "unauthorized" in (said.error_code, said.text.strip().lower())
