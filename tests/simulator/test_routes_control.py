"""The control API, which tests and demos steer a simulator by."""

from __future__ import annotations

from tests.simulator.conftest import Running, error_of


async def test_home_and_scenario(running: Running) -> None:
    """It says what it is, and shows the data in force."""
    async with running() as sim:
        assert (await sim.http.get("/")).json()["scenario"] == "real"
        assert (await sim.http.get("/simulator/scenario")).json()["name"] == "real"


async def test_ledger(running: Running) -> None:
    """Every creation with its body; the outcome once it is decided."""
    async with running() as sim:
        task = (await sim.video("[violation] a")).json()["id"]
        await sim.image("b", account="pro")
        (row,) = (await sim.http.get("/simulator/ledger", params={"account": "plus"})).json()["items"]
        assert (row["task_id"], row["account"], row["kind"], row["outcome"]) == (task, "plus", "video", None)
        assert row["body"]["n_frames"] == 300
        assert row["status"] == "preprocessing"
        sim.clock.at += 170
        (row,) = (await sim.http.get("/simulator/ledger", params={"prompt_contains": "[vio"})).json()["items"]
        assert (row["outcome"], row["status"]) == ("violation", "succeeded")
        rows = (await sim.http.get("/simulator/ledger")).json()["items"]
        assert [item["kind"] for item in rows] == ["video", "image"]


async def test_characters(running: Running) -> None:
    """Every cameo with what became of it, deleted characters included."""
    async with running() as sim:
        character = await sim.character("rusty")
        await sim.cameo("[no-character].mp4", account="pro")
        path = f"/backend/project_y/characters/{character['character_id']}"
        await sim.http.delete(path, headers=sim.headers())
        first, second = (await sim.http.get("/simulator/characters")).json()["items"]
        assert first["character_id"] == character["character_id"]
        assert (first["account"], first["username"], first["status"]) == ("plus", "rusty", "finalized")
        assert (first["is_deleted"], first["timestamps"], first["source"]) == (True, [0, 3], "video.mp4")
        assert (second["status"], second["username"], second["is_deleted"]) == ("processing", None, False)
        assert "couldn't find" in second["failure"]
        (row,) = (await sim.http.get("/simulator/characters", params={"account": "pro"})).json()["items"]
        assert row == second
        assert (await sim.http.get("/simulator/ledger")).json() == {"items": []}


async def test_counts(running: Running) -> None:
    """By route template and account; control calls do not count; a reset starts anew."""
    async with running() as sim:
        await sim.get("/backend/nf/tasks/task_1/v2")
        await sim.get("/nf/tasks/task_2/v2")
        await sim.http.get("/backend/me")
        counts = (await sim.http.get("/simulator/counts", params={"reset": 1})).json()
        assert counts == {
            "items": [
                {"route": "GET /me", "account": "-", "calls": 1},
                {"route": "GET /nf/tasks/{task}/v2", "account": "plus", "calls": 2},
            ],
            "total": 3,
        }
        assert (await sim.http.get("/simulator/counts")).json() == {"items": [], "total": 0}


async def test_accounts(running: Running) -> None:
    """Listed with living credentials; one can be added, and given other settings later."""
    async with running() as sim:
        made = await sim.http.post("/simulator/accounts", json={"name": "four", "plan": "pro"})
        assert made.status_code == 201
        bearer = {"authorization": f"Bearer {made.json()['access_token']}"}
        assert (await sim.http.get("/backend/me", headers=bearer)).json()["name"] == "four"
        sim.clock.at += 30 * 86_400
        listed = (await sim.http.get("/simulator/accounts")).json()["items"]
        assert [item["name"] for item in listed] == ["free", "plus", "pro", "four"]
        bearer = {"authorization": f"Bearer {listed[3]['access_token']}"}
        assert (await sim.http.get("/backend/me", headers=bearer)).status_code == 200
        again = await sim.http.post("/simulator/accounts", json={"name": "four", "revoked": True})
        assert again.json()["user_id"] == made.json()["user_id"]
        assert (await sim.http.get("/backend/me", headers=bearer)).status_code == 401
        assert error_of(await sim.http.post("/simulator/accounts", json={"nam": "x"})) == (
            400,
            "invalid_request",
        )


async def test_faults(running: Running) -> None:
    """Added, listed with counters, lifted one by one or all."""
    async with running() as sim:
        rule = {"route": "GET /me", "kind": "status", "error": "heavy_load", "times": None}
        made = (await sim.http.post("/simulator/faults", json=rule)).json()
        assert error_of(await sim.get("/me")) == (400, "heavy_load")
        (listed,) = (await sim.http.get("/simulator/faults")).json()["items"]
        assert (listed["id"], listed["struck"]) == (made["id"], 1)
        assert (await sim.http.delete(f"/simulator/faults/{made['id']}")).status_code == 204
        assert (await sim.http.delete(f"/simulator/faults/{made['id']}")).status_code == 404
        assert (await sim.get("/me")).status_code == 200
        await sim.http.post("/simulator/faults", json=rule)
        assert (await sim.http.delete("/simulator/faults")).status_code == 204
        assert (await sim.get("/me")).status_code == 200
        assert error_of(await sim.http.post("/simulator/faults", json={"kind": "x"})) == (
            400,
            "invalid_request",
        )


async def test_clock(running: Running) -> None:
    """Time can be skewed forward: a task is done at once."""
    async with running() as sim:
        await sim.video()
        moved = (await sim.http.post("/simulator/clock", json={"advance_s": 170})).json()
        assert moved == {"now": sim.clock.at + 170, "skew_s": 170}
        assert len((await sim.drafts())["items"]) == 1
        answer = await sim.http.post("/simulator/clock", json={"advance_s": -1})
        assert error_of(answer) == (400, "invalid_request")
