"""The server keeps what its OpenAPI document says, whatever is sent."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.sdk.product import Product

TOOL = Path(sys.executable).with_name("schemathesis")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not TOOL.exists(), reason="schemathesis is not installed: pip install -e '.[dev]'"),
]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# What streams without being asked to in the body.
STREAMS = r"(/events|:streamGenerateContent)$"
# What answers when the job has ended: half of the time goes there.
WAITING = r"(/completions|/messages|/responses|/images/|:generateContent|:predict$)"


def tried(product: Product, key: str, *options: str) -> tuple[int, str]:
    """Send what the document describes, and what it does not."""
    command = [str(TOOL), "run", f"{product.root_url}/openapi.json", "--no-color"]
    command += ["--checks", ",".join(CHECKS), "--exclude-path-regex", STREAMS]
    command += ["--seed", "1", "--generation-database", "none", "--request-timeout", "30"]
    done = product.run([*command, "-H", f"Authorization: Bearer {key}", *options])
    return done.returncode, f"{done.stdout[:20_000]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("which", ["--include-path-regex", "--exclude-path-regex"])
def test_with_a_key(product: Product, which: str) -> None:
    """No 500, no status and no type of content that is not declared, no answer of another shape."""
    status, report = tried(product, product.api_key, which, WAITING, "--max-time", "12")
    assert status == 0, report


def test_without_a_key(product: Product) -> None:
    """Who is refused at the door gets a declared answer as well."""
    status, report = tried(product, "sg-wrong", "--max-examples", "2", "--phases", "fuzzing")
    assert status == 0, report
