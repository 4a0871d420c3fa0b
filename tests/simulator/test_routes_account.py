"""Account calls (Sora web protocol, section 3)."""

from __future__ import annotations

import pytest

from tests.simulator.conftest import Running, account_of, error_of, scenario_of


@pytest.mark.parametrize("prefix", ["/backend", ""])
async def test_me(running: Running, prefix: str) -> None:
    """Section 3.1, below /backend and at the root."""
    async with running() as sim:
        me = (await sim.get(prefix + "/me")).json()
        assert me["id"] == sim.account("plus")["user_id"]
        assert (me["email"], me["username"]) == ("plus@example.org", "plus")


@pytest.mark.parametrize(
    ("plan", "plan_id"), [("plus", "chatgpt_plus"), ("pro", "chatgpt_pro"), ("free", None)]
)
async def test_subscriptions(running: Running, plan: str, plan_id: str | None) -> None:
    """Section 3.2: empty data for no paid plan."""
    async with running() as sim:
        data = (await sim.get("/backend/billing/subscriptions", plan)).json()["data"]
        assert [item["plan"]["id"] for item in data] == ([plan_id] if plan_id else [])


async def test_account_without_sora2(running: Running) -> None:
    """Sections 3.3 and 3.4: 404 on the quota, 401 "Unauthorized" on the invite."""
    async with running(scenario_of(accounts=[account_of("plus", has_sora2=False)])) as sim:
        assert (await sim.get("/backend/nf/check")).status_code == 404
        answer = await sim.get("/backend/project_y/invite/mine")
        assert (answer.status_code, answer.json()["error"]["message"]) == (401, "Unauthorized")
        assert (await sim.video()).status_code == 401
        assert (await sim.image()).status_code == 200
        assert (await sim.get("/backend/m/bootstrap")).status_code == 200


async def test_usernames(running: Running) -> None:
    """Section 3.5: check, set, taken, illegal; `POST /me` is the newer way."""
    async with running(scenario_of(accounts=[account_of("plus", username=None), account_of("pro")])) as sim:
        check, set_ = "/backend/project_y/profile/username/check", "/backend/project_y/profile/username/set"
        assert (await sim.post(check, {"username": "pool.seven"})).json() == {"available": True}
        assert (await sim.post(check, {"username": "pro"})).json() == {"available": False}
        assert (await sim.post(check, {"username": "Pool Seven"})).json() == {"available": False}
        assert error_of(await sim.post(set_, {"username": "pro"})) == (400, "username_taken")
        assert error_of(await sim.post(set_, {"username": "Ä"})) == (400, "invalid_request")
        assert (await sim.post(set_, {"username": "pool.seven"})).json()["username"] == "pool.seven"
        assert (await sim.post("/backend/me", {"username": "poolseven"})).json()["username"] == "poolseven"
        assert (await sim.post(check, {"username": "pool.seven"}, "pro")).json() == {"available": True}
        assert (await sim.video()).status_code == 200


async def test_profile_and_switches(running: Running) -> None:
    """Section 3.6."""
    async with running() as sim:
        profile = (await sim.get("/backend/project_y/v2/me", "pro")).json()
        assert profile["profile"]["plan_type"] == "pro"
        assert profile["my_info"]["email"] == "pro@example.org"
        switches = (await sim.get("/backend/project_y/initialize_async")).json()
        assert "news" in {style["id"] for style in switches["styles"]}
        models = (await sim.get("/backend/models", nf2="true")).json()["data"]
        assert [model["id"] for model in models] == ["sy_8", "sy_ore"]
        assert (await sim.get("/backend/models")).json() != {"data": models}
        assert set((await sim.get("/backend/project_y/invite/mine")).json()) == {
            "invite_code",
            "redeemed_count",
            "total_count",
        }
