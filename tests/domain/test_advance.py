"""The job: how it may change, whatever happens in whatever order."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.domain.advance import Limits, advance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.job_events import (
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
from sora_gateway.domain.jobs import FINAL, STATUS, Job, JobError, Phase, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.domain.requests import Clip
from tests.domain.samples import NOW_S, OUTPUT, REMOTE_OUTPUT, attempt, job

LIMITS = Limits()
ERROR = JobError(kind=ErrorKind.GENERATION_FAILED, message="It failed.", code="generation_failed")
MAY_BE_ALIVE = {Phase.SUBMITTING, Phase.AMBIGUOUS, Phase.RUNNING}

tickets = st.sampled_from(["t1", "t2", "t3"])
remote_ids = st.sampled_from(["task_1", "task_2"])
events: st.SearchStrategy[JobEvent] = st.one_of(
    st.builds(Bound, account_id=st.sampled_from(["sora:a", "sora:b"])),
    st.builds(Submitting, attempt=tickets.map(attempt)),
    st.builds(Returned, ticket=st.none() | tickets, reason=st.just("busy"), avoid=st.booleans()),
    st.builds(BecameAmbiguous, ticket=tickets, reason=st.just("cut"), counts_from=st.just(NOW_S)),
    st.builds(LookedFor, ticket=tickets),
    st.builds(Started, ticket=tickets, remote_id=remote_ids),
    st.builds(Progressed, progress=st.floats(allow_nan=True, allow_infinity=True)),
    st.just(NotListed()),
    st.builds(Succeeded, outputs=st.just((REMOTE_OUTPUT,))),
    st.just(PutOff(reason="cut", next_try_at=NOW_S + 5)),
    st.builds(Completed, outputs=st.just((OUTPUT,)), expires_at=st.just(NOW_S + 9)),
    st.builds(Failed, error=st.just(ERROR), is_over_at_backend=st.booleans(), ticket=st.none() | tickets),
    st.just(Cancelled()),
    st.builds(Released, reason=st.just("gone")),
    st.just(Deleted()),
)
# None stands for the event that leads on from wherever the job is, so that walks get far.
walks = st.lists(st.none() | events, max_size=40)

LEADS_ON: dict[Phase, JobEvent] = {
    Phase.QUEUED: Bound(account_id="sora:a"),
    Phase.BOUND: Submitting(attempt=attempt("t1")),
    Phase.SUBMITTING: BecameAmbiguous(ticket="t1", reason="cut", counts_from=NOW_S),
    Phase.AMBIGUOUS: Started(ticket="t1", remote_id="task_1"),
    Phase.RUNNING: Succeeded(outputs=(REMOTE_OUTPUT,)),
    Phase.COLLECTING: Completed(outputs=(OUTPUT,), expires_at=NOW_S + 9),
}


def walk(steps: list[JobEvent | None]) -> list[tuple[Job, JobEvent, Job]]:
    """Return each change as (before, event, after)."""
    now_s, current, history = NOW_S, job(), []
    for step in steps:
        event = step if step is not None else LEADS_ON.get(current.phase, Deleted())
        now_s += 1.0
        after = advance(current, event, now_s, LIMITS)
        history.append((current, event, after))
        current = after
    return history


def to(phase: Phase) -> Job:
    """Return a job that came to ``phase`` in the ordinary way."""
    current = job()
    for step in range(10):
        if current.phase is phase:
            return current
        current = advance(current, LEADS_ON[current.phase], NOW_S + step, LIMITS)
    raise AssertionError(phase)


# --- what holds in every history --------------------------------------------------------------------------


@given(walks)
def test_final_state_never_changes(steps: list[JobEvent | None]) -> None:
    """What the caller was told is the end stays the end: state, error, results and times."""
    for before, _, after in walk(steps):
        if before.is_final:
            told = (before.phase, before.error, before.outputs, before.completed_at, before.progress)
            assert told == (after.phase, after.error, after.outputs, after.completed_at, after.progress)
            assert after.seq == before.seq


@given(walks)
def test_progress_never_falls_and_is_full_only_when_completed(steps: list[JobEvent | None]) -> None:
    """Progress rises or stays, between 0 and 1, whatever the backend reports (infinite and NaN included)."""
    for before, _, after in walk(steps):
        assert before.progress <= after.progress <= 1.0
        assert (after.percent == 100) == (after.status is Status.COMPLETED)
        assert (after.progress == 1.0) == (after.phase is Phase.COMPLETED)


@given(walks)
def test_version_counts_changes_and_seq_visible_ones(steps: list[JobEvent | None]) -> None:
    """An event that does not apply returns the very same job; seq rises exactly with status or percent."""
    for before, _, after in walk(steps):
        if after is before:
            continue
        assert after != before
        assert after.version == before.version + 1
        is_visible = (after.status, after.percent) != (before.status, before.percent)
        assert after.seq == before.seq + is_visible


@given(walks)
def test_same_event_twice_is_the_same_as_once(steps: list[JobEvent | None]) -> None:
    """Facts may be reported twice; only counters of reads count each report."""
    for _, event, after in walk(steps):
        if not isinstance(event, LookedFor | NotListed):
            again = advance(after, event, after.updated_at + 1, LIMITS)
            assert again is after or isinstance(event, Bound | Deleted)


@given(walks)
def test_stale_ticket_changes_nothing_of_a_live_job(steps: list[JobEvent | None]) -> None:
    """A report about an earlier attempt comes too late for a job that goes on."""
    for before, event, after in walk(steps):
        ticket = getattr(event, "ticket", None)
        current = before.attempt.ticket if before.attempt is not None else None
        if ticket is not None and ticket != current and not before.is_final:
            assert after is before


@given(walks)
def test_obligation_appears_exactly_when_a_task_may_be_alive(steps: list[JobEvent | None]) -> None:
    """Ending while the backend may have the task leaves something owed there, and only then."""
    for before, event, after in walk(steps):
        if before.is_final:
            if before.obligation is None:
                assert after.obligation is None
            continue
        if not after.is_final:
            assert after.obligation is None
            continue
        is_over = isinstance(event, Failed) and event.is_over_at_backend
        may_be_alive = before.phase in MAY_BE_ALIVE and not is_over
        assert (after.obligation is not None) == may_be_alive
        if after.obligation is not None:
            assert after.lane == before.account_id
            assert after.obligation.remote_id == before.bound_id


@given(walks)
def test_bound_to_one_task_at_most(steps: list[JobEvent | None]) -> None:
    """Once a task is known, no other takes its place, not even after the end."""
    for before, _, after in walk(steps):
        if before.bound_id is not None:
            assert after.bound_id == before.bound_id


@given(walks)
def test_lane_is_the_account_exactly_while_it_is_needed(steps: list[JobEvent | None]) -> None:
    """An account looks after a job from its slot until the files can be copied, and after obligations."""
    for _, _, after in walk(steps):
        is_needed = after.obligation is not None or after.phase in MAY_BE_ALIVE | {Phase.BOUND}
        assert (after.lane is not None) == is_needed
        if after.is_unsettled:
            assert after.lane is not None


@given(walks)
def test_live_jobs_have_a_deadline_and_final_ones_none(steps: list[JobEvent | None]) -> None:
    """A job that nobody looks at still ends."""
    for before, _, after in walk(steps):
        if after.phase is not before.phase:
            assert (after.deadline_at == 0.0) == after.is_final


@given(st.lists(st.sampled_from(["a", "b"]), min_size=40, max_size=90))
def test_steps_are_bounded(names: list[str]) -> None:
    """A job that is sent back again and again keeps the first and the last of its steps, 60 in all."""
    current = job()
    for name in names:
        current = advance(current, Bound(account_id=name), NOW_S, LIMITS)
        current = advance(current, Returned(ticket=None, reason="busy", avoid=True), NOW_S, LIMITS)
    assert len(current.steps) == 60
    assert [step.account_id for step in current.steps[:2]] == [names[0]] * 2
    assert [step.account_id for step in current.steps[-2:]] == [names[-1]] * 2
    assert sorted(current.avoid) == sorted(set(names))
    assert current.tries == len(names)


def test_steps_say_when_it_is_tried_again() -> None:
    """After a refusal and after a failed copy; not where it is tried at once, nor once it is over."""
    returned = Returned(ticket=None, reason="busy", not_before=NOW_S + 5)
    assert advance(to(Phase.BOUND), returned, NOW_S, LIMITS).steps[-1].next_try_at == NOW_S + 5
    at_once = Returned(ticket=None, reason="busy")
    assert advance(to(Phase.BOUND), at_once, NOW_S, LIMITS).steps[-1].next_try_at is None
    put_off = PutOff(reason="cut", next_try_at=NOW_S + 5)
    after = advance(to(Phase.COLLECTING), put_off, NOW_S, LIMITS)
    assert (after.steps[-1].name, after.steps[-1].next_try_at) == ("put off", NOW_S + 5)
    assert (after.phase, after.deadline_at) == (Phase.COLLECTING, to(Phase.COLLECTING).deadline_at)
    completed = to(Phase.COMPLETED)
    assert advance(completed, put_off, NOW_S, LIMITS) is completed


# --- single transitions -----------------------------------------------------------------------------------


def test_the_ordinary_way() -> None:
    """A job goes through every phase to its end, and its watchers see four changes."""
    phases, current = [], job()
    while not current.is_final:
        current = advance(current, LEADS_ON[current.phase], NOW_S, LIMITS)
        phases.append(current.phase)
    assert phases == [
        Phase.BOUND,
        Phase.SUBMITTING,
        Phase.AMBIGUOUS,
        Phase.RUNNING,
        Phase.COLLECTING,
        Phase.COMPLETED,
    ]
    assert current.outputs == (OUTPUT,)
    assert current.remote_outputs == ()
    assert current.expires_at == NOW_S + 9
    assert [step.name for step in current.steps] == [
        *("bound", "submitting", "ambiguous", "started", "collecting", "completed")
    ]
    assert current.seq == 4  # queued, in_progress, 99 %, completed


def test_status_of_every_phase() -> None:
    """Callers see one word for each phase, and final means final for both."""
    assert set(STATUS) == set(Phase)
    assert {STATUS[phase] for phase in FINAL} == {Status.COMPLETED, Status.FAILED, Status.CANCELLED}


@pytest.mark.parametrize(
    ("phase", "kind", "expected_s"),
    [
        (Phase.QUEUED, MediaKind.VIDEO, LIMITS.queue_s),
        (Phase.BOUND, MediaKind.VIDEO, LIMITS.prepare_s),
        (Phase.SUBMITTING, MediaKind.VIDEO, LIMITS.prepare_s),
        (Phase.AMBIGUOUS, MediaKind.VIDEO, LIMITS.settle_s),
        (Phase.RUNNING, MediaKind.VIDEO, LIMITS.video_s),
        (Phase.RUNNING, MediaKind.IMAGE, LIMITS.image_s),
        (Phase.COLLECTING, MediaKind.IMAGE, LIMITS.collect_s),
    ],
)
def test_limits(phase: Phase, kind: MediaKind, expected_s: float) -> None:
    """Each phase has its time."""
    assert LIMITS.of(phase, replace(job().request, kind=kind)) == expected_s


def test_a_character_takes_its_time() -> None:
    """A job that makes a character first may be prepared for longer."""
    request = replace(job().request, character=Clip())
    assert LIMITS.of(Phase.BOUND, request) == LIMITS.character_s


def test_notes_belong_to_an_account() -> None:
    """They go when the job leaves it, unless what they tell of can be used there only."""
    bound = advance(job(), Bound(account_id="a"), NOW_S, LIMITS)
    noted = advance(bound, Noted(notes={"x": "1"}), NOW_S, LIMITS)
    assert noted.notes == {"x": "1"}
    assert noted.seq == bound.seq
    assert advance(noted, Returned(ticket=None, reason=""), NOW_S, LIMITS).notes == {}
    pinned = advance(noted, Noted(notes={"y": "2"}, is_pinned=True), NOW_S, LIMITS)
    back = advance(pinned, Returned(ticket=None, reason=""), NOW_S, LIMITS)
    assert (back.notes, back.request.account_id) == ({"x": "1", "y": "2"}, "a")
    assert back.signature == f"{job().signature.rpartition('/')[0]}/@a"
    assert advance(back, Noted(notes={"z": "3"}), NOW_S, LIMITS) is back


def test_a_character_needs_no_task() -> None:
    """Its job is completed from where it was made; any other has to be collected first."""
    done = Completed(outputs=(), expires_at=0.0, character_id="character_1")
    bound = advance(job(), Bound(account_id="a"), NOW_S, LIMITS)
    assert advance(bound, done, NOW_S, LIMITS) is bound
    request = replace(bound.request, kind=MediaKind.CHARACTER, character=Clip())
    ended = advance(replace(bound, request=request), done, NOW_S, LIMITS)
    assert (ended.phase, ended.character_id) == (Phase.COMPLETED, "character_1")


def test_a_returned_job_keeps_its_place_in_time() -> None:
    """The deadline of the queue counts from acceptance, however often the job comes back."""
    bound = advance(job(), Bound(account_id="a"), NOW_S + 100, LIMITS)
    assert bound.deadline_at == NOW_S + 100 + LIMITS.prepare_s
    back = advance(bound, Returned(ticket=None, reason="busy", not_before=NOW_S + 105), NOW_S + 101, LIMITS)
    assert back.deadline_at == NOW_S + LIMITS.queue_s
    assert (back.account_id, back.attempt, back.not_before, back.avoid) == (None, None, NOW_S + 105, ())


@pytest.mark.parametrize("phase", [Phase.SUBMITTING, Phase.AMBIGUOUS])
def test_an_attempt_without_a_task_goes_back_to_the_queue(phase: Phase) -> None:
    """Not sent, or proved absent: the job waits again and avoids the account if told so."""
    event = Returned(ticket="t1", reason="no task was made", avoid=True)
    back = advance(to(phase), event, NOW_S, LIMITS)
    assert (back.phase, back.avoid, back.bound_id) == (Phase.QUEUED, ("sora:a",), None)
    assert advance(back, event, NOW_S, LIMITS) is back


def test_absent_reads_are_counted_from_the_first() -> None:
    """Each complete read counts; the time of the first is kept."""
    current = to(Phase.AMBIGUOUS)
    for at in (NOW_S + 10, NOW_S + 20):
        current = advance(current, LookedFor(ticket="t1"), at, LIMITS)
    assert current.attempt is not None
    assert (current.attempt.absent_reads, current.attempt.absent_since) == (2, NOW_S + 10)


def test_a_task_that_is_not_listed_is_counted_until_it_is_seen_again() -> None:
    """Progress and success end the count of reads that did not show the task."""
    current = advance(to(Phase.RUNNING), Progressed(progress=0.5), NOW_S, LIMITS)
    current = advance(current, NotListed(), NOW_S, LIMITS)
    assert current.unknown_reads == 1
    current = advance(current, Progressed(progress=0.2), NOW_S, LIMITS)
    assert (current.unknown_reads, current.progress) == (0, 0.5)
    assert advance(current, Progressed(progress=0.5), NOW_S, LIMITS) is current


def test_progress_that_is_no_number_is_no_progress() -> None:
    """NaN leaves the job alone instead of poisoning every later comparison."""
    running = to(Phase.RUNNING)
    assert advance(running, Progressed(progress=math.nan), NOW_S, LIMITS) is running
    assert advance(running, Progressed(progress=math.inf), NOW_S, LIMITS).progress == 0.99


def test_fresh_links_replace_dead_ones_while_collecting() -> None:
    """A second look at a finished task renews what has to be fetched."""
    collecting = to(Phase.COLLECTING)
    fresh = RemoteOutput(index=0, url="https://files.example.org/b.mp4")
    renewed = advance(collecting, Succeeded(outputs=(fresh,)), NOW_S, LIMITS)
    assert renewed.remote_outputs == (fresh,)
    assert renewed.seq == collecting.seq


@pytest.mark.parametrize("event", [Cancelled(), Deleted()])
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in FINAL])
def test_cancel_and_delete_are_final_at_once(phase: Phase, event: JobEvent) -> None:
    """From every live phase; deleting also leaves a tombstone."""
    ended = advance(to(phase), event, NOW_S, LIMITS)
    assert ended.status is Status.CANCELLED
    assert ended.error is not None
    assert ended.error.code == "cancelled"
    assert (ended.deleted_at is not None) == isinstance(event, Deleted)


def test_deleting_a_completed_job_leaves_a_tombstone_once() -> None:
    """The state stays completed; the second delete changes nothing."""
    gone = advance(to(Phase.COMPLETED), Deleted(), NOW_S + 5, LIMITS)
    assert (gone.status, gone.deleted_at) == (Status.COMPLETED, NOW_S + 5)
    assert advance(gone, Deleted(), NOW_S + 6, LIMITS) is gone


def test_released_needs_something_owed() -> None:
    """A live job and a settled one owe nothing."""
    running, done = to(Phase.RUNNING), to(Phase.COMPLETED)
    assert advance(running, Released(reason="gone"), NOW_S, LIMITS) is running
    assert advance(done, Released(reason="gone"), NOW_S, LIMITS) is done


class TestAfterTheEnd:
    """What the backend still says about a job that the caller has ended."""

    owing = advance(to(Phase.SUBMITTING), Cancelled(), NOW_S, LIMITS)

    def test_it_is_unsettled(self) -> None:
        """Ticket and account are kept, the task is unknown."""
        assert self.owing.is_unsettled
        assert self.owing.obligation is not None
        assert self.owing.obligation.ticket == "t1"

    def test_its_late_task_is_bound_for_seeing_it_out(self) -> None:
        """The task becomes known, the caller's state does not change; a second task is not taken."""
        known = advance(self.owing, Started(ticket="t1", remote_id="task_9"), NOW_S, LIMITS)
        assert (known.phase, known.bound_id, known.is_unsettled) == (Phase.CANCELLED, "task_9", False)
        assert known.lane == "sora:a"
        assert advance(known, Started(ticket="t1", remote_id="task_8"), NOW_S, LIMITS) is known
        released = advance(known, Released(reason="left the list"), NOW_S, LIMITS)
        assert (released.obligation, released.lane) == (None, None)

    @pytest.mark.parametrize(
        "event",
        [
            Returned(ticket="t1", reason="not sent"),
            Failed(error=ERROR, is_over_at_backend=True, ticket="t1"),
        ],
    )
    def test_a_late_no_settles_it(self, event: JobEvent) -> None:
        """Refused or not sent: no task was made, nothing is owed, the end is the caller's."""
        settled = advance(self.owing, event, NOW_S, LIMITS)
        assert (settled.obligation, settled.phase) == (None, Phase.CANCELLED)

    def test_reads_without_it_are_counted(self) -> None:
        """An owed submission is looked for like a live one."""
        looked = advance(self.owing, LookedFor(ticket="t1"), NOW_S, LIMITS)
        assert looked.attempt is not None
        assert looked.attempt.absent_reads == 1

    @pytest.mark.parametrize(
        "event",
        [
            Started(ticket="t0", remote_id="task_9"),
            Returned(ticket="t0", reason="not sent"),
            Returned(ticket=None, reason="not sent"),
            Failed(error=ERROR, is_over_at_backend=False, ticket="t1"),
            LookedFor(ticket="t0"),
            BecameAmbiguous(ticket="t1", reason="cut", counts_from=NOW_S),
        ],
    )
    def test_other_reports_change_nothing(self, event: JobEvent) -> None:
        """Stale tickets and reports that settle nothing."""
        assert advance(self.owing, event, NOW_S, LIMITS) is self.owing


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        (Phase.QUEUED, Returned(ticket=None, reason="busy")),
        (Phase.QUEUED, Submitting(attempt=attempt())),
        (Phase.QUEUED, Completed(outputs=(OUTPUT,), expires_at=NOW_S)),
        (Phase.BOUND, Bound(account_id="sora:b")),
        (Phase.BOUND, Returned(ticket="t1", reason="busy")),
        (Phase.SUBMITTING, LookedFor(ticket="t1")),
        (Phase.RUNNING, BecameAmbiguous(ticket="t1", reason="cut", counts_from=NOW_S)),
        (Phase.RUNNING, Started(ticket="t1", remote_id="task_2")),
        (Phase.AMBIGUOUS, Progressed(progress=0.5)),
        (Phase.COLLECTING, Progressed(progress=0.5)),
        (Phase.COLLECTING, Succeeded(outputs=(REMOTE_OUTPUT,))),
        (Phase.COMPLETED, LookedFor(ticket="t1")),
        (Phase.COMPLETED, Started(ticket="t1", remote_id="task_2")),
    ],
)
def test_events_out_of_place_change_nothing(phase: Phase, event: JobEvent) -> None:
    """The very same job comes back, so nothing is written."""
    current = to(phase)
    assert advance(current, event, NOW_S, LIMITS) is current


def test_failure_names_its_reason() -> None:
    """The error is kept for the caller and in the job's history."""
    failed = advance(to(Phase.RUNNING), Failed(error=ERROR, is_over_at_backend=True), NOW_S, LIMITS)
    assert (failed.status, failed.error, failed.obligation) == (Status.FAILED, ERROR, None)
    assert failed.steps[-1].detail == "generation_failed: It failed."
    assert failed.completed_at == NOW_S


def test_kind_is_the_requests() -> None:
    """A job makes what was asked for."""
    assert job().kind is MediaKind.VIDEO
