"""LiteLLM is set up as its users would: our models, one key, a backend behind it."""

from __future__ import annotations

import base64

from benchmarks.peers import litellm_config, litellm_id, litellm_version
from benchmarks.site import IMAGE, VIDEO


def test_its_release_is_the_one_our_clients_are_tested_with() -> None:
    """One place names it."""
    assert all(part.isdigit() for part in litellm_version().split("."))


def test_its_models_are_ours() -> None:
    """So that it gets the same requests as the gateway."""
    names = {model["model_name"] for model in litellm_config(1)["model_list"]}
    assert {VIDEO["model"], IMAGE["model"]} <= names


def test_its_ids_name_the_entry_of_its_router() -> None:
    """Without, it would ask a backend on the internet."""
    text = base64.b64decode(litellm_id("video_1").removeprefix("video_")).decode()
    assert "model_id:videos;" in text
    assert text.endswith("video_id:video_1")
