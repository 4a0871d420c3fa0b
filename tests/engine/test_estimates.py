"""Estimates follow what the last jobs took."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.jobs import Phase, Step
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.estimates import Estimates
from sora_gateway.engine.hub import Hub
from sora_gateway.ports.stores import FeedEntry
from tests.conftest_store import NOW, new_job


class _Quiet(Hub):
    """A hub that a test feeds by hand."""

    def __init__(self) -> None:
        self.heard = lambda entry: None

    def listen(self, heard, missed) -> None:  # type: ignore[no-untyped-def]
        self.heard = heard


def test_learns_and_counts_down() -> None:
    """A job that took 100 s makes that the guess: half way 50 are left, ten for two slots take six rounds."""
    hub = _Quiet()
    estimates = Estimates(hub)
    done = replace(new_job(), phase=Phase.COMPLETED, started_at=NOW, completed_at=NOW + 100)
    hub.heard(FeedEntry(id="1-0", job=done, has_public_change=True))
    running = replace(new_job(), phase=Phase.RUNNING, progress=0.5)
    assert estimates.eta_s(running, None, 1) == 50
    assert estimates.eta_s(new_job(), 10, 2) == 600
    assert estimates.eta_s(new_job(), 1, 4) == 125
    assert estimates.eta_s(new_job(), 1, 0) is None
    assert estimates.eta_s(done, None, 1) == 0


def test_copying_holds_no_slot() -> None:
    """Whoever waits, waits for the making of those before; what is copied needs no more than that."""
    hub = _Quiet()
    estimates = Estimates(hub)
    collecting = Step(at=NOW + 80, name="collecting")
    done = replace(
        new_job(), phase=Phase.COMPLETED, started_at=NOW, completed_at=NOW + 100, steps=(collecting,)
    )
    hub.heard(FeedEntry(id="1-0", job=done, has_public_change=True))
    assert estimates.eta_s(new_job(), 10, 2) == 80 * 6 + 20
    assert estimates.eta_s(replace(new_job(), phase=Phase.BOUND), None, 2) == 100
    assert estimates.eta_s(replace(new_job(), phase=Phase.RUNNING, progress=0.75), None, 2) == 40
    assert estimates.eta_s(replace(new_job(), phase=Phase.COLLECTING, progress=1.0), None, 2) == 20


def test_nothing_unfinished_is_done_now() -> None:
    """0 means final, and nothing else."""
    hub = _Quiet()
    estimates = Estimates(hub)
    done = replace(new_job(), phase=Phase.COMPLETED, started_at=NOW, completed_at=NOW)
    hub.heard(FeedEntry(id="1-0", job=done, has_public_change=True))
    assert estimates.eta_s(replace(new_job(), phase=Phase.RUNNING, progress=1.0), None, 1) == 1


@pytest.mark.parametrize("kind", MediaKind)
def test_everything_has_a_first_guess(kind: MediaKind) -> None:
    """Before anything was learned, whatever can be asked for has an estimate."""
    waiting = replace(new_job(), request=replace(new_job().request, kind=kind))
    assert (Estimates(_Quiet()).eta_s(waiting, 1, 1) or 0) > 0
