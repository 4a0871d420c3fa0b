"""The vendors' own packages for Node, and the Vercel AI SDK, against a running server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.sdk.product import Product

FOLDER = Path(__file__).parent / "node"
SUITES = sorted(path.name for path in FOLDER.glob("*.test.mjs"))
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(NODE is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules").is_dir(),
        reason="the packages are not installed: run `task clients` first",
    ),
]


def test_every_client_has_a_suite() -> None:
    """None is lost on the way."""
    assert SUITES == ["ai.test.mjs", "anthropic.test.mjs", "genai.test.mjs", "openai.test.mjs"]


@pytest.mark.parametrize("suite", SUITES)
def test_suite(product: Product, suite: str) -> None:
    """All checks of one client pass; what did not is in the output."""
    done = product.run(["node", "--test-reporter=spec", str(FOLDER / suite)])
    assert done.returncode == 0, _told(done.stdout) + done.stderr[-2000:]
    assert "ℹ skipped 0" in done.stdout


def _told(report: str) -> str:
    """Return the end of the report, which repeats every failed check."""
    return report[max(report.rfind("failing tests"), 0) :][:12_000]
