"""Judge the store: what it keeps, how much room it has, what a failover may lose."""

from __future__ import annotations

from collections.abc import Iterator

from sora_gateway.cli.findings import Finding, ok, problem, warning
from sora_gateway.cli.output import plural
from sora_gateway.ports.store_facts import StoreFacts

_OLDEST_STORE = (7, 0)
_MUCH = 0.8


def judged(facts: StoreFacts, confirming: int = 0) -> Iterator[Finding]:
    """Judge the store, and say in plain words what it promises; ``confirming`` replicas are waited for."""
    where = "embedded" if facts.is_embedded else "from REDIS_URL"
    name = f"{facts.server} {facts.version}, {where}"
    if _version(facts.version) < _OLDEST_STORE:
        yield problem("store", f"{name}: it is too old.", "Use Redis or Valkey 7.0 or newer.")
    else:
        yield ok("store", name)
    yield _promise(facts)
    yield _eviction(facts)
    if not facts.is_embedded:
        yield _replicas(facts, confirming)
        yield _memory(facts)


def _promise(facts: StoreFacts) -> Finding:
    what = "durability"
    if not facts.is_append_only:
        return warning(
            what,
            "The store keeps no log of its writes: if it dies, jobs since its last snapshot are lost.",
            "Turn on appendonly at the server.",
        )
    match facts.fsync:
        case "always":
            return ok(what, "Accepted means on disk: not even a power cut loses an accepted job.")
        case "everysec":
            return warning(
                what,
                "Accepted jobs survive a crash of any process; a power cut may lose the last second.",
                "Set appendfsync to always at the server if that is too much.",
            )
        case "no":
            return warning(
                what,
                "Accepted jobs survive a crash of any process; a power cut may lose half a minute.",
                "Set appendfsync to everysec or always at the server.",
            )
        case _:
            return warning(
                what,
                "The server does not say when it writes to disk.",
                "Ask its operator for the value of appendfsync; 'always' loses nothing.",
            )


def _eviction(facts: StoreFacts) -> Finding:
    what = "eviction"
    if facts.eviction == "noeviction":
        return ok(what, "The store never drops data to make room.")
    if facts.eviction == "unknown":
        return warning(
            what, "The server does not say whether it drops data when full.", "It must have noeviction set."
        )
    return problem(
        what,
        f"When memory is full the store drops data ({facts.eviction}): jobs could vanish.",
        "Set maxmemory-policy to noeviction at the server.",
    )


def _replicas(facts: StoreFacts, confirming: int) -> Finding:
    what = "replicas"
    found = facts.replicas
    if found is None:
        text = "The server does not say how many replicas follow it."
        advice = "Ask its operator what a failover may lose."
        return warning(what, text, advice)
    count = plural(found, "replica")
    if confirming > found:
        return problem(
            what,
            f"{count} of {confirming} that each job must reach: every new one is refused.",
            "Start them, or lower SORA_GATEWAY_STORE_REPLICAS.",
        )
    if not found:
        return ok(what, "None: what is promised is what this one server keeps.")
    if not confirming:
        return warning(
            what,
            f"{count}, told of writes after they count: a failover may lose the last accepted jobs.",
            "Set SORA_GATEWAY_STORE_REPLICAS to 1, and min-replicas-to-write at the server.",
        )
    text = f"{count}; a job counts once {confirming} of them {'has' if confirming == 1 else 'have'} it."
    if facts.least_replicas == 0:
        advice = "Set min-replicas-to-write to 1 at the server: a primary that is cut off then takes nothing."
        return warning(what, text, advice)
    return ok(what, text)


def _memory(facts: StoreFacts) -> Finding:
    what = "store memory"
    used, most = facts.memory_bytes, facts.most_memory_bytes
    if used is None or most is None:
        return warning(what, "The server does not say how much it uses.", "Watch it by other means.")
    if not most:
        return ok(what, f"{used / 2**20:.0f} MiB are used; the server sets no limit.")
    text = f"{used / 2**20:.0f} of {most / 2**20:.0f} MiB are used."
    if used >= most:
        return problem(what, text, "New jobs are refused until maxmemory is raised or jobs are archived.")
    if used > _MUCH * most:
        return warning(what, text, "Raise maxmemory: at the limit new jobs are refused.")
    return ok(what, text)


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(int(part) for part in parts[:2]) if all(part.isdigit() for part in parts[:2]) else (0,)
