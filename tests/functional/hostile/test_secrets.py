"""No secret of the operator, of an account or of a caller is ever told: in no log, list, counter or error."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest_store import start_server
from tests.functional.harness import Gateway, Simulator, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STORE = "password-of-the-store-0123456789"
PROXY = "password-of-the-proxy-0123456789"
SETTINGS = {
    "SORA_GATEWAY_SECRET_KEY": "secret-key-0123456789-abcdef",
    "SORA_GATEWAY_OLD_SECRET_KEYS": "old-secret-key-0123456789,older-secret-key-0123456789",
    "SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN": "sentinel-value-0123456789",
    "SORA_GATEWAY_LOG_LEVEL": "debug",
}
COOKIE = "__Secure-next-auth.session-token"


def _chunked(cookie: str) -> str:
    """Return a session cookie as browsers keep long ones: in pieces."""
    value = cookie.partition("=")[2]
    half = len(value) // 2
    return f"{COOKIE}.0={value[:half]}; {COOKIE}.1={value[half:]}"


def _with_password(url: str, path: Path) -> str:
    """Give the server at ``path`` a password and return the URL that holds it."""
    command = f"*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n${len(STORE)}\r\n{STORE}\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(command.encode())
        assert connection.recv(5) == b"+OK\r\n"
    return url.replace("unix://", f"unix://:{STORE}@")


async def test_nothing_is_told(tmp_path: Path) -> None:
    """A gateway works, is refused by backend and proxy, loses its store, and shows none of its secrets."""
    names = ("by-token", "by-cookie", "by-proxy", "own")
    accounts = [{"name": name, "plan": "plus", "access_token_life_s": 3600} for name in names]
    simulator = Simulator(tmp_path / "simulator", accounts=accounts)
    with tempfile.TemporaryDirectory(prefix="sg") as folder:
        server = start_server(Path(folder))
        url = _with_password(server.url, server.path)
        gateway = Gateway(tmp_path / "gateway", simulator, REDIS_URL=url, **SETTINGS)
        try:
            with running(simulator, gateway):
                told, secrets = await _eventful(simulator, gateway, server.stop)
        finally:
            server.stop()
    told.append(gateway.log.read_text())
    told.append(_refused(tmp_path / "refused"))
    assert len(secrets) > 15
    assert not [(secret, text[:200]) for secret in secrets for text in told if secret in text]


async def _eventful(
    simulator: Simulator, gateway: Gateway, lose_store: Callable[[], None]
) -> tuple[list[str], set[str]]:
    """Use everything that has a secret, well and badly; return what was told, and the secrets."""
    await simulator.ready()
    await gateway.ready()
    rows = {row["name"]: row for row in (await simulator.get("accounts"))["items"]}
    told = [
        gateway.run(
            "account",
            "add",
            stdin=f"{rows['by-token']['refresh_token']}\n{rows['by-cookie']['session_cookie']}",
        ),
        gateway.run(
            *("account", "add", "--no-check", "--proxy", f"http://proxy-user:{PROXY}@127.0.0.1:1"),
            stdin=rows["by-proxy"]["access_token"],
        ),
    ]
    key = gateway.new_key()
    own = _chunked(rows["own"]["session_cookie"])
    bad = (
        "rt_nobodys-0123456789",
        f"{COOKIE}.0=nobodys-0123456789",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.c2ln",
    )
    async with gateway.client(key) as client:
        made = await client.post("/videos", json={"model": "sora_video2", "prompt": "a boat"})
        told.append(made.raise_for_status().text)
        for one in (own, rows["own"]["refresh_token"], *bad, key[:-1]):
            answer = await client.get("/videos", headers={"Authorization": f"Bearer {one}"})
            told.append(answer.text)
            told.append(
                (await client.get("/models", params={"key": one}, headers={"Authorization": ""})).text
            )
        await simulator.post("clock", {"advance_s": 4000})  # all tokens are renewed
        rows_after = (await simulator.get("accounts"))["items"]
        commands = (
            "account list --all --json",
            "account check --all",
            "doctor",
        )
        told += [_said(gateway, *command.split()) for command in commands]
        told.append((await client.get(f"{gateway.url}/metrics")).text)
        lose_store()
        told.append((await client.get("/videos")).text)
        told.append((await client.get(f"{gateway.url}/readyz")).text)
    fields = ("access_token", "refresh_token")
    secrets = {row[name] for row in (*rows.values(), *rows_after) for name in fields}
    cookies = {row["session_cookie"].partition("=")[2] for row in (*rows.values(), *rows_after)}
    halves = {piece.partition("=")[2] for piece in own.split("; ")}
    settings = {SETTINGS[name] for name in list(SETTINGS)[:3]} | set(
        SETTINGS["SORA_GATEWAY_OLD_SECRET_KEYS"].split(",")
    )
    return told, {*secrets, *cookies, *halves, *settings, *bad, key, key[:-1], STORE, PROXY}


def _said(gateway: Gateway, *arguments: str) -> str:
    """Return all that a command prints, also if it fails."""
    try:
        return gateway.run(*arguments)
    except AssertionError as error:
        return str(error)


def _refused(folder: Path) -> str:
    """Return what a start prints whose settings cannot be used."""
    simulator = Simulator(folder / "simulator")
    said = []
    for changes in (
        {"REDIS_URL": f"redis://:{STORE}@127.0.0.1:1/0"},
        {"REDIS_URL": f"redis://:{STORE}@127.0.0.1:port/0"},
    ):
        gateway = Gateway(folder / "gateway", simulator, **{**SETTINGS, **changes})
        said.append(_said(gateway, "doctor"))
    return "\n".join(said)
