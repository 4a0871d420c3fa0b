"""LiteLLM against a running server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.product import Product

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("litellm_client.py")
PYTHON = ROOT / ".venv-litellm" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not PYTHON.exists(), reason="LiteLLM is not installed: run `task clients` first"),
]


def test_litellm(product: Product) -> None:
    """All checks pass; what did not is in the output."""
    done = product.run([str(PYTHON), str(SCRIPT)])
    outcomes = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    failed = [f"{outcome['check']}\n{outcome['failure']}" for outcome in outcomes if outcome["failure"]]
    assert not failed, "\n\n".join(failed)
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(outcomes) == SCRIPT.read_text().count("\n@check\n")
