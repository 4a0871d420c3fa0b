"""Load the Lua scripts that the package carries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

_FOLDER = files("sora_gateway.stores.redis") / "scripts"
_PRELUDE = "prelude"


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the SHA-1 by which a server remembers it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)


def load(name: str) -> Script:
    """Return the script ``name`` as it is."""
    return Script((_FOLDER / f"{name}.lua").read_text(encoding="utf-8"))


def load_on_state(name: str) -> Script:
    """Return the script ``name`` behind the prelude; its first keys must be ``keys.STATE``."""
    return Script(load(_PRELUDE).text + "\n" + load(name).text)
