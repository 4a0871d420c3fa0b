"""Scenarios are data that is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sora_gateway.simulator.scenario import load_scenario
from tests.simulator.conftest import scenario_of


@pytest.mark.parametrize("name", ["fast", "normal", "real"])
def test_packaged_scenarios(name: str) -> None:
    """Three accounts with generous quotas, sentinel required, links of three days."""
    scenario = load_scenario(name)
    assert [(item.name, item.plan) for item in scenario.accounts] == [
        ("free", "free"),
        ("plus", "plus"),
        ("pro", "pro"),
    ]
    assert all(item.video_quota >= 1000 and item.image_quota >= 1000 for item in scenario.accounts)
    assert scenario.sentinel.required
    assert scenario.links.life_s == 259_200


@pytest.mark.parametrize(
    ("name", "video_s", "image_s"), [("fast", 1, 0.5), ("normal", 20, 8), ("real", 169, 40)]
)
def test_speeds(name: str, video_s: float, image_s: float) -> None:
    """From the request to the draft, and to the picture."""
    timing = load_scenario(name).timing
    for kind, whole in ((timing.video, video_s), (timing.image, image_s)):
        spent = sum(phase.seconds for phase in kind.phases) + kind.result_after_s
        assert spent == pytest.approx(whole, rel=0.1)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """A path is as good as a name; a misspelt key is an error that names it."""
    data = scenario_of(name="mine").model_dump(mode="json")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    assert load_scenario(str(path)).name == "mine"
    path.write_text(json.dumps(data | {"limtis": {}}))
    with pytest.raises(ValueError, match="limtis"):
        load_scenario(str(path))
    with pytest.raises(ValueError, match="no scenario named"):
        load_scenario("nowhere")
