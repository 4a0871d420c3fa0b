"""The long form by command, for instance with ``--jobs 5000 --kills 200 --restarts 20 --seed 1``.

``--lag``: a backend that shows tasks later than is assumed. Exit code 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
from pathlib import Path

from tests.functional.chaos.plan import SHORT, plan_of, size_of
from tests.functional.chaos.report import report_of, text_of
from tests.functional.chaos.run import run
from tests.functional.chaos.world import forking


def main() -> int:
    """Run once and report."""
    options = _options()
    size = (
        SHORT if options.short else size_of(jobs=options.jobs, kills=options.kills, restarts=options.restarts)
    )
    plan = plan_of(options.seed, size)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    _tell(
        f"seed {plan.seed}: {size.jobs} wishes, {len(plan.actions)} actions in {size.over_s:.0f} s, {folder}"
    )
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # every caller watches his job on a connection
    with forking():
        outcome = asyncio.run(
            run(
                plan,
                folder,
                tell=_tell,
                accounts=options.accounts,
                drain_s=options.drain,
                is_lagging=options.lag,
            )
        )
    report = report_of(plan, outcome)
    (options.report or folder / "report.json").write_text(json.dumps(report, indent=1))
    sys.stdout.write(text_of(report))
    return 1 if report["violations"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.functional.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=32)
    parser.add_argument("--drain", type=float, default=240.0, help="seconds for what is under way in the end")
    parser.add_argument("--short", action="store_true", help="the form of the test suite")
    parser.add_argument("--lag", action="store_true", help="new tasks show later than is assumed")
    parser.add_argument("--folder", type=Path, help="where everything is written; default: a new one")
    parser.add_argument("--report", type=Path, help="file of the report; default: report.json in the folder")
    return parser.parse_args()


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
