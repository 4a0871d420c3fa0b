"""Run the benchmarks: ``python -m benchmarks [--seconds 5] [--rounds 3] [--only NAME] [--smoke]``."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.counts import StatusCount, count_status
from benchmarks.machine import choose_cores, facts
from benchmarks.orders import Loader
from benchmarks.site import open_site
from benchmarks.table import report
from benchmarks.workloads import WORKLOADS, Sample
from sora_gateway.kit.clock import system_now


def smoke(folder: Path) -> list[StatusCount]:
    """Count what a status call costs and measure nothing; takes some seconds."""
    cores = choose_cores()
    with open_site(folder, cores, has_peers=False) as site, Loader(cores) as loader:
        return count_status(site, loader)


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for, write the table, and return 1 if a count is not as promised."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what was started ends with us
    cores = choose_cores()
    day = datetime.fromtimestamp(system_now(), UTC).date().isoformat()
    about = [f"{day}, {given.rounds} rounds of {given.seconds:g} s", *facts(cores)]
    rounds: list[list[Sample]] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        if given.smoke:
            counts = smoke(Path(name))
        else:
            nginx = given.nginx or shutil.which("nginx")
            with open_site(Path(name), cores, has_peers=True, nginx=nginx) as site, Loader(cores) as loader:
                counts = count_status(site, loader)
                for number in range(given.rounds):
                    rounds.append([])
                    for chosen in given.only or WORKLOADS:
                        sys.stderr.write(f"round {number + 1} of {given.rounds}: {chosen}\n")
                        rounds[-1] += WORKLOADS[chosen](site, loader, number, given.seconds)
                about += site.notes
    text = report(about, counts, rounds)
    sys.stdout.write(text)
    if given.out is not None:
        given.out.write_text(text)
    return 0 if all(count.is_kept for count in counts) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each rate is measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--only", action="append", choices=list(WORKLOADS), help="a workload; repeatable")
    parser.add_argument("--nginx", help="an nginx that is not on the PATH")
    parser.add_argument("--smoke", action="store_true", help="only count, in some seconds")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
