"""Guard what linters cannot: the import contract from within pytest, mirrored tests, tables, documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import catalogue, format_model_name, parse_model_name
from sora_gateway.engine.retries import TABLE
from sora_gateway.settings import variable_names
from sora_gateway.surfaces.anthropic import errors as anthropic
from sora_gateway.surfaces.gemini import errors as gemini
from sora_gateway.surfaces.openai import errors as openai
from sora_gateway.web.errors import STATUS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "sora_gateway"
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))

MOST_LINES = 500

PROVED_ELSEWHERE = {
    # Modules without a test file of their own name, and where they are proved instead.
    "__main__.py": "tests/cli",
    "ports/media.py": "protocols only; their implementations are tested in tests/media",
    "ports/stores.py": "protocols only; tests/contracts",
    "ports/store_facts.py": "values only; tests/stores/redis/test_store.py",
    "ports/webhooks.py": "protocols only; tests/contracts/test_webhook_store.py",
    "ports/upstream.py": "protocols only; tests/upstreams",
    "ports/usage.py": "protocols only; tests/contracts",
    "simulator/scenery.py": "drawing only; tests/simulator/test_render.py looks at the pictures",
    "domain/jobs.py": "the record; tests/domain/test_advance.py",
    "domain/job_events.py": "values only; tests/domain/test_advance.py",
    "engine/config.py": "values only",
    "engine/node.py": "tests/functional run whole nodes",
    "engine/tools.py": "what the lanes of a node share; tests/engine/test_lane.py",
    "engine/records.py": "three lines over the store; tests/engine",
    "engine/hub.py": "tests/engine/test_watchers.py",
    "engine/lanes.py": "tests/functional (takeover, restart)",
    "app.py": "tests/functional",
    "house.py": "tests/functional",
    "store_access.py": "tests/cli",
}


def test_import_contract() -> None:
    """Rooms import only what the contract allows."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", [module for module in MODULES if module.name != "__init__.py"], ids=str)
def test_module_has_its_test(module: Path) -> None:
    """Each module is proved by the test file of its name, or by the one named here."""
    mirrored = ROOT / "tests" / module.parent / f"test_{module.name}"
    assert mirrored.exists() != (str(module) in PROVED_ELSEWHERE), mirrored


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_is_short(module: Path) -> None:
    """No module is longer than one can keep in mind."""
    lines = len((SOURCE / module).read_text().splitlines())
    assert lines <= MOST_LINES


def test_every_error_kind_has_its_rows() -> None:
    """A new kind of error fails here until each table knows it."""
    assert set(STATUS) == set(ErrorKind)
    assert all(set(table) == set(ErrorKind) for table in TABLE.values())


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_error_kind_is_rendered(kind: ErrorKind) -> None:
    """Each dialect prints each kind in its own envelope."""
    error = GatewayError(kind, "What was wrong.")
    assert set(openai.render_error(error)["error"]) == {"message", "type", "param", "code"}
    assert set(anthropic.render_error(error)) == {"type", "error", "request_id"}
    assert {"code", "message", "status"} <= set(gemini.render_error(error)["error"])


def test_documents_name_every_setting() -> None:
    """``.env.example`` and the README name exactly the variables that are read."""
    example = re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(example) == sorted(variable_names())
    readme = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(readme) == sorted(variable_names())


def test_catalogue_round_trip() -> None:
    """Every name that is shown can be asked for."""
    for entry in catalogue():
        assert format_model_name(parse_model_name(entry.id)) == entry.id


def test_model_names_have_one_home() -> None:
    """No model literal stands outside the grammar."""
    literal = re.compile(r"""["']sora_(image|video2?)["'-]""")
    homes = {"domain/model_names.py"}
    for module in MODULES:
        if str(module) in homes or module.parts[0] in ("simulator", "cli") or module.name == "wire.py":
            continue
        text = re.sub(r'"""[\s\S]*?"""', "", (SOURCE / module).read_text())
        assert not literal.search(text), module
