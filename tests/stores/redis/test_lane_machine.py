"""Lanes between several nodes on the real store: one holder by the store's word, whatever happens when."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run

from sora_gateway.domain.job_events import Bound, Cancelled, Released, Returned, Started
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.ports.stores import Lease, LeaseLostError, TakenError, TwinError
from tests.conftest_store import accepted, new_job, on, submitting
from tests.fuzzing import tries
from tests.stores.redis.stores import Stores

SLOTS = 2
LEASE_S = 30.0
ACCOUNTS = ("sora_web:user-1", "sora_web:user-2")

T = TypeVar("T")
nodes = st.integers(0, 1)
accounts = st.sampled_from(ACCOUNTS)
places = st.integers(0, 4)
"""Which of the jobs, leases or tickets there are, counted from the last."""


@dataclass
class Lane:
    """What is believed of one lane. ``token``: of its owner; ``has_run_out``: anybody may take it."""

    token: str | None = None
    has_run_out: bool = False
    foreign: int = 0


class LaneMachine(RuleBasedStateMachine):
    """Two nodes claim, lose and give up lanes while jobs come, go and are reported on.

    The store's clock is the server's. A lease is moved past its end by renewing it for no time at all. Who
    wins a race is not known before, so no rule is left out for what is there: it returns instead.
    """

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores
        stores.clear()
        self.lanes = {account: Lane() for account in ACCOUNTS}
        self.leases: list[Lease] = []
        self.jobs: dict[str, Job] = {}
        self.tickets: list[tuple[str, str]] = []  # job, ticket
        self.taken: dict[str, str] = {}  # remote id -> job

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.stores.do(work)

    def of(self, account: str) -> list[Job]:
        """Return the jobs whose lane is the account."""
        return [job for job in self.jobs.values() if job.lane == account]

    def pick(self, items: list[T], place: int) -> T:
        return items[-1 - place % len(items)]

    def changed(self, job: Job) -> None:
        """Remember a job as the store has it now; a lane that nobody holds ends with its last job."""
        before = self.jobs.get(job.id)
        self.jobs[job.id] = job
        left = before.lane if before is not None else None
        if left is not None and left != job.lane:
            self.forget_if_idle(left)

    def forget_if_idle(self, account: str) -> None:
        if not self.of(account) and self.lanes[account].token is None:
            self.lanes[account] = Lane()

    # --- jobs come and get an account

    @rule()
    def accept(self) -> None:
        job = new_job(f"job_{len(self.jobs)}")
        self.do(accepted(self.stores.nodes[0], job))
        self.jobs[job.id] = job

    @rule(node=nodes, place=places, account=accounts)
    def bind(self, node: int, place: int, account: str) -> None:
        """It is bound exactly when it waits and a slot is free."""
        if not self.jobs:
            return
        before = self.pick(list(self.jobs.values()), place)
        is_free = len(self.of(account)) + self.lanes[account].foreign < SLOTS
        bound = on(Bound(account_id=account))
        job = self.do(self.stores.nodes[node].jobs.bind(before.id, bound, account, SLOTS))
        assert (job is not None) == (before.phase is Phase.QUEUED and is_free)
        if job is not None:
            self.changed(job)

    @rule(account=accounts)
    def race_for_slots(self, account: str) -> None:
        """Two nodes bind all that waits at once: no job twice, no slot more than there are."""
        if not (sum(job.phase is Phase.QUEUED for job in self.jobs.values()) > 1):
            return
        waiting = [job.id for job in self.jobs.values() if job.phase is Phase.QUEUED]
        free = max(0, SLOTS - len(self.of(account)) - self.lanes[account].foreign)
        calls = [
            lambda node=node, name=name: node.jobs.bind(name, on(Bound(account_id=account)), account, SLOTS)
            for name in waiting
            for node in self.stores.nodes
        ]
        won = [job for job in self.stores.at_once(*calls) if isinstance(job, Job)]
        assert len({job.id for job in won}) == len(won) == min(free, len(waiting))
        for job in won:
            self.changed(job)

    # --- lanes change hands

    def claimable(self) -> set[str]:
        return {
            account
            for account, lane in self.lanes.items()
            if self.of(account) and (lane.token is None or lane.has_run_out)
        }

    def claimed(self, leases: list[Lease]) -> None:
        for account, lane in self.lanes.items():
            if lane.has_run_out and not self.of(account):
                self.lanes[account] = Lane()  # whoever comes by forgets a lane without work
        for lease in leases:
            assert lease.token not in [it.token for it in self.leases]
            lane = self.lanes[lease.account_id]
            lane.token, lane.has_run_out = lease.token, False
        self.leases += leases

    @rule(node=nodes)
    def claim(self, node: int) -> None:
        """All lanes with work that nobody holds, and no other."""
        expected = self.claimable()
        leases = list(self.do(self.stores.nodes[node].lanes.claim(f"node {node}", 9, LEASE_S)))
        assert {lease.account_id for lease in leases} == expected
        assert len(leases) == len(expected)
        self.claimed(leases)

    @rule()
    def race_for_lanes(self) -> None:
        """Two nodes at once: each lane goes to one."""
        expected = self.claimable()
        calls = [lambda node=node: node.lanes.claim("node", 9, LEASE_S) for node in self.stores.nodes]
        leases = [lease for found in self.stores.at_once(*calls) for lease in found]
        assert sorted(lease.account_id for lease in leases) == sorted(expected)
        self.claimed(leases)

    @rule(node=nodes, has_run_out=st.booleans())
    def renew_all(self, node: int, has_run_out: bool) -> None:
        """Exactly the owners' leases are renewed; of all that were ever given, one for each lane at most."""
        if not self.leases:
            return
        length_s = 0.0 if has_run_out else LEASE_S
        lost = list(self.do(self.stores.nodes[node].lanes.renew(self.leases, length_s)))
        kept = [lease for lease in self.leases if lease not in lost]
        assert {lease.account_id: lease.token for lease in kept} == {
            account: lane.token for account, lane in self.lanes.items() if lane.token is not None
        }
        for lease in kept:
            self.lanes[lease.account_id].has_run_out = has_run_out

    @rule(node=nodes, place=places)
    def release(self, node: int, place: int) -> None:
        """An old owner gives up nothing."""
        if not self.leases:
            return
        self.release_one(node, self.pick(self.leases, place))

    def release_one(self, node: int, lease: Lease) -> None:
        self.do(self.stores.nodes[node].lanes.release(lease))
        lane = self.lanes[lease.account_id]
        if lane.token == lease.token:
            lane.token, lane.has_run_out = None, False
            self.forget_if_idle(lease.account_id)

    @rule(node=nodes, place=places, foreign=st.integers(0, SLOTS))
    def look_at_lists(self, node: int, place: int, foreign: int) -> None:
        """Only the owner's look counts."""
        if not self.leases:
            return
        lease = self.pick(self.leases, place)
        lane = self.lanes[lease.account_id]
        look = self.stores.nodes[node].lanes.note_listed(lease, [], {MediaKind.VIDEO: foreign}, None)
        if lane.token == lease.token:
            self.do(look)
            lane.foreign = foreign
        else:
            with pytest.raises(LeaseLostError):
                self.do(look)

    # --- decisions need the lane

    @rule(node=nodes, lease_place=places, job_place=places, is_equal=st.booleans())
    def send(self, node: int, lease_place: int, job_place: int, is_equal: bool) -> None:
        """A token that is not the current one starts nothing; neither does a twin of an open submission."""
        if not (self.leases and self.jobs):
            return
        lease = self.pick(self.leases, lease_place)
        mine = self.of(lease.account_id) or list(self.jobs.values())
        job = self.pick(mine, job_place)
        if job.lane not in (None, lease.account_id):
            return  # the sender compares the account before it writes
        ticket = f"t{len(self.tickets)}"
        fingerprint = "equal" if is_equal else ticket
        decide = on(submitting(ticket, fingerprint))
        write = self.stores.nodes[node].jobs.change(job.id, decide, lease=lease)
        open_fingerprints = {
            other.attempt.fingerprint
            for other in self.of(lease.account_id)
            if other.is_unsettled and other.attempt is not None
        }
        if job.phase is not Phase.BOUND:
            before, after = self.do(write)
            assert after is before
        elif self.lanes[lease.account_id].token != lease.token:
            with pytest.raises(LeaseLostError):
                self.do(write)
        elif fingerprint in open_fingerprints:
            with pytest.raises(TwinError):
                self.do(write)
        else:
            self.changed(self.do(write)[1])
            self.tickets.append((job.id, ticket))

    @rule(account=accounts, node=nodes, is_released=st.booleans())
    def an_old_owner_sends(self, account: str, node: int, is_released: bool) -> None:
        """Whoever lost the lane or gave it up starts nothing there, also where nobody else has it yet."""
        if not self.of(account):
            return
        if self.lanes[account].token is None or self.lanes[account].has_run_out:
            self.claim(node)
        old = next(lease for lease in self.leases if lease.token == self.lanes[account].token)
        if is_released:
            self.release_one(node, old)
        else:
            self.renew_all(node, has_run_out=True)
            self.claim(1 - node)
        for job in self.of(account):
            decide = on(submitting("stale"))
            assert decide(job) == job or self.is_refused(1 - node, job, old)

    @rule(account=accounts, node=nodes)
    def an_idle_lane_runs_out(self, account: str, node: int) -> None:
        """Its owner keeps it until its lease ends; then nobody gets a lane without work."""
        self.claim(node)
        for job in self.of(account):
            ended = on(Cancelled(), Released(reason="gone"))
            self.changed(self.do(self.stores.nodes[node].jobs.change(job.id, ended))[1])
        self.renew_all(node, has_run_out=True)
        self.claim(1 - node)

    @rule(account=accounts, node=nodes)
    def two_jobs_say_one_task(self, account: str, node: int) -> None:
        """The second is refused, whoever reports it."""
        self.accept()
        self.accept()
        self.race_for_slots(account)
        bound = [job for job in self.of(account) if job.phase is Phase.BOUND]
        for job in bound:
            ticket = f"t{len(self.tickets)}"
            sent = on(submitting(ticket, ticket))
            self.changed(self.do(self.stores.nodes[node].jobs.change(job.id, sent))[1])
            self.tickets.append((job.id, ticket))
            self.started(1 - node, 0, is_foreign=True)

    def is_refused(self, node: int, job: Job, lease: Lease) -> bool:
        try:
            self.do(self.stores.nodes[node].jobs.change(job.id, on(submitting("stale")), lease=lease))
        except LeaseLostError:
            return True
        return False

    # --- facts do not

    @rule(node=nodes, place=places, is_foreign=st.booleans())
    def started(self, node: int, place: int, is_foreign: bool) -> None:
        """Taken from anybody while the ticket is the current one, and never twice for one task."""
        if not self.tickets:
            return
        job_id, ticket = self.pick(self.tickets, place)
        job = self.jobs[job_id]
        remote_id = next(iter(self.taken), "task_0") if is_foreign else f"task_of_{ticket}"
        owed = job.obligation
        is_open = job.phase is Phase.SUBMITTING or (owed is not None and owed.remote_id is None)
        is_current = is_open and job.attempt is not None and job.attempt.ticket == ticket
        write = self.stores.nodes[node].jobs.change(job_id, on(Started(ticket=ticket, remote_id=remote_id)))
        if is_current and self.taken.get(remote_id, job_id) != job_id:
            with pytest.raises(TakenError):
                self.do(write)
            return
        after = self.do(write)[1]
        assert (after.bound_id == remote_id) == (is_current or job.bound_id == remote_id)
        if is_current:
            self.taken[remote_id] = job_id
        self.changed(after)

    @rule(node=nodes, place=places)
    def not_sent(self, node: int, place: int) -> None:
        if not self.tickets:
            return
        job_id, ticket = self.pick(self.tickets, place)
        job = self.jobs[job_id]
        returned = on(Returned(ticket=ticket, reason="not sent"))
        after = self.do(self.stores.nodes[node].jobs.change(job_id, returned))[1]
        is_current = job.attempt is not None and job.attempt.ticket == ticket
        if not (is_current and job.is_unsettled):
            assert after == job
        self.changed(after)

    @rule(node=nodes, place=places, event=st.sampled_from([Cancelled(), Released(reason="gone")]))
    def ends(self, node: int, place: int, event: Cancelled | Released) -> None:
        if not self.jobs:
            return
        job = self.pick(list(self.jobs.values()), place)
        self.changed(self.do(self.stores.nodes[node].jobs.change(job.id, on(event)))[1])

    # --- what holds

    @invariant()
    def slots_are_counted(self) -> None:
        """The store counts what the jobs say, and never more than the limit."""
        load = self.do(self.stores.nodes[0].lanes.load(ACCOUNTS))
        for account in ACCOUNTS:
            assert load[account].ours[MediaKind.VIDEO] == len(self.of(account)) <= SLOTS
            assert load[account].foreign[MediaKind.VIDEO] == self.lanes[account].foreign

    def teardown(self) -> None:
        """In the end each lane holds the jobs that say so."""
        for account in ACCOUNTS:
            found = self.do(self.stores.nodes[1].jobs.lane_jobs(account))
            assert {job.id for job in found} == {job.id for job in self.of(account)}


def test_lanes_survive_every_order(stores: Stores) -> None:
    """One holder, no start by an old token, facts from anybody, no slot too many."""
    run(lambda: LaneMachine(stores), settings=tries(30, stateful_step_count=30))
