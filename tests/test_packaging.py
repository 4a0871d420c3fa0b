"""The image and the compose file are what the documentation promises (``docker/try.sh`` runs them)."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sora_gateway.settings import variable_names

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
PACKAGING = [ROOT / name for name in ("Dockerfile", ".dockerignore", "docker/compose.yaml", "docker/try.sh")]


def final_stage() -> list[str]:
    """The instructions of the last stage, each on one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)
    return re.sub(r"\s*\\\n\s*", " ", text).rsplit("\nFROM ", 1)[1].splitlines()


def environment_of_image() -> dict[str, str]:
    line = next(line for line in final_stage() if line.startswith("ENV "))
    return dict(item.split("=", 1) for item in line.removeprefix("ENV ").split())


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile follows the usual rules."""
    tool = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert tool is not None
    result = subprocess.run([tool, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(
    "instruction",
    ["VOLUME /data", "EXPOSE 8000", "USER 10001:10001", 'ENTRYPOINT ["sora-gateway"]', 'CMD ["serve"]'],
)
def test_the_image_says_how_it_is_run(instruction: str) -> None:
    """As an unprivileged user, on port 8000, with its data in a volume."""
    assert instruction in final_stage()


def test_any_base_image_may_be_given() -> None:
    """Both stages start from the same one, and no builder has to fetch a syntax first."""
    assert "ARG PYTHON_IMAGE=python:3.13-slim" in DOCKERFILE
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2
    assert "# syntax=" not in DOCKERFILE


def test_the_index_of_packages_stays_out_of_the_image() -> None:
    """Its address may hold a password, so it exists in the first stage only."""
    assert not [line for line in final_stage() if "PIP_" in line or line.startswith("ARG")]


def test_the_health_check_asks_the_gateway() -> None:
    """It needs nothing but Python and follows the port."""
    check = next(line for line in final_stage() if line.startswith("HEALTHCHECK"))
    assert '"python3"' in check
    assert "/healthz" in check
    assert "SORA_GATEWAY_PORT" in check


def test_the_image_listens_on_all_addresses() -> None:
    """And only sets variables that are settings."""
    environment = environment_of_image()
    assert environment["SORA_GATEWAY_HOST"] == "0.0.0.0"
    assert environment["SORA_GATEWAY_DATA_DIR"] == "/data"
    assert {name for name in environment if name.startswith("SORA_")} <= set(variable_names())


def test_only_the_source_reaches_the_builder() -> None:
    """Credentials and data of a checkout cannot slip into a layer."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {
        "!pyproject.toml",
        "!README.md",
        "!LICENSE",
        "!src",
    }


def test_the_compose_file_suits_old_and_new_engines() -> None:
    """No project name and no version; both services of ours come from the same build."""
    assert set(COMPOSE) == {"services", "volumes"}
    assert set(SERVICES) == {"gateway", "redis", "simulator"}
    assert SERVICES["gateway"]["build"] == SERVICES["simulator"]["build"]
    assert SERVICES["gateway"]["build"]["context"] == ".."


def test_the_gateway_waits_for_redis_and_keeps_its_data() -> None:
    """It starts when Redis is healthy and is published on this machine only."""
    gateway = SERVICES["gateway"]
    assert gateway["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert gateway["environment"]["REDIS_URL"] == "redis://redis:6379/0"
    assert gateway["volumes"] == ["data:/data"]
    assert gateway["ports"] == ["${SORA_GATEWAY_PUBLISH:-127.0.0.1:8000}:8000"]


def test_redis_forgets_nothing() -> None:
    """Every write is on disk before it is acknowledged, and no key is evicted."""
    redis = SERVICES["redis"]
    assert redis["image"] == "${REDIS_IMAGE:-redis:7}"
    assert "--appendonly yes --appendfsync always --maxmemory-policy noeviction" in redis["command"]
    assert redis["volumes"] == ["redis:/data"]
    assert redis["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]
    assert set(COMPOSE["volumes"]) == {"data", "redis"}


def test_the_simulator_starts_on_request_only() -> None:
    """It has a profile of its own, and its links lead to where the gateway can follow them."""
    simulator = SERVICES["simulator"]
    assert simulator["profiles"] == ["simulator"]
    assert simulator["command"][0] == "simulate"
    assert "--public-media-origin=http://simulator:8101" in simulator["command"]
    assert f"--port={simulator['environment']['SORA_GATEWAY_PORT']}" in simulator["command"]


@pytest.mark.parametrize("service", ["gateway", "simulator"])
def test_our_services_hold_no_privileges(service: str) -> None:
    """No capability, no way to gain one, and an init that reaps what is left behind."""
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[service]["init"] is True


def test_compose_passes_settings_that_exist() -> None:
    """Optional ones have no value here: the shell or a file ``.env`` decides, and no secret stands here."""
    environment = SERVICES["gateway"]["environment"]
    assert set(environment) <= set(variable_names())
    assert {name for name, value in environment.items() if value is not None} == {"REDIS_URL"}
    assert {"SORA_GATEWAY_SECRET_KEY", "SORA_GATEWAY_PUBLIC_URL"} <= set(environment)


def test_the_trial_script_is_a_valid_program() -> None:
    """``bash -n`` reads it to the end; whoever finds it can run it."""
    script = ROOT / "docker/try.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True, timeout=10)


@pytest.mark.parametrize("file", PACKAGING, ids=lambda file: file.name)
def test_packaging_names_no_host_but_its_own(file: Path) -> None:
    """Indexes and mirrors are those of the machine that builds."""
    hosts = re.findall(r"https?://([\w.-]+)", file.read_text())
    assert set(hosts) <= {"127.0.0.1", "simulator"}
