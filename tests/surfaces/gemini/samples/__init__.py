"""Golden samples of the Gemini dialect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def sample(name: str) -> Any:
    """Return a sample: JSON parsed, anything else as text."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else text
