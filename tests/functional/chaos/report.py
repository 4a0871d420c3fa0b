"""Say what a run came to, for people and for machines."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from tests.functional.chaos.auditor import audit, counted
from tests.functional.chaos.plan import Plan
from tests.functional.chaos.records import Violation
from tests.functional.chaos.run import Outcome


def report_of(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Return everything that is worth keeping of a run; ``violations`` is empty if all promises were kept."""
    findings = outcome.findings
    found = audit(findings)
    broken = [violation for violation in found if violation.excuse is None]
    excused = [violation for violation in found if violation.excuse is not None]
    steps = Counter(step for job in findings.kept for step in job.steps)
    return {
        "seed": plan.seed,
        "is_lagging": findings.is_lagging,
        "took_s": round(outcome.took_s, 1),
        "wishes": len(findings.told),
        "refused": sum(told.end == "refused" for told in findings.told),
        "jobs": len(findings.kept),
        "phases": dict(Counter(job.phase for job in findings.kept)),
        "codes": dict(Counter(job.code for job in findings.kept if job.code)),
        "tasks": sum(not made.is_foreign for made in findings.made),
        "foreign_tasks": sum(made.is_foreign for made in findings.made),
        "events": sum(len(told.events) for told in findings.told),
        "done": {str(what): number for what, number in sorted(outcome.done.items())},
        "ambiguous": steps["ambiguous"],
        "returned": steps["returned"],
        "adopted": steps["adopted"],
        "cuts": [asdict(cut) for cut in findings.cuts],
        "troubles": outcome.troubles,
        "strange_answers": outcome.strange,
        "unasked_ends": outcome.unasked_ends,
        "violations": [asdict(violation) for violation in broken],
        "excused": [asdict(violation) for violation in excused],
        "excused_by_check": dict(counted(excused)),
    }


def text_of(report: dict[str, Any]) -> str:
    """Return the report as lines; the JSON has the details."""
    names = [name for name in report if name not in ("violations", "excused", "cuts")]
    lines = [f"{name:18} {json.dumps(report[name])}" for name in names]
    lines += [_line(Violation(**one)) for one in (*report["excused"][:20], *report["violations"][:60])]
    verdict = f"{len(report['violations'])} violations; repeat with --seed {report['seed']}"
    return "\n".join([*lines, verdict]) + "\n"


def _line(one: Violation) -> str:
    head = "excused" if one.excuse else "BROKEN "
    return f"{head} {one.check}: {one.subject}: {one.detail}" + (f" ({one.excuse})" if one.excuse else "")
