"""Lay out a run from its seed: who asks for what when, and what breaks when. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tests.functional.chaos.records import Kind

NODES = 3
LEASE_S = 12.0
CREATE, CREATE_IMAGE = "POST /nf/create", "POST /video_gen"
_CREATES = (CREATE, CREATE, CREATE, CREATE_IMAGE)


class What(StrEnum):
    """What is done to the world."""

    KILL = "kill"  # SIGKILL a node, start it again
    STOP = "stop"  # SIGSTOP a node, SIGCONT after ``for_s``
    STOP_AT_DOOR = "stop at door"  # the same between `submitting` and the first byte of the call
    KILL_AT_DOOR = "kill at door"
    RESTART_STORE = "restart store"
    KILL_STORE = "kill store"
    CUT_STORE = "cut store"  # kill it and take back what it wrote last
    FAULT = "fault"
    TWIN = "twin"  # another client of an account makes what one of ours makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that breaks at ``at_s`` of the run. ``for_s``: how long a node or the store is away."""

    at_s: float
    what: What
    node: int = 0
    for_s: float = 0.0
    fault: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""
    seconds: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one caller asks for at ``at_s``, and whether he changes his mind ``then_s`` later.

    ``is_remix``: of a video that is finished by then, if there is one.
    """

    at_s: float
    number: int
    kind: Kind
    prompt: str
    seconds: int = 10
    licence: int = 0
    is_remix: bool = False
    then: str = "keep"
    then_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything; ``over_s`` is how long the callers go on asking."""

    jobs: int
    kills: int
    restarts: int
    cuts: int
    stops: int
    doors: int
    faults: int
    twins: int
    over_s: float
    is_thorough: bool = False
    """With what takes minutes to be over: silent lists, edge pages."""


SHORT = Size(jobs=60, kills=6, restarts=2, cuts=1, stops=1, doors=1, faults=24, twins=6, over_s=20.0)


