"""The messages of OpenAI's webhook endpoints."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from sora_gateway.domain.webhooks import EventType


class WebhookEndpoint(TypedDict):
    """A webhook endpoint.

    Source: openai-python 3.54 ``types/webhooks/webhook_endpoint.py``, read 2026-11-22; ``status``
    and ``disabled_reason`` are ours.

    Example: ``{"id": "we_01k...", "object": "webhook_endpoint", "created_at": 1763812800, "updated_at":
    1763812800, "event_types": ["video.completed"], "name": "mine", "url": "https://example.com/hooks",
    "signing_secret_hint": "whsec_...ab1=", "status": "enabled", "disabled_reason": null}``
    """

    id: str
    object: Literal["webhook_endpoint"]
    created_at: int
    updated_at: int
    event_types: list[str]
    name: str
    url: str
    signing_secret_hint: str
    status: Literal["enabled", "disabled"]
    disabled_reason: str | None


class WebhookEndpointWithSecret(WebhookEndpoint):
    """The same with its secret: the answer when it is made and when the secret is changed, never again.

    Source: openai-python 3.54 ``types/webhooks/webhook_endpoint_with_secret.py``, read 2026-11-22.

    Example: ``{..., "signing_secret": "whsec_..."}``
    """

    signing_secret: str


class WebhookEndpointPage(TypedDict):
    """A piece of the list, the newest first.

    Source: openai-python 3.54 ``types/webhooks/webhook_endpoint_list.py``, read 2026-11-22.

    Example: ``{"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}``
    """

    object: Literal["list"]
    data: list[WebhookEndpoint]
    first_id: str | None
    last_id: str | None
    has_more: bool


class WebhookEndpointDeleted(TypedDict):
    """The answer to a deletion.

    Source: openai-python 3.54 ``types/webhooks/deleted_webhook_endpoint.py``, read 2026-11-22.

    Example: ``{"id": "we_01k...", "object": "webhook_endpoint.deleted", "deleted": true}``
    """

    id: str
    object: Literal["webhook_endpoint.deleted"]
    deleted: Literal[True]


class WebhookEndpointTest(TypedDict):
    """What the receiver answered to a test; ``success`` says only that it answered.

    Source: openai-python 3.54 ``types/webhooks/webhook_endpoint_test_result.py``, read 2026-11-22.

    Example: ``{"object": "webhook_endpoint.test", "webhook_endpoint_id": "we_01k...", "event_type":
    "video.completed", "status_code": 200, "success": true}``
    """

    object: Literal["webhook_endpoint.test"]
    webhook_endpoint_id: str
    event_type: str
    status_code: int
    success: Literal[True]


class WebhookEventTypes(TypedDict):
    """The types of events that there are.

    Source: openai-python 3.54 ``types/webhooks/webhook_event_type_list.py``, read 2026-11-22.

    Example: ``{"object": "list", "data": ["video.completed", "video.failed"]}``
    """

    object: Literal["list"]
    data: list[str]


_TYPE = {"type": "string", "enum": [event_type.value for event_type in EventType]}
_FIELDS: dict[str, Any] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 256},
    "url": {"type": "string", "maxLength": 2048, "description": "an http or https URL"},
    "event_types": {"type": "array", "minItems": 1, "items": _TYPE},
}

CREATE: dict[str, Any] = {
    "title": "WebhookEndpointRequest",
    "type": "object",
    "required": ["name", "url", "event_types"],
    "properties": _FIELDS,
}
"""Fields of ``POST /v1/webhook_endpoints``.

Source: openai-python 3.54 ``types/webhooks/webhook_create_params.py``, read 2026-11-22.
"""

UPDATE: dict[str, Any] = {"title": "WebhookEndpointUpdate", "type": "object", "properties": _FIELDS}
"""Fields of ``POST /v1/webhook_endpoints/{id}``; what is left out stays.

Source: openai-python 3.54 ``types/webhooks/webhook_update_params.py``, read 2026-11-22.
"""

ROTATE: dict[str, Any] = {
    "title": "WebhookSecretRotation",
    "type": "object",
    "properties": {"keep_old_secret_active_for_24_hours": {"type": "boolean", "default": False}},
}
"""Fields of ``POST /v1/webhook_endpoints/{id}/rotate_secret``.

Source: openai-python 3.54 ``types/webhooks/webhook_rotate_secret_params.py``, read 2026-11-22.
"""

TEST: dict[str, Any] = {
    "title": "WebhookTest",
    "type": "object",
    "required": ["event_type"],
    "properties": {"event_type": _TYPE},
}
"""Fields of ``POST /v1/webhook_endpoints/{id}/test``.

Source: openai-python 3.54 ``types/webhooks/webhook_test_params.py``, read 2026-11-22.
"""
