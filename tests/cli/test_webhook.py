"""Prove what operators see of webhooks, and that they can have events sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sora_gateway.domain.job_events import Cancelled
from sora_gateway.domain.webhooks import Delivery, DeliveryState, Endpoint, EventType, Try, event_of
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store
from sora_gateway.settings import load
from sora_gateway.store_access import open_store
from tests.cli.conftest import Command
from tests.conftest_store import accepted, cancelled, new_job, on

ENDPOINT = Endpoint(
    id="we_1",
    owner="lic_a",
    name="mine",
    url="https://example.com/hooks",
    event_types=(EventType.VIDEO_FAILED,),
    secret=Secret("whsec_c2VjcmV0"),
    created_at=5.0,
    updated_at=5.0,
)


def in_store(work: Callable[[Store], Awaitable[object]]) -> None:
    """Do something with the store of the working directory."""

    async def run() -> None:
        async with open_store(load(), is_brief=True) as store:
            await work(store)

    asyncio.run(run())


async def _filled(store: Store) -> None:
    """A failing endpoint, a delivery that was given up, and a running job."""
    await store.webhooks.add_endpoint(replace(ENDPOINT, failing_since=1e9), most=16)
    await cancelled(store, new_job("video_1"))
    await accepted(store, new_job("video_2"))
    event = event_of(on(Cancelled())(new_job("video_1")))
    assert event is not None
    now_s = await store.time()
    gone = Delivery(
        event=event,
        target="we_1",
        created_at=now_s,
        due_at=now_s,
        state=DeliveryState.FAILED,
        attempts=10,
        tries=(Try(at=now_s, status=503),),
        reason="No try of 10 succeeded",
    )
    await store.webhooks.settle_debt("video_1", [gone])


def test_an_empty_installation(command: Command) -> None:
    """Says so, and how to change it."""
    assert "no webhook endpoint" in command("webhook", "list").stderr
    assert "no such delivery" in command("webhook", "deliveries").stderr
    assert "Nothing is to be sent" in command("webhook", "replay", "--failed").stderr


def test_look_and_replay(command: Command) -> None:
    """The secret is never shown; a replayed delivery is due at once, under the same event id."""
    in_store(_filled)
    shown = command("webhook", "list").stdout
    assert "failing since 2001-09-09" in shown
    assert "whsec" not in shown + command("webhook", "list", "--json").stdout
    row = command("webhook", "deliveries", "--failed").stdout.splitlines()[1]
    assert {"evt_1", "video.failed", "video_1", "we_1", "failed", "10"} <= set(row.split())
    assert row.endswith("status 503")

    for words in (("video_1",), ("evt_1",), ("--failed", "--since", "1h")):
        if words[0] == "--failed":
            in_store(_given_up_again)
        (again,) = json.loads(command("webhook", "replay", *words, "--json").stdout)
        assert (again["event_id"], again["state"], again["attempts"]) == ("evt_1", "pending", 0)
        assert [made["status"] for made in again["tries"]] == [503]
    (listed,) = json.loads(command("webhook", "deliveries", "--job", "video_1", "--json").stdout)
    assert listed["state"] == "pending"
    assert "1 event to 1 target: due now." in command("webhook", "replay", "evt_1").stdout


async def _given_up_again(store: Store) -> None:
    (delivery,) = await store.webhooks.deliveries_of("evt_1")
    await store.webhooks.put([replace(delivery, state=DeliveryState.FAILED)])


def test_mistakes(command: Command) -> None:
    """Wrong usage is 2; what is not there, or has not ended, is a failure."""
    in_store(_filled)
    for words in ((), ("video_1", "--failed"), ("video_1", "--since", "1h"), ("--failed", "--since", "soon")):
        assert command("webhook", "replay", *words).exit_code == 2, words
    for name, words in (("video_x", "There is no job"), ("evt_x", "No delivery"), ("video_2", "has ended")):
        result = command("webhook", "replay", name)
        assert (result.exit_code, words in result.stderr) == (1, True), result.stderr
