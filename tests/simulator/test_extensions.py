"""Long-video extensions (Sora web protocol, section 6.6)."""

from __future__ import annotations

import io
from typing import Any

import av
import httpx2
import pytest

from tests.simulator.conftest import Running, Sim, colour_of, distance, error_of, scenario_of

_TOP_LEFT = (0.0, 0.0, 0.03, 0.01)


async def _extend(
    sim: Sim, generation_id: str, prompt: str = "it reaches the sea", account: str = "plus", **more: Any
) -> httpx2.Response:
    path = f"/backend/project_y/profile/drafts/{generation_id}/long_video_extension"
    body = {"user_prompt": prompt, "extension_duration_s": 10, "enable_rewrite": True}
    return await sim.post(path, body | more, account)


async def _extended(sim: Sim, generation_id: str, **more: Any) -> dict[str, Any]:
    answer = await _extend(sim, generation_id, **more)
    assert answer.status_code == 200, answer.text
    sim.clock.at += 200
    draft: dict[str, Any] = (await sim.drafts())["items"][0]
    assert draft["task_id"] == answer.json()["id"]
    return draft


async def test_the_result_is_the_longer_video(running: Running) -> None:
    """The first part is the old video as it was, the second shows the new prompt; the length is the sum."""
    async with running() as sim:
        old = await sim.finished("a boat", orientation="landscape", n_frames=150, seed=1)
        assert old["can_extend"]
        new = await _extended(sim, old["id"], extension_duration_s=15)
        assert (new["duration_s"], new["width"], new["height"]) == (20.0, 1280, 720)
        assert (new["prompt"], new["creation_config"]["n_frames"]) == ("it reaches the sea", 600)
        assert new["creation_config"]["orientation"] == "landscape"
        before, after = (await sim.frames(old["downloadable_url"])), await sim.frames(new["downloadable_url"])
        assert (len(before), len(after)) == (5, 20)
        scene = (0, 0, 1280, 540)
        assert all(
            distance(*(f.crop(scene).resize((1, 1)).getpixel((0, 0)) for f in pair)) < 3
            for pair in zip(before, after, strict=False)
        )
        cut = colour_of(after[4], _TOP_LEFT), colour_of(after[5], _TOP_LEFT)
        assert distance(*cut) > 12
        assert distance(colour_of(after[5], _TOP_LEFT), colour_of(after[19], _TOP_LEFT)) < 3
        (row,) = (await sim.http.get("/simulator/ledger", params={"prompt_contains": "sea"})).json()["items"]
        assert (row["extended_id"], row["seconds"], row["cost"]) == (old["id"], 20, 2)
        assert row["body"]["extension_duration_s"] == 15


async def test_an_extension_can_be_extended(running: Running) -> None:
    """Until the scenario's longest video; then the draft says so."""
    async with running(scenario_of(extensions={"longest_s": 30})) as sim:
        first = await _extended(sim, (await sim.finished("a boat", n_frames=150))["id"])
        second = await _extended(sim, first["id"], prompt="and a storm")
        assert (second["duration_s"], second["can_extend"]) == (25.0, False)
        assert len(await sim.frames(second["url"])) == 25
        assert error_of(await _extend(sim, second["id"])) == (400, "invalid_request")
        answer = await _extend(sim, first["id"], extension_duration_s=20)
        assert "10 or 15" in answer.json()["error"]["message"]


async def test_cast_and_first_frame_carry_on(running: Running) -> None:
    """The characters of both prompts."""
    async with running() as sim:
        await sim.character("rusty")
        await sim.character("pixel")
        old = await sim.finished("@rusty rows", n_frames=150)
        new = await _extended(sim, old["id"], prompt="@rusty meets @pixel there")
        names = [item["username"] for item in new["creation_config"]["cameo_profiles"]]
        assert names == ["rusty", "pixel"]


async def test_what_cannot_be_extended(running: Running) -> None:
    """Foreign, unknown and unfinished: 404. Refused ones and odd bodies: 400. Refused prompts, full slots."""
    async with running() as sim:
        draft = await sim.finished()
        assert error_of(await _extend(sim, draft["id"], account="pro")) == (404, "not_found")
        assert error_of(await _extend(sim, "gen_x")) == (404, "not_found")
        blocked = await sim.finished("[violation]")
        assert error_of(await _extend(sim, blocked["id"])) == (400, "invalid_request")
        for odd in ({"extension_duration_s": 5}, {"extension_duration_s": "10"}, {"user_prompt": ""}):
            assert error_of(await _extend(sim, draft["id"], **odd)) == (400, "invalid_request")
        assert error_of(await _extend(sim, draft["id"], "[refuse]")) == (400, "content_refused")
        task = (await sim.video()).json()["id"]
        rows = (await sim.http.get("/simulator/ledger")).json()["items"]
        young = next(row for row in rows if row["task_id"] == task)["generation_ids"][0]
        assert error_of(await _extend(sim, young)) == (404, "not_found")
        for _ in range(2):
            await sim.video()
        assert error_of(await _extend(sim, draft["id"])) == (429, "too_many_concurrent_tasks")


async def test_faults_see_the_new_prompt(running: Running) -> None:
    """A rule for a prompt strikes an extension as well."""
    async with running() as sim:
        draft = await sim.finished()
        rule = {"route": "POST *", "kind": "status", "error": "heavy_load", "prompt_contains": "sea"}
        await sim.http.post("/simulator/faults", json=rule)
        assert error_of(await _extend(sim, draft["id"])) == (400, "heavy_load")
        assert (await _extend(sim, draft["id"])).status_code == 200


@pytest.mark.parametrize("rendition", ["url", "downloadable_url"])
async def test_every_rendition_has_the_whole_length(running: Running, rendition: str) -> None:
    """Both tracks end with the last second."""
    async with running() as sim:
        new = await _extended(sim, (await sim.finished(n_frames=150))["id"])
        data = (await sim.http.get(new[rendition])).content
        with av.open(io.BytesIO(data)) as container:
            assert container.duration == 15 * av.time_base
