"""Printed Sora 2 objects have the documented keys (Sora web protocol, sections 7 and 8)."""

from __future__ import annotations

import json
from dataclasses import replace

from sora_gateway.simulator.records import Remixed
from sora_gateway.simulator.scenario import load_scenario
from sora_gateway.simulator.shelf import Entry
from sora_gateway.simulator.timeline import schedule
from sora_gateway.simulator.views_nf import creation_config, pending_json, task_view
from tests.simulator.conftest import Running
from tests.simulator.test_timeline import REAL, TASK

STYLES = load_scenario("real").styles


def test_pending_item() -> None:
    """Valid JSON with every key, whatever the prompt holds; parts are prepared once."""
    task = replace(
        TASK, prompt='say "船"\n\\', body={"title": "T", "orientation": "landscape", "style_id": "news"}
    )
    entry = Entry(task=task, schedule=schedule(task, REAL.video))
    item = json.loads(pending_json(entry, entry.schedule.standing(1105), STYLES))
    assert item.pop("creation_config") == creation_config(task, STYLES)
    assert item == {
        "id": "task_1",
        "task_type": "video_gen",
        "status": "running",
        "failure_reason": None,
        "prompt": task.prompt,
        "title": "T",
        "progress_pct": 0.5,
        "generations": [],
    }
    printed = entry.printed
    assert task_view(entry, 1200, STYLES)["status"] == "succeeded"
    assert entry.printed is printed


def test_creation_config_echoes() -> None:
    """Orientation, frames, style by its display name, the remixed post."""
    task = replace(
        TASK,
        body={"orientation": "landscape", "style_id": "nostalgic"},
        remixed=Remixed(target_id="s_1", generation_id="gen_0"),
    )
    config = creation_config(task, STYLES)
    assert (config["orientation"], config["n_frames"], config["style"]["display_name"]) == (
        "landscape",
        300,
        "Vintage",
    )
    assert config["remix_target_post"] == {"post": {"id": "s_1"}}


async def test_draft_keys(running: Running) -> None:
    """Every key of the documented example."""
    async with running() as sim:
        draft = await sim.finished(title="My boat", style_id="news")
        assert draft["title"] == "My boat"
        assert draft["creation_config"]["style"]["id"] == "news"
        assert set(draft["encodings"]) == {
            "source",
            "source_wm",
            "endcard_wm",
            "thumbnail",
            "unfurl",
            "md",
            "ld",
            "gif",
        }
        assert {"can_remix", "can_extend", "can_storyboard", "draft_reviewed", "operations", "tags"} <= set(
            draft
        )
        assert draft["created_at"] == 1_790_000_169.0
