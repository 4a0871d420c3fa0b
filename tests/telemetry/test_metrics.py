"""Metrics: named, documented, on a registry of our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from sora_gateway.settings import environment
from sora_gateway.telemetry.metrics import (
    ACCEPTED,
    CONTENT_TYPE,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    JOBS_ENDED,
    MULTIPROCESS,
    REGISTRY,
    UPSTREAM_CALLS,
    forget,
    render,
)


def test_page() -> None:
    """What was counted stands on the page, in the format that its type names."""
    labels = {"kind": "video", "family": "sora_video2"}
    before = REGISTRY.get_sample_value("sora_gateway_jobs_accepted_total", labels) or 0.0
    ACCEPTED.labels(**labels).inc()
    JOBS_ENDED.labels(kind="video", status="completed", code="").inc()
    UPSTREAM_CALLS.labels(upstream="sora_web", route="nf/create", outcome="200").inc()
    HTTP_REQUESTS.labels(method="POST", route="/v1/videos", status="200").inc()
    HTTP_SECONDS.labels(route="/v1/videos").observe(0.01)
    families = {family.name: family for family in text_string_to_metric_families(render().decode())}
    samples = families["sora_gateway_jobs_accepted"].samples
    assert before + 1 in [sample.value for sample in samples if sample.labels == labels]
    assert CONTENT_TYPE.startswith("text/plain")


def test_everything_is_documented_and_ours() -> None:
    """Nothing of other libraries is shown."""
    families = list(REGISTRY.collect())
    assert len(families) == 6
    assert all(family.name.startswith("sora_gateway_") and family.documentation for family in families)


WORKER = """
import pathlib, sys
from sora_gateway.telemetry import metrics
folder, is_first = pathlib.Path(sys.argv[1]), sys.argv[2] == "1"
metrics.share(folder, counts_ends=is_first)
metrics.HTTP_REQUESTS.labels("GET", "/v1/videos", "200").inc()
metrics.count_end("video", "completed", "")
print(metrics.render().decode(), flush=True)
sys.stdin.readline()
"""


class Worker:
    """A process that counts one request and one ended job, and shows the page."""

    def __init__(self, folder: Path, *, is_first: bool) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), "1" if is_first else "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(**{MULTIPROCESS: str(folder)}),
        )

    def page(self) -> dict[str, float]:
        """Wait for the page and return its values by name."""
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "\n")
        families = text_string_to_metric_families("".join(lines))
        return {sample.name: sample.value for family in families for sample in family.samples}

    def kill(self) -> None:
        """End it as a crash would; its parent forgets it."""
        self.process.kill()
        self.process.communicate()
        forget(self.process.pid, self.folder)


def test_several_workers(tmp_path: Path) -> None:
    """Each shows what all counted, the dead included; only the living are counted as workers.

    What all of them see, the end of a job, is counted once.
    """
    first = Worker(tmp_path, is_first=True)
    alone = first.page()
    second = Worker(tmp_path, is_first=False)
    both = second.page()
    first.kill()
    third = Worker(tmp_path, is_first=False)
    again = third.page()
    second.kill()
    third.kill()
    names = ("sora_gateway_workers", "sora_gateway_http_requests_total", "sora_gateway_jobs_ended_total")
    assert [alone[name] for name in names] == [1, 1, 1]
    assert [both[name] for name in names] == [2, 2, 1]
    assert [again[name] for name in names] == [2, 3, 1]
