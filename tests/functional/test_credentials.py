"""Accounts renew themselves, and callers with credentials of their own are served on their own accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

DAY = 86_400


def _accounts(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, "plan": "plus", **more} for name in names]


async def _row(simulator: Simulator, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = (await simulator.get("accounts"))["items"]
    return next(row for row in rows if row["name"] == name)


async def _calls(simulator: Simulator, route: str, account: str | None = None) -> int:
    rows = (await simulator.get("counts"))["items"]
    return sum(row["calls"] for row in rows if row["route"] == route and account in (None, row["account"]))


async def _make(client: httpx2.AsyncClient, prompt: str, **fields: Any) -> str:
    answer = await client.post("/videos", json={"model": "sora_video2", "prompt": prompt, **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def _final(client: httpx2.AsyncClient, job_id: str) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = (await client.get(f"/videos/{job_id}")).raise_for_status().json()
        return job if job["status"] in ("completed", "failed") else None

    found: dict[str, Any] = await until(ended, timeout_s=90, what=f"{job_id} to end")
    return found


def _listed(gateway: Gateway) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(gateway.run("account", "list", "--all", "--json"))
    return rows


async def test_an_expired_token_is_one_refresh(tmp_path: Path) -> None:
    """Access tokens end under jobs of two accounts: each is renewed once, and every job completes.

    The refresh tokens that rotated survive kill -9, and the access token is renewed once more after it.
    """
    accounts = _accounts("by-token", "by-cookie", access_token_life_s=3600)
    simulator = Simulator(tmp_path / "simulator", accounts=accounts)
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        token = (await _row(simulator, "by-token"))["refresh_token"]
        cookie = (await _row(simulator, "by-cookie"))["session_cookie"]
        gateway.run("account", "add", stdin=f"{token}\n{cookie}; oai-did=1234")
        assert await _calls(simulator, "POST /oauth/token") == 1
        key = gateway.new_key()
        for number in (2, 3):
            await simulator.post("clock", {"advance_s": 4000})
            async with gateway.client(key) as client:
                ids = [await _make(client, f"a boat {index}") for index in range(5)]
                jobs = [await _final(client, job_id) for job_id in ids]
            assert [job["status"] for job in jobs] == ["completed"] * 5
            assert await _calls(simulator, "POST /oauth/token") == number
            assert await _calls(simulator, "GET /api/auth/session") == number
            gateway.kill()
            gateway.start()
            await gateway.ready()
        rows = await simulator.creations()
        assert {row["state"] for row in _listed(gateway)} == {"ready"}
        living = (await _row(simulator, "by-token"))["refresh_token"]
        assert living not in gateway.log.read_text()
        assert token not in gateway.log.read_text()
    assert len(rows) == 10
    assert {row["account"] for row in rows} == {"by-token", "by-cookie"}


@pytest.mark.parametrize(
    ("what", "state", "why"),
    [("lost answer", "cooling", "refresh was not answered"), ("replay", "auth_failed", "was used before")],
)
async def test_a_refresh_that_fails(tmp_path: Path, what: str, state: str, why: str) -> None:
    """The account is put aside with the reason shown, its job waits; a new credential ends both.

    A lost answer is no lasting no, although the refresh token is dead by then; a replayed one is.
    """
    simulator = Simulator(tmp_path / "simulator", accounts=_accounts("one", access_token_life_s=3600))
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.run("account", "add", stdin=(await _row(simulator, "one"))["refresh_token"])
        if what == "lost answer":
            await simulator.post("faults", {"kind": "lose_answer", "route": "POST /oauth/token"})
        else:
            await _use_elsewhere(simulator, "one")
        await simulator.post("clock", {"advance_s": 4000})
        async with gateway.client(gateway.new_key()) as client:
            job_id = await _make(client, "waits")

            async def troubled() -> bool:
                row = _listed(gateway)[0]
                return row["state"] == state and why in row["reason"]

            await until(troubled, timeout_s=30, what=f"the account to be {state}")
            assert (await client.get(f"/videos/{job_id}")).json()["status"] == "queued"
            assert await simulator.creations() == []
            gateway.run("account", "add", stdin=(await _row(simulator, "one"))["refresh_token"])
            assert (await _final(client, job_id))["status"] == "completed"
        assert _listed(gateway)[0]["reason"] is None


async def _use_elsewhere(simulator: Simulator, name: str) -> None:
    row = await _row(simulator, name)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": row["refresh_token"],
        "client_id": row["client_id"],
    }
    async with httpx2.AsyncClient() as client:
        (await client.post(f"{simulator.url}/oauth/token", json=form)).raise_for_status()


@pytest.mark.parametrize("form", ["access_token", "refresh_token", "session_cookie"])
async def test_a_caller_with_his_own_credential(tmp_path: Path, form: str) -> None:
    """He makes videos on his account alone, sees his own alone, and goes on with what he gave."""
    simulator = Simulator(tmp_path / "simulator", accounts=_accounts("pool", "his", "other"))
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts([(await _row(simulator, "pool"))["access_token"]])
        given = (await _row(simulator, "his"))[form]
        others = (await _row(simulator, "other"))["access_token"]
        async with (
            gateway.client(given) as his,
            gateway.client(others) as other,
            gateway.client(gateway.new_key()) as pool,
        ):
            ids = [await _make(his, f"his {index}") for index in range(4)]
            foreign = await _make(pool, "of the pool")
            for job_id in ids:
                assert (await _final(his, job_id))["status"] == "completed"
            assert (await _final(pool, foreign))["status"] == "completed"
            for client in (other, pool):
                assert (await client.get(f"/videos/{ids[0]}")).status_code == 404
            assert (await his.get(f"/videos/{foreign}")).status_code == 404
            mine = (await his.get("/videos")).json()["data"]
            assert sorted(job["id"] for job in mine) == sorted(ids)
            assert (await his.get(f"/videos/{ids[0]}/content")).status_code == 200
            refusal = await his.post("/videos", json={"model": "sora_video2|[free]", "prompt": "x"})
            assert refusal.status_code == 400
            again = await _make(his, "once more", model="sora_video2|[plus]")
            assert (await _final(his, again))["status"] == "completed"
        gateway.kill()
        gateway.start()
        await gateway.ready()
        async with gateway.client(given) as his:
            assert len((await his.get("/videos")).json()["data"]) == 5
        rows = await simulator.creations()
        assert await _calls(simulator, "POST /oauth/token") == (form == "refresh_token")
        shown = {
            row["name"] or row["owner"]: row for row in json.loads(gateway.run("account", "list", "--json"))
        }
        assert [row["owner"] for row in shown.values()] == [None]
        assert len([row for row in _listed(gateway) if row["owner"]]) == 2
        assert given not in gateway.log.read_text()
    assert {row["account"] for row in rows if row["prompt"] != "of the pool"} == {"his"}
    assert [row["account"] for row in rows if row["prompt"] == "of the pool"] == ["pool"]


async def test_his_tokens_end_and_are_renewed(tmp_path: Path) -> None:
    """A caller of a rotated refresh token keeps his jobs; with a new access token too."""
    simulator = Simulator(tmp_path / "simulator", accounts=_accounts("his", access_token_life_s=3600))
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        given = (await _row(simulator, "his"))["refresh_token"]
        async with gateway.client(given) as his:
            await _final(his, await _make(his, "first"))
            await simulator.post("clock", {"advance_s": 4000})
            assert (await _final(his, await _make(his, "second")))["status"] == "completed"
        assert await _calls(simulator, "POST /oauth/token") == 2
        async with gateway.client((await _row(simulator, "his"))["access_token"]) as his:
            assert len((await his.get("/videos")).json()["data"]) == 2


async def test_who_is_not_let_in(tmp_path: Path) -> None:
    """A bad credential is 401, an unreachable backend is 503, and with pass-through off all are 401."""
    simulator = Simulator(tmp_path / "simulator", accounts=_accounts("his"))
    gateway = Gateway(tmp_path / "gateway", simulator)
    closed = Gateway(
        tmp_path / "closed",
        simulator,
        SORA_GATEWAY_PASSTHROUGH="false",
    )
    narrow = Gateway(tmp_path / "narrow", simulator, SORA_GATEWAY_PASSTHROUGH_PERMISSIONS="chat")
    with running(simulator, gateway, closed, narrow):
        await simulator.ready()
        for one in (gateway, closed, narrow):
            await one.ready()
        good = (await _row(simulator, "his"))["access_token"]
        for bad in ("eyJh.eyJi.abc", "rt_nobodys", "__Secure-next-auth.session-token=nobodys"):
            async with gateway.client(bad) as client:
                answer = await client.get("/videos")
                assert answer.status_code == 401, answer.text
                assert answer.json()["error"]["message"].startswith("Incorrect API key provided")
        async with gateway.client(good) as client:
            assert (await client.get("/videos")).status_code == 200
        async with closed.client(good) as client:
            assert (await client.get("/videos")).status_code == 401
        async with narrow.client(good) as client:
            assert (await client.get("/videos")).status_code == 403
        assert {row["owner"] for row in _listed(gateway)} == {
            f"passthrough:sora_web:{(await _row(simulator, 'his'))['user_id']}"
        }
        simulator.kill()
        async with gateway.client("eyJh.eyJi.abcd") as client:
            answer = await client.get("/videos", headers={"x-stainless-retry-count": "0"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_unreachable")
            assert int(answer.headers["retry-after"]) >= 1
