"""Prove what lies in the server; the rest is in ``tests/contracts``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sora_gateway.domain.webhooks import Delivery, Event, EventType
from sora_gateway.kit.redact import Secret
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.webhooks import RedisWebhooks
from tests.contracts.test_webhook_store import ENDPOINT

EVENT = Event(
    id="evt_1",
    type=EventType.VIDEO_FAILED,
    created_at=1.0,
    subject_id="video_1",
    job_id="video_1",
    owner="lic_a",
)


async def test_secrets_lie_encrypted(server_path: Path) -> None:
    """Neither the secret nor the old one can be read in the server."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    store = RedisWebhooks(connection, FernetCipher(["key"]))
    await store.add_endpoint(
        replace(ENDPOINT, secret=Secret("whsec_SECRET"), old_secret=Secret("ANCIENT")), most=1
    )
    text = await connection.call("HGET", keys.records("webhooks", ""), "we_1")
    assert "whsec" not in text
    assert "ANCIENT" not in text
    assert await connection.call("ZCARD", keys.endpoints_of("lic_a")) == 1
    await connection.aclose()


async def test_deliveries_are_forgotten(server_path: Path) -> None:
    """The record goes by itself; the list forgets it with the next one; the due time when it is claimed."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    store = RedisWebhooks(connection, FernetCipher(["key"]))
    old = Delivery(event=EVENT, target="we_1", created_at=1.0, due_at=1.0)
    await store.put([old])
    assert 0 < await connection.call("TTL", keys.deliveries("evt_1")) <= keys.DELIVERIES_S
    await connection.call("DEL", keys.deliveries("evt_1"))
    assert await store.recent(10) == []
    assert await store.claim_deliveries(10, 0.0) == []
    assert await connection.call("ZCARD", keys.DELIVERIES_DUE) == 0
    await store.put([replace(old, event=replace(EVENT, id="evt_2"), created_at=2.0)])
    assert await connection.call("ZCARD", keys.DELIVERIES_MADE) == 0
    await connection.aclose()
