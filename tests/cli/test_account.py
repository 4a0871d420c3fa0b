"""Prove that accounts are added, listed, checked, put aside and removed, against a simulated backend."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sora_gateway.cli.account import as_json, find
from sora_gateway.cli.plain import CommandError
from sora_gateway.simulator.server import SimulatorAddress, SimulatorConfig, serve
from tests.cli.conftest import Command
from tests.domain.samples import account


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorAddress]:
    """A simulated backend that the settings point to."""
    ready: list[SimulatorAddress] = []
    is_up = threading.Event()
    ends: list[Any] = []

    def announce(address: SimulatorAddress) -> None:
        ready.append(address)
        is_up.set()

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(task.cancel))
        await serve(SimulatorConfig(port=0, scenario="fast"), on_ready=announce)

    def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(run())

    thread = threading.Thread(target=main)
    thread.start()
    assert is_up.wait(20)
    monkeypatch.setenv("SORA_GATEWAY_SORA_WEB_BASE_URL", f"{ready[0].base_url}/backend")
    monkeypatch.setenv("SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN", "simulated")
    yield ready[0]
    ends[0]()
    thread.join(10)


def tokens(backend: SimulatorAddress) -> dict[str, str]:
    """Return the tokens by name."""
    return {one["name"]: one["access_token"] for one in backend.accounts}


def listed(command: Command) -> dict[str, dict[str, Any]]:
    """Return the stored accounts by plan."""
    return {one["plan"]: one for one in json.loads(command("account", "list", "--json").stdout)}


def test_add_from_standard_input(command: Command, backend: SimulatorAddress) -> None:
    """Every line has its result; who the account is comes from the backend."""
    assert "no account yet" in command("account", "list").stderr
    lines = "\n".join((tokens(backend)["plus"], "rt_none", tokens(backend)["pro"], "eyJ.b.c", "a.b.c"))
    result = command("account", "add", "--group", "team-a", "--video-slots", "2", input=lines)
    assert result.exit_code == 1
    said = result.stdout.splitlines()
    assert said[0].startswith("line 1: added: sora_web:user-")
    assert said[1] == "line 2: FAILED - refresh was refused; The refresh token was invalidated."
    assert said[2].startswith("line 3: added: ")
    assert said[3].startswith("line 4: FAILED - The account's credential has expired")
    assert said[4].startswith("line 5: FAILED - This is no credential.")
    accounts = listed(command)
    assert set(accounts) == {"plus", "pro"}
    assert accounts["plus"]["groups"] == ["team-a"]
    assert accounts["plus"]["slots"] == {"video": 2, "image": 1}
    user_ids = {one["plan"]: one["user_id"] for one in backend.accounts}
    assert accounts["pro"]["id"] == f"sora_web:{user_ids['pro']}"
    shown = command("account", "list").stdout
    assert "p***@example.org" in shown
    assert all(token not in shown for token in tokens(backend).values())


def test_add_again_keeps_the_settings(command: Command, backend: SimulatorAddress, tmp_path: Path) -> None:
    """Another token of a known account is a new credential, and nothing else."""
    path = tmp_path / "tokens.txt"
    path.write_text(tokens(backend)["plus"])
    assert command("account", "add", "-f", "tokens.txt", "--name", "first").exit_code == 0
    assert command("account", "disable", "first").exit_code == 0
    other = other_token(backend, "plus")
    result = command("account", "add", "--json", input=other)
    assert [(one["ok"], one["what"]) for one in json.loads(result.stdout)] == [(True, "line 1")]
    plus = listed(command)["plus"]
    assert (plus["name"], plus["credential_version"], plus["state"]) == ("first", 2, "disabled")


def other_token(backend: SimulatorAddress, name: str) -> str:
    """Return another valid token of the account."""
    one = next(one for one in backend.accounts if one["name"] == name)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": one["refresh_token"],
        "client_id": one["client_id"],
    }
    # Tokens tell their time in whole seconds.
    httpx2.post(f"{backend.base_url}/simulator/clock", json={"advance_s": 5}, trust_env=False)
    answer = httpx2.post(f"{backend.base_url}/oauth/token", json=form, trust_env=False)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    assert token != one["access_token"]
    return token


def test_without_a_check(
    command: Command, monkeypatch: pytest.MonkeyPatch, backend: SimulatorAddress
) -> None:
    """``--no-check`` believes the token and asks nobody."""
    monkeypatch.setenv("SORA_GATEWAY_SORA_WEB_BASE_URL", "http://127.0.0.1:9/backend")
    assert command("account", "add", "--no-check", input=tokens(backend)["pro"]).exit_code == 0
    assert listed(command)["pro"]["email"] == "pro@example.org"
    result = command("account", "add", input=tokens(backend)["plus"])
    assert (result.exit_code, len(listed(command))) == (1, 1)
    result = command("account", "add", "--no-check", input="eyJ.b.c\nrt_x")
    assert result.stdout.count("FAILED") == 2
    assert "does not say whose it is" in result.stdout


def test_check(command: Command, backend: SimulatorAddress) -> None:
    """A check stores what the backend says: a dead credential, and its recovery."""
    command("account", "add", input="\n".join(tokens(backend).values()))
    assert command("account", "check", "--all").exit_code == 0
    revoke(backend, "plus", revoked=True)
    result = command("account", "check", "--all", "--json")
    assert result.exit_code == 1
    assert sorted(one["ok"] for one in json.loads(result.stdout)) == [False, True, True]
    assert listed(command)["plus"]["state"] == "auth_failed"
    revoke(backend, "plus", revoked=False)
    assert command("account", "check", listed(command)["plus"]["id"]).exit_code == 0
    assert listed(command)["plus"]["state"] == "ready"
    assert command("account", "check").exit_code == 2
    assert command("account", "check", "x", "--all").exit_code == 2


def revoke(backend: SimulatorAddress, name: str, *, revoked: bool) -> None:
    """Let the backend refuse the account's tokens, or take them again."""
    settings = {"name": name, "plan": name, "revoked": revoked}
    answer = httpx2.post(f"{backend.base_url}/simulator/accounts", json=settings, trust_env=False)
    assert answer.status_code == 201, answer.text


