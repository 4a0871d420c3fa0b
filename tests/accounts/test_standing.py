"""Why an account gets no work, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.accounts.choice import choose
from sora_gateway.accounts.standing import IDLE, Obstacle, obstacle, standing
from sora_gateway.domain.accounts import Account, AccountState, Plan
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.ports.stores import Load
from tests.domain.samples import IMAGE, NOW_S, PRO, VIDEO, account

FULL = Load(ours={MediaKind.VIDEO: 1}, foreign={MediaKind.VIDEO: 2})
BUSY = Load(ours={MediaKind.VIDEO: 3, MediaKind.IMAGE: 1}, foreign={})


@pytest.mark.parametrize(
    ("given", "load", "state", "why"),
    [
        (account(), IDLE, "ready", []),
        (
            account(),
            FULL,
            "ready",
            ["no video slot is free: of 3, 1 run jobs of this gateway and 2 tasks of other"],
        ),
        (
            account(),
            BUSY,
            "busy",
            ["no image slot is free: of 1, 1 run", "no video slot is free: of 3, 3 run"],
        ),
        (account(slots={MediaKind.VIDEO: 2}), IDLE, "ready", ["it has no slots for images"]),
        (
            account(state=AccountState.COOLING, until=NOW_S + 9, reason="the pace"),
            BUSY,
            "cooling",
            ["it rests: the pace"],
        ),
        (account(state=AccountState.COOLING, until=NOW_S, reason="the pace"), IDLE, "ready", []),
        (
            account(state=AccountState.EXHAUSTED, until=NOW_S + 9, reason="quota used up"),
            IDLE,
            "exhausted",
            ["it is exhausted: quota used up"],
        ),
        (
            account(state=AccountState.AUTH_FAILED, reason="credential expired or revoked"),
            IDLE,
            "auth_failed",
            ["its credential is not accepted any more: credential expired"],
        ),
        (account(state=AccountState.DISABLED), IDLE, "disabled", ["it is disabled"]),
        (account(videos_remaining=0, quota_resets_at=NOW_S + 9), IDLE, "ready", ["its videos are used up"]),
        (account(videos_remaining=0, quota_resets_at=NOW_S), IDLE, "ready", []),
    ],
)
def test_standing(given: Account, load: Load, state: str, why: list[str]) -> None:
    """State, and every reason against it."""
    found = standing(given, load, NOW_S)
    assert found.state == state
    assert len(found.why) == len(why)
    assert all(one.text.startswith(text) for one, text in zip(found.why, why, strict=True))


def test_slots() -> None:
    """Tasks of other clients take slots too, and more tasks than slots leave none."""
    found = standing(account(), FULL, NOW_S).slots
    assert {kind: one.free for kind, one in found.items()} == {
        MediaKind.VIDEO: 0,
        MediaKind.IMAGE: 1,
        MediaKind.CHARACTER: 2,
    }


@pytest.mark.parametrize(
    ("given", "request_", "load", "avoid", "text"),
    [
        (account(), VIDEO, IDLE, (), None),
        (account(), PRO, IDLE, (), "its plan is free, and pro is needed"),
        (account(), replace(VIDEO, groups=("night",)), IDLE, (), "it is in none of the groups night"),
        (account(slots={MediaKind.VIDEO: 1}), IMAGE, IDLE, (), "it has no slots for images"),
        (account(owner="somebody"), VIDEO, IDLE, (), "it works for other callers"),
        (account(), VIDEO, IDLE, ("sora:a",), "it refused this job before"),
        (account(state=AccountState.DISABLED, reason="by hand"), PRO, IDLE, (), "it is disabled: by hand"),
        (account(state=AccountState.COOLING, until=NOW_S + 5), VIDEO, IDLE, (), "it rests"),
        (account(videos_remaining=0, quota_resets_at=NOW_S + 5), VIDEO, IDLE, (), "its videos are used up"),
        (account(videos_remaining=0, quota_resets_at=NOW_S + 5), IMAGE, IDLE, (), None),
        (account(), VIDEO, FULL, (), "no video slot is free"),
        (account(plan=Plan.PRO), PRO, IDLE, (), None),
    ],
)
def test_obstacle(
    given: Account, request_: GenerationRequest, load: Load, avoid: tuple[str, ...], text: str | None
) -> None:
    """An obstacle is named exactly where the choice would pass the account over."""
    found = obstacle(request_, given, load, NOW_S, avoid)
    chosen = choose(request_, [given], {given.id: load}, NOW_S, avoid)
    assert bool(chosen) == (found is None)
    assert (found or Obstacle(text="")).text.startswith(text or "")
