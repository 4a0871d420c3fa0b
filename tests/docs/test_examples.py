"""Run the examples of the documentation, as a reader would, against one demo."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks
from tests.functional.harness import Process, environment, free_port, running
from tests.media.samples import write_video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]

CHINESE = DOCS / "README.zh.md"
NODE = shutil.which("node")
# Where node itself looks for packages, or where `task clients` puts them.
MODULES = os.environ.get("NODE_PATH") or str(ROOT / "tests" / "sdk" / "node" / "node_modules")  # noqa: TID251


def pages_with(*languages: str) -> list[Path]:
    """Return the pages that have runnable blocks in one of the languages."""
    return [page for page in PAGES if any(b.is_run and b.language in languages for b in blocks(page))]


def scripts(language: str) -> list[object]:
    """Return every runnable block of a language as a parameter named after its place."""
    return [
        pytest.param(block, id=f"{page.name}:{block.line}")
        for page in PAGES
        for block in blocks(page)
        if block.is_run and block.language == language
    ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the examples: a running demo, and commands that belong to it."""
    folder = tmp_path_factory.mktemp("demo")
    ready, data = folder / "ready.json", folder / "data"
    arguments = ["--port", str(free_port()), "--scenario", "fast", "--data-dir", str(data)]
    process = Process(["demo", *arguments, "--ready-file", str(ready)], folder)
    # Whatever curl gets must be a success; the examples themselves stay short.
    (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\nmax-time=60\n")
    with running(process):
        for _ in range(600):
            assert process.is_alive(), process.log.read_text()
            if ready.exists():
                break
            time.sleep(0.05)
        facts = json.loads(ready.read_text())
        path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
        yield environment(
            PATH=path,
            CURL_HOME=str(folder),
            PYTHONWARNINGS="ignore",
            PYTHONUTF8="1",
            BASE_URL=facts["base_url"],
            API_KEY=facts["api_key"],
            ANTHROPIC_BASE_URL=facts["base_url"].removesuffix("/v1"),
            ANTHROPIC_API_KEY=facts["api_key"],
            GEMINI_BASE_URL=facts["base_url"].removesuffix("/v1"),
            GEMINI_API_KEY=facts["api_key"],
            SIMULATOR_URL=facts["simulator_url"],
            SORA_GATEWAY_DATA_DIR=str(data),
            SORA_GATEWAY_SORA_WEB_BASE_URL=f"{facts['simulator_url']}/backend",
            SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN="simulated",
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with the picture and the clip that the examples name."""
    Image.new("RGB", (720, 1280), "orange").save(tmp_path / "example.jpg")
    write_video(tmp_path / "example.mp4", seconds=4.0)
    return tmp_path


def run(command: list[str], folder: Path, demo: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command,
        cwd=folder,
        env=demo,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=200,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def in_bash(block: Block) -> str:
    """Return the block as a part of its page's session, which ends at the first surprise."""
    note = f"echo '--- line {block.line}' >&2\n"
    if block.refused is None:
        return note + block.text
    wanted = shlex.quote(f'"code":"{block.refused}"')
    return (
        f"{note}if ( set -e\n{block.text}) > refused.txt; then echo 'was not refused' >&2; exit 1; fi\n"
        f"grep -qF {wanted} refused.txt || {{ cat refused.txt >&2; exit 1; }}\n"
    )


@pytest.mark.parametrize("page", pages_with("bash"), ids=lambda page: page.name)
def test_bash(page: Path, folder: Path, demo: dict[str, str]) -> None:
    """All marked bash blocks of a page, pasted into one session."""
    marked = [block for block in blocks(page) if block.is_run and block.language == "bash"]
    session = "set -eo pipefail\n" + "".join(in_bash(block) for block in marked)
    done = run(["bash", "-c", session], folder, demo)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("block", scripts("python"))
def test_python(block: Block, folder: Path, demo: dict[str, str]) -> None:
    """Each marked Python block is a program."""
    done = run([sys.executable, "-c", block.text], folder, demo)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("block", scripts("js"))
def test_node(block: Block, folder: Path, demo: dict[str, str]) -> None:
    """Each marked JavaScript block is a program; without the SDK only its syntax counts."""
    script = folder / "example.mjs"
    script.write_text(block.text)
    has_sdk = Path(MODULES, "openai").is_dir()
    if has_sdk:
        (folder / "node_modules").symlink_to(MODULES)
    done = run(["node", *([] if has_sdk else ["--check"]), str(script)], folder, demo)
    assert done.returncode == 0, done.stderr[-3000:]
    if not has_sdk:
        pytest.skip("the syntax is right; to run it install the packages: `task clients`")


def titled() -> list[object]:
    """Return the blocks of the original document that the Chinese page shows."""
    found = [block for block in blocks(CHINESE) if block.title is not None]
    return [pytest.param(block, id=f"{block.line}-{block.title}") for block in found]


@pytest.mark.parametrize("block", titled())
def test_original(block: Block, folder: Path, demo: dict[str, str]) -> None:
    """The curl lines of the original document work as written, with its placeholders filled in."""
    made = "sora_video2"
    url, key = demo["BASE_URL"], demo["API_KEY"]
    picture = "data:image/jpeg;base64,$(base64 -w0 example.jpg)"
    text = block.text
    if "{video_id}" in text:
        create = (
            f"curl -X POST {url}/videos -H 'Authorization: Bearer {key}' -F prompt=x -F model={made}"
            """ | sed 's/.*"id":"\\(video_[^"]*\\)".*/\\1/'"""
        )
        video_id = run(["bash", "-c", create], folder, demo).stdout.strip()
        events = ["curl", "-N", f"{url}/videos/{video_id}/events", "-H", f"Authorization: Bearer {key}"]
        assert "video.completed" in run(events, folder, demo).stdout
        text = text.replace("{video_id}", video_id)
    data = run(["bash", "-c", f'printf %s "{picture}"'], folder, demo).stdout
    filled = (
        text.replace("http://<你的IP>:<你的端口>/sora/v1", url)
        .replace("<你的许可证>", key)
        .replace("/path/to/example.jpg", str(folder / "example.jpg"))
        .replace("url或者base64", data)
    )
    assert "<你的" not in filled
    done = run(["bash", "-c", filled], folder, demo)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stdout
    assert '"error":{' not in done.stdout