def size_of(*, jobs: int, kills: int, restarts: int) -> Size:
    """Return a long run: everything else in proportion. A kill every 7 s is what nodes recover from."""
    return Size(
        jobs=jobs,
        kills=kills,
        restarts=restarts,
        cuts=max(1, restarts // 5),
        stops=max(1, kills // 12),
        doors=max(2, kills // 12),
        faults=max(len(_FAULTS), jobs // 5),
        twins=max(2, jobs // 25),
        over_s=max(jobs / 4.5, kills * 6.5, restarts * 25.0),
        is_thorough=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run."""

    seed: int
    size: Size
    wishes: tuple[Wish, ...]
    actions: tuple[Action, ...]


def plan_of(seed: int, size: Size) -> Plan:
    """Return the same plan for the same seed and size; both parts in order of time."""
    dice = random.Random(seed)
    wishes = _wishes(dice, size)
    actions = [*_trouble(dice, size), *_faults(dice, size), *_twins(dice, size, wishes)]
    return Plan(
        seed=seed,
        size=size,
        wishes=tuple(wishes),
        actions=tuple(sorted(actions, key=lambda action: action.at_s)),
    )


# --- what callers want --------------------------------------------------------------------------------------

_WORDS = (
    ("", 86),
    ("[fail-pending]", 3),
    ("[violation]", 2),
    ("[error]", 2),
    ("[late-url]", 4),
    ("[refuse]", 3),
)
_SLOW_WORDS = (("[late-draft]", 2),)


def _wishes(dice: random.Random, size: Size) -> list[Wish]:
    moments = sorted(dice.uniform(0, size.over_s) for _ in range(size.jobs))
    words = _WORDS + (_SLOW_WORDS if size.is_thorough else ())
    wishes: list[Wish] = []
    for number, at_s in enumerate(moments):
        wish = _wish(dice, number, at_s, words)
        before = [one for one in wishes[-8:] if one.kind == "video"]
        if wish.kind == "video" and before and dice.random() < 0.1:
            other = dice.choice(before)
            wish = replace(wish, prompt=other.prompt, seconds=other.seconds)
        wishes.append(wish)
    return wishes


def _wish(dice: random.Random, number: int, at_s: float, words: Sequence[tuple[str, float]]) -> Wish:
    kind: Kind = "image" if dice.random() < 0.3 else "video"
    word = (
        dice.choices([one for one, _ in words], [weight for _, weight in words])[0] if kind == "video" else ""
    )
    then = dice.choices(["keep", "cancel", "delete"], [88, 8, 4])[0] if kind == "video" else "keep"
    return Wish(
        at_s=at_s,
        number=number,
        kind=kind,
        prompt=f"{kind} number {number} {word}".strip(),
        seconds=dice.choice((10, 15)),
        licence=dice.choices((0, 1, 2), (5, 4, 1))[0],
        is_remix=kind == "video" and dice.random() < 0.08,
        then=then,
        then_s=dice.uniform(0, 4),
    )


# --- what breaks --------------------------------------------------------------------------------------------


def _spread(dice: random.Random, number: int, first_s: float, last_s: float) -> list[float]:
    """Return moments that are random, yet not all in one heap."""
    step_s = (last_s - first_s) / max(1, number)
    return [first_s + step_s * (position + dice.uniform(0.1, 0.9)) for position in range(number)]


def _trouble(dice: random.Random, size: Size) -> list[Action]:
    over_s = size.over_s
    actions = [
        Action(at_s=at_s, what=What.KILL, node=dice.randrange(NODES), for_s=dice.uniform(0, 1))
        for at_s in _spread(dice, size.kills, 1, over_s)
    ]
    store = [What.CUT_STORE] * size.cuts + [What.KILL_STORE, What.RESTART_STORE] * size.restarts
    store = store[: size.restarts + size.cuts]
    dice.shuffle(store)
    moments = _spread(dice, len(store), 2, over_s)
    actions += [
        Action(at_s=at_s, what=what, for_s=dice.uniform(0, 1.5))
        for at_s, what in zip(moments, store, strict=True)
    ]
    for at_s in _spread(dice, size.stops, 0, over_s * 0.6):
        # Longer than a lease mostly: others take the lanes over, then the sleeper wakes up.
        for_s = dice.choice((3.0, LEASE_S + 2, LEASE_S + 4)) if size.stops > 1 else LEASE_S + 2
        actions.append(Action(at_s=at_s, what=What.STOP, node=dice.randrange(NODES), for_s=for_s))
    for position, at_s in enumerate(_spread(dice, size.doors, 1, over_s * 0.8)):
        what = What.KILL_AT_DOOR if position % 3 == 2 else What.STOP_AT_DOOR
        for_s = LEASE_S + 2 if position % 2 == 0 else dice.uniform(1, 4)
        actions.append(Action(at_s=at_s, what=what, for_s=for_s))
    return actions


def _rule(kind: str, route: str = "", times: int = 1, **own: Any) -> dict[str, Any]:
    return {"kind": kind, "route": route, "times": times, **own}


_FAULTS: tuple[Mapping[str, Any], ...] = (
    _rule("latency", times=2, seconds=1.5),
    _rule("latency", "* *", times=6, seconds=0.7),
    _rule("reset", times=2),
    _rule("reset", "GET *", times=3),
    _rule("lose_answer", times=2),
    _rule("lose_answer", "GET *", times=3),
    _rule("hang"),
    _rule("stall"),
    _rule("truncate", times=2),
    _rule("truncate", "GET *", times=3, share=0.5),
    _rule("truncate", "GET /az/*", times=2, share=0.7),
    _rule("slow", "GET /az/*", times=2, bytes_per_s=20_000),
    _rule("status", times=2, error="heavy_load"),
    _rule("status", "GET *", times=3, error="bad_gateway"),
    _rule("status", times=1, error="too_many_concurrent_tasks"),
    _rule("status", times=1, error="token_invalidated"),
    _rule("fate", CREATE, outcome="error"),
    _rule("fate", CREATE, outcome="fail_pending"),
    _rule("fate", CREATE, outcome="late_url"),
)
_SLOW_FAULTS: tuple[Mapping[str, Any], ...] = (
    _rule("hang", "GET /nf/pending/v2"),
    _rule("stall", "GET /project_y/profile/drafts*"),
    _rule("status", times=1, error="rate_limit_reached"),
    _rule("html_edge", times=1),
    _rule("fate", CREATE, outcome="late_draft"),
)


def _faults(dice: random.Random, size: Size) -> list[Action]:
    kinds = [*_FAULTS, *_SLOW_FAULTS] if size.is_thorough else list(_FAULTS)
    dice.shuffle(kinds)
    actions = []
    for position, at_s in enumerate(_spread(dice, size.faults, 0, size.over_s)):
        rule = kinds[position % len(kinds)]
        route = rule["route"] or dice.choice(_CREATES)
        fault = {**rule, "route": route, "id": f"fault-{position}"}
        actions.append(Action(at_s=at_s, what=What.FAULT, fault=fault))
    return actions


def _twins(dice: random.Random, size: Size, wishes: Sequence[Wish]) -> list[Action]:
    videos = [wish for wish in wishes if wish.kind == "video"]
    chosen = dice.sample(videos, min(size.twins, len(videos)))
    return [
        Action(
            at_s=max(0.0, wish.at_s + dice.uniform(-0.3, 1.5)),
            what=What.TWIN,
            prompt=wish.prompt,
            seconds=wish.seconds,
        )
        for wish in chosen
    ]
