"""Prove that the scripts are found and that the server takes them as we count them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.scripting import load, load_on_state

NAMES = sorted(
    entry.name.removesuffix(".lua")
    for entry in (files("sora_gateway.stores.redis") / "scripts").iterdir()
    if entry.name.endswith(".lua")
)


@pytest.mark.parametrize("name", NAMES)
async def test_each_script_compiles_under_its_own_digest(name: str, server_path: Path) -> None:
    """The digest that we ask by is the server's."""
    connection = connect(f"unix://{server_path}")
    for script in (load(name), load_on_state(name)):
        assert await connection.call("SCRIPT", "LOAD", script.text) == script.sha
    await connection.aclose()


def test_the_prelude_names_as_many_keys_as_are_passed() -> None:
    """The order of ``keys.STATE`` is what the prelude reads."""
    assert f"KEYS[{len(keys.STATE)}]" in load("prelude").text
    assert f"KEYS[{len(keys.STATE) + 1}]" not in load("prelude").text


@pytest.mark.parametrize("name", NAMES)
def test_scripts_use_commands_of_redis_7_0_only(name: str) -> None:
    """No newer command may creep in."""
    text = load(name).text
    for newer in ("HEXPIRE", "HPEXPIRE", "HGETEX", "HSETEX", "HGETDEL", "XDELEX", "'IFEQ'", "server."):
        assert newer not in text