def test_disable_enable_remove(command: Command, backend: SimulatorAddress) -> None:
    """An account is found by id, by the backend's id, and by name."""
    command("account", "add", "--name", "mine", input=tokens(backend)["free"])
    account_id = listed(command)["free"]["id"]
    assert command("account", "disable", account_id).exit_code == 0
    assert listed(command)["free"]["reason"] == "disabled by the operator"
    assert command("account", "enable", account_id.removeprefix("sora_web:")).exit_code == 0
    assert listed(command)["free"]["state"] == "ready"
    assert command("account", "remove", "mine").exit_code == 0
    assert listed(command) == {}
    result = command("account", "remove", "mine")
    assert (result.exit_code, "no account 'mine'" in result.stderr) == (1, True)


def test_explain(command: Command, backend: SimulatorAddress) -> None:
    """Why an account gets no work, what it has left, and how long its credential is good; no secret."""
    command("account", "add", "--name", "mine", input=tokens(backend)["plus"])
    text = command("account", "explain", "mine").stdout
    assert ": ready" in text
    assert "3 of 3 free; 0 ours, 0 of other clients" in text
    assert "quota      5000 videos left" in text
    assert "access token, expires" in text
    assert tokens(backend)["plus"] not in text
    command("account", "disable", "mine")
    assert "- it is disabled: disabled by the operator" in command("account", "explain", "mine").stdout
    shown = json.loads(command("account", "explain", "mine", "--json").stdout)
    assert shown["standing"] == "disabled"
    assert shown["load"]["image"] == {"slots": 1, "ours": 0, "foreign": 0, "free": 1}
    assert "3/3 video" in command("account", "list").stdout
    assert command("account", "explain", "other").exit_code == 1


def test_nothing_given(command: Command) -> None:
    """No token is wrong usage; a file that is not there is told."""
    assert command("account", "add", input="# none\n").exit_code == 2
    assert command("account", "add", "--proxy", "nonsense", input="rt_x").exit_code == 2
    result = command("account", "add", "--file", "none.txt")
    assert (result.exit_code, "none.txt: No such file" in result.stderr) == (1, True)


def row(backend: SimulatorAddress, name: str) -> dict[str, Any]:
    """Return the account's credentials as the simulator has them now."""
    rows = httpx2.get(f"{backend.base_url}/simulator/accounts", trust_env=False).json()["items"]
    found: dict[str, Any] = next(one for one in rows if one["name"] == name)
    return found


def calls(backend: SimulatorAddress, route: str) -> int:
    """Return how often a route was called."""
    rows = httpx2.get(f"{backend.base_url}/simulator/counts", trust_env=False).json()["items"]
    return sum(one["calls"] for one in rows if one["route"] == route)


