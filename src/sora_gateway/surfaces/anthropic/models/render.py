"""Show model names as Anthropic's model objects."""

from __future__ import annotations

from collections.abc import Sequence

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import ModelName
from sora_gateway.domain.values import show
from sora_gateway.surfaces.anthropic.models.wire import ModelInfo, ModelPage

_CREATED_AT = "2026-11-22T00:00:00Z"
"""For want of a meaning: clients want a time."""


def render_model(model: ModelName) -> ModelInfo:
    """Return the object of a name."""
    return {
        "type": "model",
        "id": model.asked,
        "display_name": model.asked,
        "created_at": _CREATED_AT,
        "lifecycle": "active",
    }


def render_page(
    models: Sequence[ModelName], *, limit: int, after_id: str | None = None, before_id: str | None = None
) -> ModelPage:
    """Return at most ``limit`` models right after ``after_id``, right before ``before_id``, or the first.

    ``has_more`` looks in the direction of travel.

    Raises:
        GatewayError(not_found): there is no such model in the list; a cursor that is ignored would never end.
    """
    ids = [model.asked for model in models]
    if before_id is not None:
        end = _position(ids, before_id, "before_id")
        start = max(0, end - limit)
        has_more = start > 0
    else:
        start = 0 if after_id is None else _position(ids, after_id, "after_id") + 1
        end = start + limit
        has_more = end < len(ids)
    data = [render_model(model) for model in models[start:end]]
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _position(ids: Sequence[str], wanted: str, param: str) -> int:
    if wanted not in ids:
        raise GatewayError(
            ErrorKind.NOT_FOUND, f"'{param}' names no listed model: {show(wanted)}.", param=param
        )
    return ids.index(wanted)
