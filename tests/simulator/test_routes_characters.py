"""Characters over the wire (Sora web protocol, sections 4.3 and 9; Appendix A9)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.simulator.conftest import Running, clip, distance, error_of, picture, scenario_of

IN_PROGRESS = "/backend/project_y/cameos/in_progress/"


async def test_life_of_a_character(running: Running) -> None:
    """A9: processing, finalized with a picture and hints, a character, public, deleted."""
    async with running() as sim:
        answer = await sim.cameo()
        assert answer.json() == {"id": answer.json()["id"], "status": "processing"}
        cameo_id = answer.json()["id"]
        sim.clock.at += 39
        early = (await sim.get(IN_PROGRESS + cameo_id)).json()
        assert (early["status"], early["profile_asset_url"]) == ("processing", None)
        assert "not ready" in (await sim.finalize(cameo_id, "rusty481")).json()["error"]["message"]
        sim.clock.at += 1
        done = (await sim.get(IN_PROGRESS + cameo_id)).json()
        assert (done["status"], done["status_message"]) == ("finalized", "Completed")
        assert done["username_hint"].startswith("plus.")
        assert done["instruction_set_hint"]["value"][0]["type"] == "text"
        made = await sim.finalize(
            cameo_id, "rusty481", instruction_set={"value": [{"type": "text", "value": "calm"}]}
        )
        character = made.json()["character"]
        assert character["character_id"].startswith("ch_")
        assert character["profile"]["permalink"] == "https://sora.chatgpt.com/profile/rusty481"
        assert error_of(await sim.finalize(cameo_id, "rusty482")) == (400, "invalid_request")
        owned = (await sim.get(f"/backend/project_y/cameos/owned/{cameo_id}")).json()
        assert owned == character
        assert (owned["visibility"], owned["instruction_set"]["value"][0]["value"]) == ("private", "calm")
        path = f"/backend/project_y/characters/{character['character_id']}"
        assert error_of(await sim.http.delete(path, headers=sim.headers("pro"))) == (404, "not_found")
        gone = await sim.http.delete(path, headers=sim.headers())
        assert (gone.status_code, gone.content) == (204, b"")
        assert error_of(await sim.http.delete(path, headers=sim.headers())) == (404, "not_found")
        assert (await sim.get(f"/backend/project_y/cameos/owned/{cameo_id}")).status_code == 404


async def test_the_picture_of_a_cameo_is_a_frame(running: Running) -> None:
    """A WebP on the media host whose link is signed; timestamps choose the frame."""
    async with running() as sim:
        seen = []
        for stamps in ("0,1", "2.5,4"):
            cameo_id = (await sim.cameo(timestamps=stamps)).json()["id"]
            sim.clock.at += 40
            link = (await sim.get(IN_PROGRESS + cameo_id)).json()["profile_asset_url"]
            assert link.startswith(sim.address.media_origin)
            answer = await sim.http.get(link)
            assert answer.headers["content-type"] == "image/webp"
            with Image.open(io.BytesIO(answer.content)) as image:
                assert (image.format, image.size) == ("WEBP", (96, 96))
            seen.append(answer.content)
            assert (await sim.http.get(link.replace("sig=", "sig=A"))).status_code == 403
        assert seen[0] != seen[1]


@pytest.mark.parametrize("stamps", ["0,0.5", "0,4", "3,5", "x", "-1,1"])
async def test_odd_timestamps(running: Running, stamps: str) -> None:
    """1 to 3 seconds inside the clip."""
    async with running() as sim:
        assert error_of(await sim.cameo(timestamps=stamps)) == (400, "invalid_request")
        assert (await sim.http.get("/simulator/characters")).json() == {"items": []}


async def test_clips_that_are_refused(running: Running) -> None:
    """No video, too short for the default piece, a person by file name or by the title inside the file."""
    async with running() as sim:
        for data in (picture(), b"nonsense", clip(2)):
            assert error_of(await sim.cameo(data=data)) == (400, "invalid_request")
        answers = [await sim.cameo("[person].mp4"), await sim.cameo(data=clip(title="[person]"))]
        for answer in answers:
            assert error_of(answer) == (400, "content_refused")
            assert "real person" in answer.json()["error"]["message"]


async def test_a_cameo_that_fails(running: Running) -> None:
    """A9: `failed` with the reason, and never a character."""
    async with running(scenario_of(characters={"processing_s": 5})) as sim:
        cameo_id = (await sim.cameo("[no-character].mp4")).json()["id"]
        assert (await sim.get(IN_PROGRESS + cameo_id)).json()["status"] == "processing"
        sim.clock.at += 5
        view = (await sim.get(IN_PROGRESS + cameo_id)).json()
        assert view["status"] == "failed"
        assert "couldn't find a character" in view["status_message"]
        assert view["profile_asset_url"] is None
        assert error_of(await sim.finalize(cameo_id, "rusty")) == (400, "invalid_request")


async def test_from_a_generation(running: Running) -> None:
    """Section 9.2: the picture is a frame of that video; its prompt may name a person."""
    async with running() as sim:
        draft = await sim.finished("a cat", n_frames=150)
        path = "/backend/characters/from-generation"
        body: dict[str, Any] = {"generation_id": draft["id"], "character_id": None, "timestamps": [1, 3]}
        cameo_id = (await sim.post(path, body)).json()["id"]
        sim.clock.at += 40
        link = (await sim.get(IN_PROGRESS + cameo_id)).json()["profile_asset_url"]
        with Image.open(io.BytesIO((await sim.http.get(link)).content)) as image:
            assert image.size == (360, 360)
            corner = image.convert("RGB").getpixel((3, 3))
        frame = (await sim.frames(draft["downloadable_url"]))[2]
        assert distance(corner, frame.getpixel((6, 286))) < 30
        for odd, answer in (
            ({"timestamps": [3, 6]}, (400, "invalid_request")),
            ({"timestamps": [1]}, (400, "invalid_request")),
            ({"generation_id": "gen_x"}, (404, "not_found")),
        ):
            assert error_of(await sim.post(path, body | odd)) == answer
        assert error_of(await sim.post(path, body, "pro")) == (404, "not_found")
        person = await sim.finished("[person] walks")
        refused = await sim.post(path, body | {"generation_id": person["id"]})
        assert error_of(refused) == (400, "content_refused")
        blocked = await sim.finished("[violation]")
        answer = await sim.post(path, body | {"generation_id": blocked["id"]})
        assert error_of(answer) == (400, "invalid_request")


async def test_finalize_checks_its_fields(running: Running) -> None:
    """Username and avatar; a cameo of somebody else is not there."""
    async with running() as sim:
        await sim.character("rusty")
        cameo_id = (await sim.cameo()).json()["id"]
        sim.clock.at += 40
        assert error_of(await sim.finalize(cameo_id, "rusty")) == (400, "username_taken")
        foreign = await sim.avatar("pro")
        media = (await sim.upload(picture())).json()["id"]
        bare = (await sim.avatar()).removeprefix("sediment://")
        for pointer in (foreign, f"sediment://{media}", bare, "sediment://file_x"):
            answer = await sim.finalize(cameo_id, "fox", profile_asset_pointer=pointer)
            assert error_of(answer) == (400, "invalid_request")
            assert "profile_asset_pointer" in answer.json()["error"]["message"]
        person = await sim.send_file("/backend/project_y/file/upload", "[person].png", picture())
        answer = await sim.finalize(cameo_id, "fox", profile_asset_pointer=person.json()["asset_pointer"])
        assert error_of(answer) == (400, "content_refused")
        assert error_of(await sim.finalize(cameo_id, "fox", "pro")) == (404, "not_found")
        assert (await sim.get(IN_PROGRESS + cameo_id, "pro")).status_code == 404
        assert (await sim.finalize(cameo_id, "fox")).status_code == 200


async def test_update_keeps_what_is_not_named(running: Running) -> None:
    """Section 9.5: addressed by cameo, by its owner only."""
    async with running() as sim:
        cameo_id = (await sim.character("rusty"))["cameo_id"]
        path = f"/backend/project_y/cameos/by_id/{cameo_id}/update_v2"
        rules = {"value": [{"type": "text", "value": "no hats"}]}
        assert (await sim.post(path, {"safety_instruction_set": rules})).status_code == 200
        seen = (await sim.post(path, {"visibility": "public"})).json()
        assert (seen["visibility"], seen["safety_instruction_set"]) == ("public", rules)
        assert error_of(await sim.post(path, {"visibility": "friends"})) == (400, "invalid_request")
        assert error_of(await sim.post(path, {"visibility": "public"}, "pro")) == (404, "not_found")


async def test_lists_and_search(running: Running) -> None:
    """Others see the public ones; pages go on where they ended."""
    async with running() as sim:
        for number in range(3):
            await sim.character(f"rusty{number}", visibility="public" if number == 1 else "private")
        path = f"/backend/project_y/profile/{sim.account('plus')['user_id']}/characters"
        page = (await sim.get(path, limit=2)).json()
        rest = (await sim.get(path, limit=2, cursor=page["cursor"])).json()
        names = [item["username"] for item in page["items"] + rest["items"]]
        assert (names, rest["cursor"]) == (["rusty2", "rusty1", "rusty0"], None)
        assert [item["username"] for item in (await sim.get(path, "pro")).json()["items"]] == ["rusty1"]
        assert error_of(await sim.get(path.replace("user-", "user-x"))) == (404, "not_found")
        search = "/backend/project_y/profile/search_mentions"
        (found,) = (await sim.get(search, "pro", username="rus", intent="cameo", limit=10)).json()["items"]
        assert found["profile"]["can_cameo"]
        assert found["token"] == f"<@{found['profile']['user_id']}>"
        assert len((await sim.get(search, username="rusty", limit=2)).json()["items"]) == 2
        (user,) = (await sim.get(search, username="pr", intent="users")).json()["items"]
        assert (user["profile"]["username"], user["profile"]["can_cameo"]) == ("pro", False)
        assert error_of(await sim.get(search, intent="x")) == (400, "invalid_request")
        switches = (await sim.get("/backend/project_y/initialize_async")).json()
        assert len(switches["composer_profiles"]) == switches["max_cameos"] == 3
        assert (await sim.get("/backend/project_y/v2/me")).json()["profile"]["character_count"] == 3


async def test_without_sora2_or_username(running: Running) -> None:
    """The account must be able to create at all."""
    accounts = [
        {"name": "plus", "has_sora2": False},
        {"name": "pro", "username": None},
    ]
    async with running(scenario_of(accounts=accounts)) as sim:
        assert (await sim.cameo()).status_code == 401
        assert error_of(await sim.cameo(account="pro")) == (400, "username_required")


async def test_a_video_shows_whom_it_mentions(running: Running) -> None:
    """Section 9.6: the draft names the characters, and the file shows their avatars."""
    async with running() as sim:
        one = await sim.character("rusty", color="red")
        two = await sim.character("pixel", visibility="public", color="blue")
        plain = await sim.finished("a walk")
        draft = await sim.finished("a walk of @rusty and", cameo_ids=[two["character_id"]])
        profiles = draft["creation_config"]["cameo_profiles"]
        assert [profile["username"] for profile in profiles] == ["rusty", "pixel"]
        assert profiles[0]["user_id"] == one["character_id"]
        assert profiles[0]["owner_profile"]["username"] == "plus"
        frames = [(await sim.frames(item["downloadable_url"]))[0] for item in (plain, draft)]
        for colour in ((255, 0, 0), (0, 0, 255)):
            counts = [
                sum(distance(pixel, colour) < 60 for pixel in frame.resize((180, 320)).get_flattened_data())
                for frame in frames
            ]
            assert counts[0] < 20 < 150 < counts[1]
        (row,) = (await sim.http.get("/simulator/ledger", params={"prompt_contains": "@rusty"})).json()[
            "items"
        ]
        assert row["characters"] == ["rusty", "pixel"]


async def test_whose_characters_may_be_cast(running: Running) -> None:
    """Own and public ones; a private one of somebody else is refused, an unknown name is text."""
    async with running() as sim:
        await sim.character("shut")
        await sim.character("open", visibility="public")
        draft = await sim.finished("@open meets @nobody today", account="pro")
        names = [item["username"] for item in draft["creation_config"]["cameo_profiles"]]
        assert names == ["open"]
        answer = await sim.video("a walk of @shut today", account="pro")
        assert error_of(answer) == (400, "invalid_request")
        assert "@shut is private" in answer.json()["error"]["message"]


async def test_a_deleted_character_stays_in_its_videos(running: Running) -> None:
    """The finished video still shows it; a new prompt does not find it any more."""
    async with running() as sim:
        character = await sim.character("rusty")
        draft = await sim.finished("@rusty runs", n_frames=150)
        path = f"/backend/project_y/characters/{character['character_id']}"
        await sim.http.delete(path, headers=sim.headers())
        assert len(await sim.frames(draft["downloadable_url"])) == 5
        again = await sim.finished("@rusty runs")
        assert again["creation_config"]["cameo_profiles"] == []
