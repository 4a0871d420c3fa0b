"""One namespace for accounts and characters (Sora web protocol, sections 3.5 and 9.4)."""

from __future__ import annotations

from tests.simulator.conftest import Running, error_of

CHECK = "/backend/project_y/profile/username/check"


async def test_characters_take_names_from_accounts_and_back(running: Running) -> None:
    """A character's name is taken for everybody, its owner too, until it is deleted."""
    async with running() as sim:
        character = await sim.character("rusty481")
        for account in ("plus", "pro"):
            assert (await sim.post(CHECK, {"username": "rusty481"}, account)).json() == {"available": False}
        set_ = "/backend/project_y/profile/username/set"
        assert error_of(await sim.post(set_, {"username": "rusty481"})) == (400, "username_taken")
        cameo = (await sim.cameo()).json()["id"]
        sim.clock.at += 60
        for username, code in (("plus", "username_taken"), ("Rusty", "invalid_request")):
            assert error_of(await sim.finalize(cameo, username)) == (400, code)
        path = f"/backend/project_y/characters/{character['character_id']}"
        assert (await sim.http.delete(path, headers=sim.headers())).status_code == 204
        assert (await sim.post(CHECK, {"username": "rusty481"}, "pro")).json() == {"available": True}
