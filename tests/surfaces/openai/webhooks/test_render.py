"""Show what each state of an endpoint looks like."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.webhooks import EventType
from sora_gateway.ports.webhooks import EndpointPage
from sora_gateway.surfaces.openai.webhooks.render import (
    render_deleted,
    render_endpoint,
    render_event_types,
    render_page,
    render_test,
    render_with_secret,
)
from tests.contracts.test_webhook_store import ENDPOINT

SHOWN = {
    "id": "we_1",
    "object": "webhook_endpoint",
    "created_at": 5,
    "updated_at": 6,
    "event_types": ["video.completed", "character.ready"],
    "name": "猫",
    "url": "https://example.com/hooks",
    "signing_secret_hint": "whsec_...cmV0",
    "status": "disabled",
    "disabled_reason": "gone",
}


def test_an_endpoint() -> None:
    """The secret only where it is asked for."""
    assert render_endpoint(ENDPOINT) == SHOWN
    assert render_with_secret(ENDPOINT) == {**SHOWN, "signing_secret": "whsec_c2VjcmV0"}
    live = replace(ENDPOINT, disabled_at=None, disabled_reason=None)
    assert render_endpoint(live)["status"] == "enabled"


def test_a_page() -> None:
    """The ids at its ends drive the pagination of the SDKs."""
    other = replace(ENDPOINT, id="we_0")
    page = render_page(EndpointPage(endpoints=(ENDPOINT, other), has_more=True))
    assert (page["first_id"], page["last_id"], page["has_more"], len(page["data"])) == (
        "we_1",
        "we_0",
        True,
        2,
    )
    empty = render_page(EndpointPage(endpoints=(), has_more=False))
    assert (empty["first_id"], empty["last_id"], empty["data"]) == (None, None, [])


def test_the_rest() -> None:
    """A deletion, a test, the types."""
    assert render_deleted("we_1") == {"id": "we_1", "object": "webhook_endpoint.deleted", "deleted": True}
    assert render_test("we_1", EventType.VIDEO_FAILED, 204) == {
        "object": "webhook_endpoint.test",
        "webhook_endpoint_id": "we_1",
        "event_type": "video.failed",
        "status_code": 204,
        "success": True,
    }
    assert set(render_event_types()["data"]) == set(EventType)
