"""Ask for richer wordings of prompts (Sora web protocol, section 10). Pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sora_gateway.upstreams.sora_web.translate import unreadable
from sora_gateway.upstreams.sora_web.wire import Answer, UnreadableError
from sora_gateway.upstreams.sora_web.wire_characters import Enhanced

PATH = "/editor/enhance_prompt"
_SECONDS = (10, 15, 20)


def body_of(prompt: str, level: str, duration_s: int) -> dict[str, Any]:
    """Return the body of the call; durations are those that every client knows (C16), the next longer one."""
    seconds = next((allowed for allowed in _SECONDS if duration_s <= allowed), _SECONDS[-1])
    return {"prompt": prompt, "expansion_level": level, "duration_s": seconds}


def wording(answer: Answer, prompt: str) -> str:
    """Return the wording of an answer that says success, ``prompt`` itself where it is empty.

    Raises:
        GatewayError(upstream_unreachable): the answer could not be understood.
    """
    try:
        enhanced = Enhanced.model_validate(answer.json()).enhanced_prompt
    except (UnreadableError, ValidationError):
        raise unreadable() from None
    return enhanced if enhanced is not None and enhanced.strip() else prompt
