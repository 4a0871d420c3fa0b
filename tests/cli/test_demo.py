"""Prove that a newcomer gets a video, and that nothing of a demo is left behind or lost."""

from __future__ import annotations

import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import psutil
import pytest
from pydantic import SecretStr

from sora_gateway.cli.demo import Demo, demo_settings, key_of, put_accounts, put_licence, welcome
from sora_gateway.cli.demo_child import Simulator
from sora_gateway.domain.accounts import Account, Plan
from sora_gateway.domain.licences import Permission
from sora_gateway.kit.redact import Secret
from sora_gateway.licences.keys import hash_key
from sora_gateway.settings import Settings
from tests.cli.processes import Process, gone, ready
from tests.fakes import FakeLicences

NOW = 1_790_000_000.0
Start = Callable[..., Process]


def started(start: Start, *words: str) -> tuple[Process, dict[str, str]]:
    """Return a running demo and its ready file's content."""
    process = start(
        "demo", "--port", "0", "--scenario", "fast", "--data-dir", "d", "--ready-file", "ready.json", *words
    )
    return process, ready(process, process.out.parent / "ready.json")


@contextmanager
def client(facts: dict[str, str]) -> Iterator[httpx2.Client]:
    """Return a caller of the demo."""
    headers = {"Authorization": f"Bearer {facts['api_key']}"}
    with httpx2.Client(base_url=facts["base_url"], headers=headers, trust_env=False, timeout=20) as http:
        yield http


def test_video(start: Start, tmp_path: Path) -> None:
    """A video is made with what the demo prints; SIGTERM ends everything in time."""
    process, facts = started(start)
    assert facts["base_url"] in process.said
    assert facts["api_key"] in process.said
    with client(facts) as http:
        job = made(http)
        content = http.get(f"/videos/{job['id']}/content").content
    assert content[4:8] == b"ftyp"
    children = process.descendants()
    assert len(children) >= 2  # the simulator and the store
    code, took_s = process.stop()
    assert (code, took_s < 5) == (0, True), process.said
    assert gone(children, 1)
    assert not (tmp_path / "ready.json").exists()
    assert "Traceback" not in process.said


def made(http: httpx2.Client) -> dict[str, Any]:
    """Return a finished job."""
    job = http.post("/videos", json={"model": "sora_video2", "prompt": "a boat"}).json()
    until = time.monotonic() + 30
    while job["status"] != "completed" and time.monotonic() < until:
        time.sleep(0.1)
        job = http.get(f"/videos/{job['id']}").json()
    assert job["status"] == "completed", job
    return cast(dict[str, Any], job)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_restart(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """The next run on the folder has the same key and the same jobs, however the last one ended."""
    process, facts = started(start)
    with client(facts) as http:
        job = made(http)
    process.stop(number)
    (tmp_path / "ready.json").unlink(missing_ok=True)
    again, later = started(start)
    assert later["api_key"] == facts["api_key"]
    with client(later) as http:
        assert http.get(f"/videos/{job['id']}").json()["status"] == "completed"
        assert made(http)["id"] != job["id"]
    assert again.stop(signal.SIGINT)[0] == 0


def test_one_demo_for_a_folder(start: Start) -> None:
    """A second demo on the folder says so and leaves the first alone."""
    _, facts = started(start)
    second = start("demo", "--port", "0", "--data-dir", "d")
    assert second.child.wait(20) == 1
    assert "running on the folder d already" in second.said
    with client(facts) as http:
        assert http.get("/models").status_code == 200


def test_stops_with_an_open_stream(start: Start) -> None:
    """A watcher does not hold the end up; its stream ends whole."""
    process, facts = started(start, "--scenario", "normal")
    with client(facts) as http:
        job = http.post("/videos", json={"model": "sora_video2", "prompt": "a boat"}).json()
        ended: list[BaseException | None] = []
        is_open = threading.Event()

        def watch() -> None:
            try:
                with http.stream("GET", f"/videos/{job['id']}/events") as answer:
                    for _ in answer.iter_lines():
                        is_open.set()
            except httpx2.HTTPError as error:
                ended.append(error)
            else:
                ended.append(None)

        thread = threading.Thread(target=watch)
        thread.start()
        assert is_open.wait(10)
        code, took_s = process.stop()
        thread.join(5)
    assert (code, took_s < 5) == (0, True)
    assert ended == [None]


def test_killed(start: Start) -> None:
    """kill -9 leaves neither simulator nor store behind."""
    process, _ = started(start)
    children = process.descendants()
    assert len(children) >= 2
    process.stop(signal.SIGKILL)
    assert gone(children, 5)


def test_simulator_dies(start: Start) -> None:
    """Without its simulator a demo ends, and says why."""
    process, _ = started(start)
    next(child for child in process.descendants() if "simulate" in cmdline(child)).kill()
    assert process.child.wait(20) == 1
    assert "The simulator ended by itself" in process.said


def cmdline(process: psutil.Process) -> list[str]:
    return process.cmdline()


def test_mistakes(start: Start) -> None:
    """An unknown scenario is wrong usage."""
    process = start("demo", "--scenario", "none")
    assert process.child.wait(20) == 2
    assert "no scenario named 'none'" in process.said


def test_key_is_kept(tmp_path: Path) -> None:
    """The key is made once and is its owner's alone."""
    key = key_of(tmp_path)
    assert key_of(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "demo-key").stat().st_mode) == 0o600


