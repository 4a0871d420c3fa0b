"""The messages have OpenAI's fields."""

from __future__ import annotations

from openai.types import webhooks

from sora_gateway.surfaces.openai.webhooks import wire


def test_every_field_of_openai_is_there() -> None:
    """What the SDK reads is written; ours come on top."""
    for ours, theirs in (
        (wire.WebhookEndpoint, webhooks.WebhookEndpoint),
        (wire.WebhookEndpointWithSecret, webhooks.WebhookEndpointWithSecret),
        (wire.WebhookEndpointPage, webhooks.WebhookEndpointList),
        (wire.WebhookEndpointDeleted, webhooks.DeletedWebhookEndpoint),
        (wire.WebhookEndpointTest, webhooks.WebhookEndpointTestResult),
        (wire.WebhookEventTypes, webhooks.WebhookEventTypeList),
    ):
        assert set(theirs.model_fields) <= set(ours.__annotations__), ours
