"""Decide which faults strike a call, and count them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sora_gateway.kit.ids import new_id
from sora_gateway.simulator.fault_rules import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a fault rule can see of a call."""

    method: str
    template: str
    path: str
    account: str | None
    prompt: str


@dataclass(slots=True, kw_only=True)
class _Row:
    rule: Fault
    seen: int = 0
    struck: int = 0


class FaultDesk:
    """The fault rules in force. Counters start anew with the process."""

    def __init__(self, rules: Iterable[Fault], *, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._rows: dict[str, _Row] = {}
        for rule in rules:
            self.add(rule)

    def add(self, rule: Fault) -> Fault:
        """Put a rule in force, in place of one with the same id, and return it with its id."""
        named = rule if rule.id else rule.model_copy(update={"id": new_id("fault")})
        self._rows[named.id] = _Row(rule=named)
        return named

    def remove(self, rule_id: str) -> bool:
        """Lift one rule; tell whether it was in force."""
        return self._rows.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Lift all rules."""
        self._rows.clear()

    def listing(self) -> list[dict[str, Any]]:
        """Return every rule with how many calls matched (``seen``) and how many it struck."""
        return [
            row.rule.model_dump(mode="json") | {"seen": row.seen, "struck": row.struck}
            for row in self._rows.values()
        ]

    def strike(self, occasion: Occasion) -> list[Fault]:
        """Return the faults that strike this call, in the order of the rules, and count them."""
        return [row.rule for row in self._rows.values() if self._strikes(row, occasion)]

    def _strikes(self, row: _Row, occasion: Occasion) -> bool:
        rule = row.rule
        if rule.times is not None and row.struck >= rule.times:
            return False
        if not matches(rule, occasion):
            return False
        row.seen += 1
        if row.seen <= rule.after:
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        row.struck += 1
        return True


def matches(rule: Fault, occasion: Occasion) -> bool:
    """Tell whether ``rule`` speaks about such a call."""
    method, _, pattern = rule.route.partition(" ")
    if method not in ("*", occasion.method):
        return False
    # Braces of a template mean nothing to a glob, so a template can be written as it is.
    if pattern != occasion.template and not fnmatchcase(occasion.path, pattern or "*"):
        return False
    if rule.account is not None and rule.account != occasion.account:
        return False
    return rule.prompt_contains is None or rule.prompt_contains in occasion.prompt