def test_refresh_tokens_and_cookies(command: Command, backend: SimulatorAddress) -> None:
    """Each is exchanged at once, by the client that it is for; nothing secret is printed."""
    given = [row(backend, "plus")["refresh_token"], row(backend, "pro")["session_cookie"]]
    result = command("account", "add", input="\n".join([*given, "rt_nobodys"]))
    said = result.stdout.splitlines()
    assert said[0].startswith("line 1: added: sora_web:user-")
    assert said[1].startswith("line 2: added: sora_web:user-")
    assert said[2].startswith("line 3: FAILED - refresh was refused")
    accounts = listed(command)
    assert [accounts[plan]["credential"] for plan in ("plus", "pro")] == ["refresh token", "session cookie"]
    assert all(accounts[plan]["credential_expires_at"] for plan in ("plus", "pro"))
    shown = result.stdout + command("account", "list").stdout + json.dumps(accounts)
    secrets = [*given, row(backend, "plus")["refresh_token"], row(backend, "pro")["session_token"]]
    assert not any(secret in shown for secret in secrets)
    assert row(backend, "plus")["refresh_token"] != given[0]


def test_a_spent_refresh_token_finds_its_account(command: Command, backend: SimulatorAddress) -> None:
    """The same file again exchanges nothing: what it gave is known, and its successor works."""
    given = row(backend, "plus")["refresh_token"]
    command("account", "add", input=given)
    result = command("account", "add", "--name", "again", input=given)
    assert (result.exit_code, calls(backend, "POST /oauth/token")) == (0, 1)
    assert listed(command)["plus"]["name"] == "again"
    assert listed(command)["plus"]["credential_version"] == 2


def test_trouble_in_the_middle_loses_nothing(command: Command, backend: SimulatorAddress) -> None:
    """The backend rotates the token and then fails to say whose it is: the same line again adds it."""
    given = row(backend, "plus")["refresh_token"]
    fault = {"kind": "status", "route": "GET /me", "status": 503, "times": 1}
    httpx2.post(f"{backend.base_url}/simulator/faults", json=fault, trust_env=False).raise_for_status()
    assert command("account", "add", input=given).exit_code == 1
    assert [one["state"] for one in json.loads(command("account", "list", "--json").stdout)] == ["disabled"]
    assert command("account", "add", input=given).exit_code == 0
    assert [one["plan"] for one in json.loads(command("account", "list", "--json").stdout)] == ["plus"]


def test_check_renews_what_has_ended(command: Command, backend: SimulatorAddress) -> None:
    """A check of an account whose access token is over renews it once."""
    command("account", "add", input=row(backend, "plus")["refresh_token"])
    httpx2.post(f"{backend.base_url}/simulator/clock", json={"advance_s": 9 * 86400}, trust_env=False)
    assert command("account", "check", "--all").exit_code == 0
    assert calls(backend, "POST /oauth/token") == 2
    assert listed(command)["plus"]["state"] == "ready"


def test_proxy(command: Command, backend: SimulatorAddress) -> None:
    """Check and exchange go through the account's proxy, and fail where there is none."""
    dead = "http://u:secret@127.0.0.1:9"
    result = command("account", "add", "--proxy", dead, input=tokens(backend)["plus"])
    assert (result.exit_code, listed(command)) == (1, {})
    given = row(backend, "pro")["refresh_token"]
    result = command("account", "add", "--proxy", dead, input=given)
    assert (result.exit_code, "secret" in result.output) == (1, False)
    assert calls(backend, "POST /oauth/token") == 0
    assert command("account", "add", input=tokens(backend)["plus"]).exit_code == 0
    assert (
        command("account", "add", "--proxy", dead, "--no-check", input=tokens(backend)["plus"]).exit_code == 0
    )
    assert listed(command)["plus"]["has_proxy"] is True
    assert command("account", "check", "--all").exit_code == 1
    assert command("account", "add", "--proxy", "", input=tokens(backend)["plus"]).exit_code == 0
    assert listed(command)["plus"]["has_proxy"] is False


def test_a_callers_own_account_has_its_full_id() -> None:
    """The pool's account of the same user is meant by the short one."""
    pool = account("user-1")
    own = replace(pool, id="sora:own-user-1", owner="passthrough:sora:user-1")
    assert find([pool, own], "user-1") is pool
    assert find([pool, own], "sora:own-user-1") is own
    with pytest.raises(CommandError):
        find([own], "user-1")
    assert as_json(own, 0.0)["owner"] == own.owner
