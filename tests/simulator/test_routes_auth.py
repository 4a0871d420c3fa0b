"""Session cookie and refresh token (Sora web protocol, sections 1.2 and 1.3)."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.simulator.routes_auth import COOKIE, session_token
from tests.simulator.conftest import Running, Sim, account_of, error_of, scenario_of


async def _refresh(sim: Sim, *, form: bool = False, **changes: Any) -> Any:
    account = sim.account("plus")
    fields = {
        "client_id": account["client_id"],
        "grant_type": "refresh_token",
        "redirect_uri": "com.openai.sora://callback",
        "refresh_token": account["refresh_token"],
    } | changes
    return await sim.http.post("/oauth/token", **({"data": fields} if form else {"json": fields}))


async def test_session_gives_a_token(running: Running) -> None:
    """The documented shape; the token works and lives longer than the first one."""
    async with running() as sim:
        sim.clock.at += 10
        account = sim.account("plus")
        answer = (
            await sim.http.get("/api/auth/session", headers={"cookie": account["session_cookie"]})
        ).json()
        assert answer["user"]["email"] == "plus@example.org"
        assert answer["user"]["id"] == account["user_id"]
        assert answer["expires"].endswith("Z")
        assert answer["accessToken"] != account["access_token"]
        bearer = {"authorization": f"Bearer {answer['accessToken']}"}
        assert (await sim.http.get("/backend/me", headers=bearer)).status_code == 200


async def test_session_in_numbered_chunks(running: Running) -> None:
    """A long cookie may come in pieces."""
    async with running() as sim:
        token = sim.account("pro")["session_token"]
        line = f"oai-did=1; {COOKIE}.1={token[9:]}; {COOKIE}.0={token[:9]}"
        answer = await sim.http.get("/api/auth/session", headers={"cookie": line})
        assert answer.json()["user"]["name"] == "pro"


@pytest.mark.parametrize("line", ["", "a=b", "=;=;", f"{COOKIE}=", f"{COOKIE}.1=x"])
def test_cookie_lines_without_a_token(line: str) -> None:
    """Nothing there is an empty token."""
    assert session_token(line) == ""


@pytest.mark.parametrize(("session", "body"), [("null", None), ("empty", {})])
async def test_dead_session(running: Running, session: str, body: object) -> None:
    """200 with `null` or `{}`."""
    async with running(scenario_of(accounts=[account_of("plus", session=session)])) as sim:
        cookie = {"cookie": sim.account("plus")["session_cookie"]}
        answer = await sim.http.get("/api/auth/session", headers=cookie)
        assert (answer.status_code, answer.json()) == (200, body)


async def test_session_ends_after_three_months_and_unknown_cookies_are_empty(running: Running) -> None:
    """No token then."""
    async with running() as sim:
        assert (await sim.http.get("/api/auth/session", headers={"cookie": f"{COOKIE}=nope"})).json() == {}
        sim.clock.at += 91 * 86_400
        cookie = {"cookie": sim.account("plus")["session_cookie"]}
        assert (await sim.http.get("/api/auth/session", headers=cookie)).json() is None


async def test_unchanged_token(running: Running) -> None:
    """C3: the same JWT again, when the account is so set."""
    async with running(scenario_of(accounts=[account_of("plus", session="unchanged")])) as sim:
        sim.clock.at += 10
        account = sim.account("plus")
        answer = await sim.http.get("/api/auth/session", headers={"cookie": account["session_cookie"]})
        assert answer.json()["accessToken"] == account["access_token"]


@pytest.mark.parametrize("form", [False, True])
async def test_refresh_rotates_and_a_replay_is_refused(running: Running, form: bool) -> None:
    """JSON and form; the old token dies, the new one works."""
    async with running() as sim:
        answer = (await _refresh(sim, form=form)).json()
        assert set(answer) == {"access_token", "refresh_token", "id_token", "token_type", "expires_in"}
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 8 * 86_400)
        assert error_of(await _refresh(sim, form=form)) == (401, "refresh_token_reused")
        assert (await _refresh(sim, form=form, refresh_token=answer["refresh_token"])).status_code == 200


async def test_refused_refreshes_spend_nothing(running: Running) -> None:
    """Another client, an unknown token, another grant: refused, and the token still works afterwards."""
    async with running() as sim:
        assert error_of(await _refresh(sim, client_id="app_other")) == (400, "invalid_grant")
        assert error_of(await _refresh(sim, refresh_token="rt_x")) == (401, "refresh_token_invalidated")
        assert error_of(await _refresh(sim, grant_type="password")) == (400, "invalid_request")
        assert error_of(await sim.http.post("/oauth/token", content=b"[]")) == (400, "invalid_request")
        assert (await _refresh(sim)).status_code == 200


async def test_auth_lives_outside_backend(running: Running) -> None:
    """Not below /backend."""
    async with running() as sim:
        assert (await sim.http.get("/backend/api/auth/session")).status_code == 404
