"""Prove that living state is one slot and that names do not meet."""

from __future__ import annotations

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.prices import MOST_UNITS
from sora_gateway.domain.priorities import Priority
from sora_gateway.stores.redis import keys

ROOMS = ("characters", "files", "webhooks")


def test_living_state_is_one_slot() -> None:
    """Every key but an archived job's begins with the same hash tag."""
    constants = [value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)]
    made = [
        *(make("x") for make in (keys.job, keys.log, keys.queue, keys.delayed, keys.last_tags, keys.lane)),
        *(make("x") for make in (keys.unsettled, keys.bound, keys.seen, keys.lane_facts, keys.orphans)),
        *(keys.owned("x", kind) for kind in MediaKind),
        keys.idempotency("x", "y"),
        keys.deliveries("x"),
        *(keys.live("x"), keys.live_waiting("x"), keys.pace("x"), keys.usage("x", "2026-11-22")),
        *(keys.records(room, part) for room in ROOMS for part in ("", "names", "named", "due")),
        *(keys.records_of(room, "x") for room in ROOMS),
    ]
    names = [name for name in (*constants, *made) if not name.startswith("_")]
    assert all(name.startswith("{gw}:") for name in names)
    assert len(set(names)) == len(names)


def test_archived_jobs_spread() -> None:
    """Each has a slot of its own."""
    assert keys.archived("job_1") == "{job:job_1}"


def test_idempotency_keys_are_kept_apart() -> None:
    """Scope and key cannot be shifted against each other, and any text will do."""
    assert keys.idempotency("a", "bc") != keys.idempotency("ab", "c")
    assert len(keys.idempotency("\ud800", "x" * 5000)) < 100


def test_courses() -> None:
    """Each class of a signature has one of its own; the normal one bears the signature's name."""
    names = {keys.course("s", priority) for priority in Priority}
    assert len(names) == len(Priority)
    assert keys.course("s", Priority.NORMAL) == "s"


def test_classes_do_not_touch() -> None:
    """The dearest jobs at the least weight stay in their class, and the cheapest are told apart there."""
    high, normal, low = (keys.CLASS_BASE[priority] for priority in Priority)
    dearest = MOST_UNITS / 0.01
    assert high + 1_000_000 * dearest < normal
    assert normal + 1_000_000 * dearest < low
    assert low + 1_000_000 * dearest + 0.01 > low + 1_000_000 * dearest
