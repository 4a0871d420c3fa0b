"""Commands on a demo's folder ask the demo's backend, and on any other folder the one of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from sora_gateway.cli.demo_folder import as_in_folder, remember
from sora_gateway.settings import Settings


def test_a_demos_folder_turns_the_settings(tmp_path: Path) -> None:
    """Nothing of a real installation is asked about accounts of a demo."""
    real = Settings(
        data_dir=tmp_path, redis_url=SecretStr("redis://elsewhere"), sora_web_oauth_url="https://x"
    )
    assert as_in_folder(real) == real
    remember(tmp_path, "http://127.0.0.1:1")
    turned = as_in_folder(real)
    assert turned.sora_web_base_url == "http://127.0.0.1:1/backend"
    assert turned.oauth_url == "http://127.0.0.1:1/oauth/token"
    assert turned.redis_url is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null"])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    """The settings are as they were."""
    (tmp_path / "demo.json").write_text(text)
    real = Settings(data_dir=tmp_path)
    assert as_in_folder(real) == real
