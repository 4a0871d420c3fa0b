"""Run the benchmarks: ``python -m benchmarks [--seconds 4] [--rounds 3] [--only NAME] [--smoke]``."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import fleet
from benchmarks.counts import count_status
from benchmarks.machine import Cores, choose_cores, facts
from benchmarks.orders import Loader
from benchmarks.peers import start_peers
from benchmarks.relay import Stage, count_reads
from benchmarks.samples import Count, Sample
from benchmarks.site import GATEWAY, Site, open_site
from benchmarks.table import report
from benchmarks.workloads import WORKLOADS, servers_of
from sora_gateway.kit.clock import system_now


def smoke(folder: Path) -> Iterator[Count]:
    """Count what is promised and measure nothing; takes half a minute."""
    cores = choose_cores()
    with Loader(cores) as loader:
        with open_site(folder / "site", cores, is_full=False) as site:
            yield from count_status(site, loader)
        with fleet.open_fleet(folder / "fleet", cores, fleet.SMALL) as site:
            yield from count_reads(Stage(site), loader, watchers=50)
            for sample in fleet.measure(site, loader, fleet.SMALL):
                if isinstance(sample, Count):
                    yield sample


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for, write the table, and return 1 if a count is not as promised."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what was started ends with us
    cores = choose_cores()
    day = datetime.fromtimestamp(system_now(), UTC).date().isoformat()
    how = "counts only" if given.smoke else f"{given.rounds} rounds of {given.seconds:g} s"
    about = [f"{day}, {how}", *facts(cores)]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        if given.smoke:
            rounds: list[list[Sample]] = [list(smoke(Path(name)))]
        else:
            rounds = _measure(Path(name), cores, given, about)
    text = report(about, rounds)
    sys.stdout.write(text)
    if given.out is not None:
        given.out.write_text(text)
    kept = [sample.is_kept for samples in rounds for sample in samples if isinstance(sample, Count)]
    return 0 if all(kept) else 1


def _measure(folder: Path, cores: Cores, given: argparse.Namespace, about: list[str]) -> list[list[Sample]]:
    """Run the chosen workloads in rounds, and add to ``about`` what a reader must know."""
    chosen: Sequence[str] = given.only or list(WORKLOADS)
    wanted = frozenset().union(*map(servers_of, chosen)) - {GATEWAY}
    rounds: list[list[Sample]] = []
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(open_site(folder, cores, is_full=True))
        loader = stack.enter_context(Loader(cores))
        if wanted:
            start_peers(site, stack, wanted, given.nginx)
        for number in range(given.rounds):
            rounds.append([])
            for name in chosen:
                rounds[-1] += _round(site, loader, name, number, given)
        about += site.notes
    return rounds


def _round(site: Site, loader: Loader, name: str, number: int, given: argparse.Namespace) -> list[Sample]:
    began_s = time.perf_counter()
    sys.stderr.write(f"round {number + 1} of {given.rounds}: {name} ")
    sys.stderr.flush()
    samples = list(WORKLOADS[name](site, loader, number, given.seconds))
    sys.stderr.write(f"({time.perf_counter() - began_s:.0f} s)\n")
    return samples


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each rate is measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--only", action="append", choices=list(WORKLOADS), help="a workload; repeatable")
    parser.add_argument("--nginx", help="an nginx that is not on the PATH")
    parser.add_argument("--smoke", action="store_true", help="only count, in half a minute")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
