"""Printed cameos and characters have the documented keys (Sora web protocol, section 9)."""

from __future__ import annotations

from tests.simulator.conftest import Running


async def test_keys(running: Running) -> None:
    """Sections 9.3 to 9.5."""
    async with running() as sim:
        cameo_id = (await sim.cameo()).json()["id"]
        path = f"/backend/project_y/cameos/in_progress/{cameo_id}"
        young = (await sim.get(path)).json()
        sim.clock.at += 40
        ready = (await sim.get(path)).json()
        assert set(young) == set(ready)
        assert set(ready) == {
            "id",
            "status",
            "status_message",
            "display_name_hint",
            "username_hint",
            "profile_asset_url",
            "instruction_set_hint",
            "instruction_set",
        }
        character = (await sim.finalize(cameo_id, "rusty")).json()["character"]
        assert {"character_id", "cameo_id", "visibility", "profile", "instruction_set"} <= set(character)
        profile = character["profile"]
        assert (profile["user_id"], profile["display_name"]) == (character["character_id"], "Rusty")
        picture = await sim.http.get(profile["profile_picture_url"])
        assert picture.headers["content-type"] == "image/png"
