"""Printed first-generation objects have the documented keys (Sora web protocol, section 5.3)."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.simulator.views_v1 import generation_path, title_of
from tests.simulator.conftest import Running
from tests.simulator.test_timeline import TASK


def test_titles_and_paths() -> None:
    """A title of a few words; images and videos lie on different paths."""
    assert title_of(replace(TASK, prompt="a rainy  bicycle at night")) == "A Rainy Bicycle"
    assert title_of(replace(TASK, prompt=" ")) == "Untitled"
    assert generation_path(TASK, 0).startswith("/az/files/")
    assert generation_path(replace(TASK, kind="image"), 0).startswith("/az/vg-assets/")


async def test_task_and_generation_keys(running: Running) -> None:
    """Times in ISO with a zone, an owner, a verdict, five kinds of file."""
    async with running() as sim:
        created = (await sim.image("[late-url] a rainy bicycle", width=720, height=480)).json()
        assert (created["width"], created["height"], created["progress_pct"]) == (720, 480, None)
        assert created["created_at"] == "2026-09-21T14:13:20.000000Z"
        sim.clock.at += 41
        early = (await sim.get(f"/backend/video_gen/{created['id']}")).json()["generations"][0]
        assert (early["url"], early["download_status"], early["can_download"]) == (None, "processing", False)
        sim.clock.at += 30
        late = (await sim.get(f"/backend/video_gen/{created['id']}")).json()["generations"][0]
        assert (late["download_status"], late["width"], late["height"]) == ("ready", 1536, 1024)
        assert late["user"] == {"id": sim.account("plus")["user_id"], "username": "plus"}
        assert set(late["encodings"]) == {
            "source",
            "md",
            "ld",
            "thumbnail",
            "spritesheet",
            "gif",
            "source_wm",
        }
