"""A short run of everything at once; the long one is a command (``python -m tests.functional.chaos``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.chaos.plan import SHORT, What, plan_of
from tests.functional.chaos.report import report_of, text_of
from tests.functional.chaos.run import run
from tests.functional.chaos.world import forking

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

SEED = 1


async def test_all_promises_are_kept_when_everything_breaks(tmp_path: Path) -> None:
    """The ledgers of callers, gateway, backend and quotas agree.

    60 jobs, three nodes: six kills, a sleep longer than a lease. The store is restarted twice and loses two
    seconds once. The backend has faults, and another client makes the same videos.
    """
    plan = plan_of(SEED, SHORT)
    with forking():
        outcome = await run(plan, tmp_path, tell=print, accounts=9, drain_s=100)
    report = report_of(plan, outcome)
    assert not report["violations"], text_of(report)
    assert outcome.done[What.KILL] == SHORT.kills
    assert outcome.done[What.CUT_STORE] == SHORT.cuts
    assert outcome.done[What.STOP_AT_DOOR] + outcome.done[What.STOP] >= 1
    assert report["foreign_tasks"] >= SHORT.twins
