"""The whole product for clients that are programs: gateway, store and simulated backend."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from tests.functional.harness import START_S, Process, environment, free_port, running

RUN_S = 80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A running server and what a client needs to know of it. ``chat_key`` may do nothing but chat."""

    root_url: str
    simulator_url: str
    api_key: str
    chat_key: str
    picture: Path

    def run(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a client to its end, in a folder of the test; it finds the server through its environment."""
        told = {
            "ROOT_URL": self.root_url,
            "SIMULATOR_URL": self.simulator_url,
            "API_KEY": self.api_key,
            "CHAT_KEY": self.chat_key,
            "PICTURE": str(self.picture),
        }
        try:
            return subprocess.run(
                command,
                cwd=self.picture.parent,
                env=environment(**told, **variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=RUN_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode("utf-8", "replace")
            raise AssertionError(f"not within {RUN_S:.0f} s: {command}\n{said[-8000:]}") from None


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One demo for the suites of a module, with keys of two kinds and a picture to start from."""
    folder = tmp_path_factory.mktemp("product")
    ready, data = folder / "ready.json", folder / "data"
    arguments = ["--port", str(free_port()), "--scenario", "fast", "--data-dir", str(data)]
    process = Process(["demo", *arguments, "--ready-file", str(ready)], folder)
    picture = folder / "picture.jpg"
    Image.new("RGB", (720, 1280), "orange").save(picture)
    with running(process):
        facts = json.loads(_awaited(ready, process))
        yield Product(
            root_url=facts["base_url"].removesuffix("/sora/v1"),
            simulator_url=facts["simulator_url"],
            api_key=facts["api_key"],
            chat_key=_chat_key(data),
            picture=picture,
        )


def _awaited(ready: Path, process: Process) -> str:
    for _ in range(int(START_S / 0.05)):
        assert process.is_alive(), process.log.read_text()
        if ready.exists():
            return ready.read_text()
        time.sleep(0.05)
    raise AssertionError(f"not ready\n{process.log.read_text()[-4000:]}")


def _chat_key(data_dir: Path) -> str:
    command = ["licence", "create", "chat", "--permission", "chat", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "sora_gateway", *command],
        env=environment(SORA_GATEWAY_DATA_DIR=str(data_dir)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(json.loads(done.stdout)["api_key"])
