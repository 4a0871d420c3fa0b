"""Show webhook endpoints as OpenAI does."""

from __future__ import annotations

from sora_gateway.domain.webhooks import PREFIX, Endpoint, EventType
from sora_gateway.ports.webhooks import EndpointPage
from sora_gateway.surfaces.openai.webhooks.wire import (
    WebhookEndpoint,
    WebhookEndpointDeleted,
    WebhookEndpointPage,
    WebhookEndpointTest,
    WebhookEndpointWithSecret,
    WebhookEventTypes,
)


def render_endpoint(endpoint: Endpoint) -> WebhookEndpoint:
    """Return the endpoint without its secret."""
    return {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "created_at": int(endpoint.created_at),
        "updated_at": int(endpoint.updated_at),
        "event_types": [event_type.value for event_type in endpoint.event_types],
        "name": endpoint.name,
        "url": endpoint.url,
        "signing_secret_hint": f"{PREFIX}...{endpoint.secret.reveal()[-4:]}",
        "status": "enabled" if endpoint.disabled_at is None else "disabled",
        "disabled_reason": endpoint.disabled_reason,
    }


def render_with_secret(endpoint: Endpoint) -> WebhookEndpointWithSecret:
    """Return the endpoint with its secret."""
    return {**render_endpoint(endpoint), "signing_secret": endpoint.secret.reveal()}


def render_page(page: EndpointPage) -> WebhookEndpointPage:
    """Return a piece of the list."""
    found = page.endpoints
    return {
        "object": "list",
        "data": [render_endpoint(endpoint) for endpoint in found],
        "first_id": found[0].id if found else None,
        "last_id": found[-1].id if found else None,
        "has_more": page.has_more,
    }


def render_deleted(endpoint_id: str) -> WebhookEndpointDeleted:
    """Return the answer to a deletion."""
    return {"id": endpoint_id, "object": "webhook_endpoint.deleted", "deleted": True}


def render_test(endpoint_id: str, event_type: EventType, status: int) -> WebhookEndpointTest:
    """Return what the receiver answered to a test."""
    return {
        "object": "webhook_endpoint.test",
        "webhook_endpoint_id": endpoint_id,
        "event_type": event_type.value,
        "status_code": status,
        "success": True,
    }


def render_event_types() -> WebhookEventTypes:
    """Return the types of events that there are."""
    return {"object": "list", "data": [event_type.value for event_type in EventType]}
