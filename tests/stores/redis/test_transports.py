"""Prove where commands go. Real Sentinels and clusters are in tests/functional/test_store_trouble.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sora_gateway.stores.redis.addresses import parse
from sora_gateway.stores.redis.lines import Command
from sora_gateway.stores.redis.transports import Cluster, is_on_living_state, key_of, open_transport


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("PING",), None),
        (("INFO", "server"), None),
        (("CONFIG GET", "appendfsync"), None),
        (("GET", "{gw}:vault"), "{gw}:vault"),
        (("HSET", "{gw}:x", "{job:a}", "{}"), "{gw}:x"),
        (("XINFO", "STREAM", "{gw}:feed"), "{gw}:feed"),
        (("HGET", "{job:a}", "j"), "{job:a}"),
        (("EVAL", "return 1", 1, "{job:a}", "{gw}"), "{job:a}"),
        (("EVALSHA", "abc", 2, "{gw}:a", "{gw}:b"), "{gw}:a"),
        (("EVALSHA", "abc", 0), None),
    ],
)
def test_key_of(command: Command, key: str | None) -> None:
    """The first key decides; what has none goes to the living state."""
    assert key_of(command) == key
    assert is_on_living_state(command) is (key is None or key.startswith("{gw}"))


class Pipe:
    """Answers with the keys it was asked for."""

    def __init__(self, sent: list[list[str]]) -> None:
        self._sent = sent
        self._commands: list[str] = []

    def execute_command(self, *command: str, **_: Any) -> None:
        """Take a command."""
        self._commands.append(command[1])

    async def execute(self) -> Sequence[str]:
        """Send them all."""
        self._sent.append(self._commands)
        return self._commands


class Nodes:
    """What the transport needs of a cluster."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []

    def keyslot(self, key: str) -> int:
        """Return any."""
        return len(key)

    def pipeline(self) -> Pipe:
        """Return a pipe."""
        return Pipe(self.sent)


async def test_a_cluster_is_asked_for_the_living_state_first() -> None:
    """A job that is archived between the two readings is found in the second."""
    nodes = Nodes()
    living = [("HGET", f"{{gw}}:job:{name}", "j") for name in "ab"]
    archived = [("HGET", f"{{job:{name}}}", "j") for name in "ab"]
    answers = await Cluster(nodes).pipeline([*living, *archived])
    assert nodes.sent == [["{gw}:job:a", "{gw}:job:b"], ["{job:a}", "{job:b}"]]
    assert answers == ["{gw}:job:a", "{gw}:job:b", "{job:a}", "{job:b}"]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h?secret=1",
        "redis+sentinel://h/m?secret=1",
        "redis+sentinel://h/m?sentinel_secret=1",
        "redis+cluster://h?secret=1",
    ],
)
def test_an_unknown_option_is_told_at_once(url: str) -> None:
    """Not with the first request, and without the URL, which may hold a password."""
    with pytest.raises(ValueError, match="options") as caught:
        open_transport(parse(url), 1.0)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "rediss://u:p@h?ssl_cert_reqs=none",
        "rediss+sentinel://u:p@h,i/m/3?ssl_cert_reqs=none&sentinel_password=x",
        "rediss+cluster://u:p@h,i?ssl_cert_reqs=none",
    ],
)
def test_all_kinds_open_without_io(url: str) -> None:
    """With TLS and passwords too."""
    assert open_transport(parse(url), 1.0).callbacks
