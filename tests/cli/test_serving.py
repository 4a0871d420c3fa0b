"""Prove how the gateway ends."""

from __future__ import annotations

import pytest

from sora_gateway.cli.listening import bind
from sora_gateway.cli.plain import CommandError
from sora_gateway.cli.serving import Running
from sora_gateway.settings import Settings


def test_failure_ends_it() -> None:
    """``fail`` ends the gateway before it is up, and its text is the error."""

    limits_s: list[float] = []

    async def main(running: Running) -> None:
        running.fail("It broke.")
        await running.serve(on_open=_nothing, on_ready=_nothing)

    with bind("127.0.0.1", 0) as listener, pytest.raises(CommandError, match=r"It broke\."):
        Running(Settings(), listener, end_for_sure=limits_s.append).run(main)
    assert len(limits_s) == 1
    assert limits_s[0] < 5


async def _nothing() -> None:
    raise AssertionError("not reached")
