"""Keep in a demo's folder which backend its accounts belong to, so that other commands ask that one."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import SecretStr

from sora_gateway.settings import Settings

_NAME = "demo.json"


def remember(data_dir: Path, simulator_url: str) -> None:
    """Write down where the simulated backend of the folder answers."""
    (data_dir / _NAME).write_text(json.dumps({"simulator_url": simulator_url}) + "\n")


def turned(settings: Settings, simulator_url: str) -> Settings:
    """Return ``settings`` turned to a simulator; what belongs to a real installation is left out."""
    return settings.model_copy(
        update={
            "workers": 1,
            "redis_url": None,
            "media_dir": None,
            "secret_key": None,
            "public_url": None,
            "fetch_allow_private": True,
            "sora_web_base_url": f"{simulator_url}/backend",
            "sora_web_session_url": None,
            "sora_web_oauth_url": None,
            "sora_web_sentinel_token": SecretStr("simulated"),
        }
    )


def as_in_folder(settings: Settings) -> Settings:
    """Return the settings that the data folder's gateway has: another backend if it belongs to a demo."""
    try:
        kept = json.loads((settings.data_dir / _NAME).read_text())
        return turned(settings, str(kept["simulator_url"]))
    except (OSError, ValueError, TypeError, KeyError):
        return settings
