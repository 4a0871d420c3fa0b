"""A job between several nodes, a backend and its caller: what holds in whatever order they write."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from sora_gateway.domain.advance import Limits, advance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.job_events import (
    Adopted,
    BecameAmbiguous,
    Bound,
    Cancelled,
    Completed,
    Deleted,
    Failed,
    JobEvent,
    LookedFor,
    Noted,
    NotListed,
    Progressed,
    PutOff,
    Released,
    Returned,
    Started,
    Submitting,
    Succeeded,
)
from sora_gateway.domain.jobs import CHARACTER_NOTE, Job, JobError, Phase, Reservation, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Clip, GenerationRequest
from tests.domain.samples import IMAGE, NOW_S, OUTPUT, REMOTE_OUTPUT, VIDEO, attempt, job
from tests.fuzzing import tries

LIMITS = Limits()
UNITS = 3
NODES = 2
ERROR = JobError(kind=ErrorKind.GENERATION_FAILED, message="It failed.", code="generation_failed")
REQUESTS = (VIDEO, IMAGE, replace(VIDEO, kind=MediaKind.CHARACTER, character=Clip()))

nodes = st.integers(0, NODES - 1)
accounts = st.sampled_from(["sora:a", "sora:b"])
places = st.integers(0, 3)
"""Which of the tickets that were written, counted from the last."""


def told(it: Job) -> tuple[object, ...]:
    """Return what a caller knows of a job that has ended."""
    error = (it.error, it.character_error, it.character_id, it.result_id)
    return (it.phase, it.outputs, it.progress, it.completed_at, it.expires_at, it.seq, *error)


class JobMachine(RuleBasedStateMachine):
    """One record, written by compare-and-set by nodes that look at it at different times.

    The backend makes at most one task of each ticket; who reports it, when and how often is left to chance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.record = job()
        self.views = [self.record] * NODES
        self.now_s = self.may_end_at = NOW_S
        self.tickets: list[str] = []
        self.ended: Job | None = None
        self.remote_ids: set[str] = set()
        self.settlements: set[Reservation] = set()
        self.public: list[tuple[int, Status, int]] = [(1, Status.QUEUED, 0)]

    @initialize(
        request=st.sampled_from(REQUESTS), is_paid=st.booleans(), lives_s=st.sampled_from([0, 15, 30])
    )
    def accepted(self, request: GenerationRequest, is_paid: bool, lives_s: int) -> None:
        self.may_end_at = NOW_S + lives_s
        reserved = Reservation(units=UNITS, day="2026-11-22", month="2026-11") if is_paid else None
        self.record = replace(self.record, request=request, reservation=reserved)
        self.views = [self.record] * NODES

    # --- how nodes write

    def write(self, node: int, event: JobEvent) -> None:
        """Let ``node`` decide on what it saw last; where that is old it looks again, as the store has it."""
        self.now_s += 1.0
        seen = self.views[node]
        after = advance(seen, event, self.now_s, LIMITS)
        if after is seen:
            return
        if seen.version != self.record.version:
            self.look(node)
            after = advance(self.record, event, self.now_s, LIMITS)
        is_over = isinstance(event, Failed) and event.is_over_at_backend
        self.check_step(self.record, after, is_over=is_over)
        self.record = self.views[node] = after

    @rule(node=nodes)
    def look(self, node: int) -> None:
        """A node reads the record; until then it decides on what it knew."""
        self.views[node] = self.record

    def ticket(self, place: int) -> str:
        """Return one of the tickets, the newest for 0; a strange one where there is none."""
        return self.tickets[-1 - place % len(self.tickets)] if self.tickets else "strange"

    @rule(node=nodes, steps=st.integers(1, 5))
    def goes_well(self, node: int, steps: int) -> None:
        """What mostly happens, so that walks get far."""
        for _ in range(steps):
            self.look(node)
            match self.record.phase:
                case Phase.QUEUED:
                    self.bind(node, "sora:a")
                case Phase.BOUND:
                    self.write_ahead(node)
                case Phase.SUBMITTING | Phase.AMBIGUOUS:
                    self.started(node, 0)
                case Phase.RUNNING:
                    self.succeeded(node, "https://x/1")
                case _:
                    self.put_off(node)

    # --- decisions

    @rule(node=nodes, account=accounts)
    def bind(self, node: int, account: str) -> None:
        self.write(node, Bound(account_id=account))

    @rule(node=nodes)
    def write_ahead(self, node: int) -> None:
        """Each attempt has a ticket of its own, also where it is not written in the end."""
        name = f"t{len(self.tickets)}"
        self.tickets.append(name)
        self.write(node, Submitting(attempt=attempt(name)))

    @rule(node=nodes, name=st.sampled_from([CHARACTER_NOTE, "x"]), is_pinned=st.booleans())
    def note(self, node: int, name: str, is_pinned: bool) -> None:
        self.write(node, Noted(notes={name: "1"}, is_pinned=is_pinned))

    @rule(node=nodes, avoid=st.booleans(), delay_s=st.sampled_from([0.0, 5.0]))
    def give_back(self, node: int, avoid: bool, delay_s: float) -> None:
        self.write(node, Returned(ticket=None, reason="busy", avoid=avoid, not_before=self.now_s + delay_s))

    # --- what became of a call, reported by anybody, late and again

    @rule(node=nodes, place=places)
    def started(self, node: int, place: int) -> None:
        name = self.ticket(place)
        self.write(node, Started(ticket=name, remote_id=f"task_of_{name}"))

    @precondition(lambda self: self.record.attempt is not None or self.record.obligation is not None)
    @rule(node=nodes, is_task=st.booleans())
    def an_old_call_answers(self, node: int, is_task: bool) -> None:
        """A sender that was thought lost tells what became of a ticket that is not the current one."""
        self.look(node)
        stale = Started(ticket="lost", remote_id="task_of_lost")
        self.write(node, stale if is_task else Returned(ticket="lost", reason="not sent"))

    @precondition(lambda self: self.record.obligation is not None)
    @rule(node=nodes, is_task=st.booleans())
    def what_is_owed_shows_up(self, node: int, is_task: bool) -> None:
        """After the end the real answer comes, and then one that cannot be true."""
        if is_task:
            self.started(node, 0)
        self.an_old_call_answers(node, is_task=True)

    @rule(node=nodes, place=places, kind=st.none() | st.sampled_from([ErrorKind.ACCOUNT_BUSY]))
    def not_sent(self, node: int, place: int, kind: ErrorKind | None) -> None:
        self.write(node, Returned(ticket=self.ticket(place), reason="not sent", kind=kind))

    @rule(node=nodes, place=places)
    def unanswered(self, node: int, place: int) -> None:
        name = self.ticket(place)
        self.write(node, BecameAmbiguous(ticket=name, reason="cut", counts_from=self.now_s))

    @rule(node=nodes, place=places)
    def looked_for(self, node: int, place: int) -> None:
        self.write(node, LookedFor(ticket=self.ticket(place)))

    @rule(node=nodes, place=places, account=accounts)
    def adopted(self, node: int, place: int, account: str) -> None:
        name = self.ticket(place)
        task = f"task_of_{name}"
        self.write(node, Adopted(account_id=account, ticket=name, marker="m", remote_id=task))

    @precondition(lambda self: self.now_s >= self.may_end_at)
    @rule(node=nodes, place=places, is_over=st.booleans())
    def refused(self, node: int, place: int, is_over: bool) -> None:
        name = self.ticket(place)
        self.write(node, Failed(error=ERROR, is_over_at_backend=is_over, ticket=name))

    # --- what is seen at the backend

    @rule(node=nodes, progress=st.floats() | st.floats(0, 1))
    def progressed(self, node: int, progress: float) -> None:
        self.write(node, Progressed(progress=progress))

    @rule(node=nodes)
    def not_listed(self, node: int) -> None:
        self.write(node, NotListed())

    @rule(node=nodes, link=st.sampled_from(["https://x/1", "https://x/2"]))
    def succeeded(self, node: int, link: str) -> None:
        self.write(node, Succeeded(outputs=(replace(REMOTE_OUTPUT, url=link),)))

    @rule(node=nodes)
    def put_off(self, node: int) -> None:
        self.write(node, PutOff(reason="cut", next_try_at=self.now_s + 5))

    @rule(node=nodes, character_id=st.none() | st.just("character_1"))
    def completed(self, node: int, character_id: str | None) -> None:
        done = Completed(outputs=(OUTPUT,), expires_at=self.now_s + 9, character_id=character_id)
        self.write(node, done)

    @rule(node=nodes)
    def released(self, node: int) -> None:
        self.write(node, Released(reason="left the list"))

    # --- what ends it from anywhere; not too early, or hardly a walk would get far

    @precondition(lambda self: self.now_s >= self.may_end_at)
    @rule(node=nodes)
    def cancelled(self, node: int) -> None:
        self.write(node, Cancelled())

    @precondition(lambda self: self.now_s >= self.may_end_at)
    @rule(node=nodes, is_over=st.booleans())
    def given_up(self, node: int, is_over: bool) -> None:
        self.write(node, Failed(error=ERROR, is_over_at_backend=is_over))

    @precondition(lambda self: self.now_s >= self.may_end_at)
    @rule(node=nodes)
    def deleted(self, node: int) -> None:
        self.write(node, Deleted())

    # --- what holds

    def check_step(self, before: Job, after: Job, *, is_over: bool) -> None:
        """One write: it is counted, and shows its watchers exactly what they can see."""
        if after is before:
            return
        assert after.version == before.version + 1
        assert after.progress >= before.progress
        assert not math.isnan(after.progress)
        is_visible = (after.status, after.percent) != (before.status, before.percent)
        assert after.seq == before.seq + is_visible
        if is_visible:
            self.public.append((after.seq, after.status, after.percent))
        if after.is_final and not before.is_final:
            # Whatever may be alive at the backend is seen out, unless it is said that nothing is.
            may_be_alive = before.phase in (Phase.SUBMITTING, Phase.AMBIGUOUS, Phase.RUNNING)
            assert (after.obligation is not None) == (may_be_alive and not is_over)
        if before.deleted_at is not None:
            assert after.deleted_at == before.deleted_at

    @invariant()
    def ends_once(self) -> None:
        """What the caller was told at the end stays; only what is owed at the backend is still seen to."""
        if self.ended is None:
            self.ended = self.record if self.record.is_final else None
        if self.ended is not None:
            assert told(self.record) == told(self.ended)
            assert (self.record.deadline_at, self.record.remote_outputs) == (0.0, ())

    @invariant()
    def events_have_no_holes(self) -> None:
        """Numbers rise by one, percents never fall, one end at most, and nothing after it."""
        assert [seq for seq, _, _ in self.public] == list(range(1, self.record.seq + 1))
        percents = [percent for _, _, percent in self.public]
        assert percents == sorted(percents)
        ends = [seq for seq, status, _ in self.public if status in ("completed", "failed", "cancelled")]
        assert ends in ([], [self.record.seq])

    @invariant()
    def bound_to_one_task_at_most(self) -> None:
        """The task of the attempt that stands in the record, and never another."""
        if self.record.bound_id is not None:
            self.remote_ids.add(self.record.bound_id)
            assert self.record.attempt is not None
            assert self.record.bound_id == f"task_of_{self.record.attempt.ticket}"
        assert len(self.remote_ids) <= 1

    @invariant()
    def charged_at_most_once(self) -> None:
        """Reserved while it lives, settled once: kept for results and for what the backend had taken."""
        reserved = self.record.reservation
        if reserved is None:
            return
        assert reserved.charged in (0, UNITS)
        assert reserved.is_settled == self.record.is_final
        if not self.record.is_final:
            assert reserved.charged == UNITS
            return
        self.settlements.add(reserved)
        assert len(self.settlements) == 1
        if self.record.phase is not Phase.CANCELLED:
            assert reserved.is_kept == (self.record.phase is Phase.COMPLETED)
        elif self.ended is not None:
            assert reserved.is_kept == (self.ended.bound_id is not None)

    @invariant()
    def somebody_looks_after_it(self) -> None:
        """A live job has a deadline or waits; one that may have a task at the backend has a lane."""
        it = self.record
        assert it.obligation is None or it.is_final
        assert it.is_final or it.phase is Phase.QUEUED or it.deadline_at > 0
        if it.phase in (Phase.SUBMITTING, Phase.AMBIGUOUS, Phase.RUNNING) or it.obligation is not None:
            assert it.lane is not None
            assert it.attempt is not None
        if it.phase is Phase.QUEUED:
            assert (it.account_id, it.attempt, it.bound_id, it.lane) == (None, None, None, None)


def test_a_job_survives_every_order() -> None:
    """It ends once, is bound to one task at most, and is charged at most once."""
    run(JobMachine, settings=tries(100, stateful_step_count=40))
