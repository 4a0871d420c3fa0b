"""Remote tasks: unions that can be told apart."""

from __future__ import annotations

from typing import get_args

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import (
    Finding,
    Listed,
    Observed,
    RemoteRunning,
    RemoteStatus,
    RemoteSucceeded,
    Submission,
)
from tests.domain.samples import REMOTE_OUTPUT


def test_unions_are_complete() -> None:
    """Each outcome stands once in its union."""
    assert len(set(get_args(RemoteStatus))) == 5
    assert len(set(get_args(Submission))) == 4
    assert len(set(get_args(Finding))) == 3


def test_a_look_may_see_little() -> None:
    """A job that is missing was not read; nothing is claimed about lists that were not."""
    observed = Observed(statuses={"task_1": RemoteRunning(progress=None)})
    assert (observed.listed, observed.read) == ({}, frozenset())
    assert Listed(kind=MediaKind.VIDEO, is_unfinished=True).marker is None


def test_outcomes_are_values() -> None:
    """Equal reports are equal, so that nothing is written twice."""
    assert RemoteSucceeded(outputs=(REMOTE_OUTPUT,)) == RemoteSucceeded(outputs=(REMOTE_OUTPUT,))
