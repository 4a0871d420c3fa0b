"""Read from a prompt how its task shall end, by the words a scenario documents."""

from __future__ import annotations

import re

from sora_gateway.simulator.fault_rules import Outcome
from sora_gateway.simulator.scenario import Directive

_MEGABYTE = 1_000_000
DEFAULT_VIOLATION_TEXT = "This content may violate our content policies."


def decide(prompt: str, directives: tuple[Directive, ...]) -> tuple[Outcome, str | None]:
    """Return the outcome of the first directive whose word stands in ``prompt``, else success."""
    for directive in directives:
        if directive.word in prompt:
            return directive.outcome, directive.text
    return "success", None


def huge_bytes(prompt: str, word: str) -> int:
    """Return the file size that ``[huge:N]`` (N in MB) asks for, 0 without it."""
    found = re.search(rf"\[{re.escape(word)}:(\d{{1,6}})\]", prompt)
    return int(found.group(1)) * _MEGABYTE if found else 0