async def test_licence_is_put_back() -> None:
    """The key opens everything, whatever the store lost; nothing is written if it does already."""
    store = FakeLicences()
    await put_licence(store, "sg-" + "a" * 20, NOW)
    licence = await store.by_hash(hash_key("sg-" + "a" * 20))
    assert licence is not None
    assert (licence.name, licence.permissions) == ("demo", frozenset(Permission))
    await put_licence(store, "sg-" + "a" * 20, NOW + 9)
    assert await store.by_hash(hash_key("sg-" + "a" * 20)) == licence


class Accounts:
    """As much of an account store as is needed here."""

    def __init__(self) -> None:
        self.kept: dict[str, Account] = {}

    async def put(self, account: Account) -> None:
        self.kept[account.id] = account

    async def change(self, account_id: str, decide: Callable[[Account], Account]) -> Account | None:
        if account_id not in self.kept:
            return None
        self.kept[account_id] = decide(self.kept[account_id])
        return self.kept[account_id]


async def test_accounts_are_put_once() -> None:
    """A second start renews tokens and nothing else."""
    store: Any = Accounts()
    one = {"user_id": "user-1", "name": "pro", "plan": "pro", "email": "p@example.org", "access_token": "t1"}
    await put_accounts(store, [one], NOW)
    await put_accounts(store, [one], NOW)
    account = store.kept["sora_web:user-1"]
    assert (account.plan, account.name, account.credential.version) == (Plan.PRO, "pro", 1)
    await put_accounts(store, [one | {"access_token": "t2"}], NOW)
    assert store.kept["sora_web:user-1"].credential.access_token == Secret("t2")


def test_settings_of_a_demo() -> None:
    """Nothing of a real installation gets in: neither its store nor its backend."""
    real = Settings(workers=2, secret_key=SecretStr("x"), public_url="https://example.org")
    simulator = Simulator(
        process=cast(Any, None), base_url="http://127.0.0.1:1", media_origin="http://127.0.0.1:2", accounts=()
    )
    settings = demo_settings(real, simulator, "fast")
    assert settings.sora_web_base_url == "http://127.0.0.1:1/backend"
    assert (settings.redis_url, settings.secret_key, settings.public_url) == (None, None, None)
    assert settings.workers == 1
    assert settings.sora_web_poll_fast_s < demo_settings(real, simulator, "normal").sora_web_poll_fast_s


def test_welcome() -> None:
    """A newcomer reads the address, the key and lines to paste."""
    shown = Demo(base_url="http://127.0.0.1:8000/sora/v1", api_key="sg-key", simulator_url="http://x")
    text = welcome(shown, ["free", "plus"])
    assert "http://127.0.0.1:8000/docs" in text
    assert text.count("Bearer sg-key") == 2
    assert "Press Ctrl+C" in text
