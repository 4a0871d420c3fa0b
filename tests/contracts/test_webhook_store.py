"""Prove the promises of ``ports.webhooks.WebhookStore``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.job_events import Cancelled, Deleted
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Callback
from sora_gateway.domain.webhooks import CALLBACK, Delivery, DeliveryState, Endpoint, EventType, Try, event_of
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store
from tests.conftest_store import accepted, cancelled, completed, new_job, on

ENDPOINT = Endpoint(
    id="we_1",
    owner="lic_a",
    name="猫",
    url="https://example.com/hooks",
    event_types=(EventType.VIDEO_COMPLETED, EventType.CHARACTER_READY),
    secret=Secret("whsec_c2VjcmV0"),
    created_at=5.25,
    updated_at=6.5,
    old_secret=Secret("old secret"),
    old_until=9.0,
    failing_since=7.0,
    disabled_at=8.0,
    disabled_reason="gone",
)
CALLED = Callback(url="https://example.com/one", sealed="x")


def with_callback(job: Job) -> Job:
    return replace(job, request=replace(job.request, callback=CALLED))


async def delivery(
    store: Store, job_id: str = "video_1", target: str = "we_1", due_in_s: float = -1
) -> Delivery:
    job = on(Cancelled())(new_job(job_id))
    event = event_of(job)
    assert event is not None
    now_s = await store.time()
    return Delivery(event=event, target=target, created_at=now_s, due_at=now_s + due_in_s)


# --- endpoints --------------------------------------------------------------------------------------------


async def test_endpoints_come_back_whole(store: Store) -> None:
    """What was added is what is got, until it is removed."""
    assert await store.webhooks.add_endpoint(ENDPOINT, most=16) is True
    assert await store.webhooks.endpoint("we_1") == ENDPOINT
    assert await store.webhooks.endpoint("we_2") is None
    assert await store.webhooks.remove_endpoint("we_1") is True
    assert await store.webhooks.remove_endpoint("we_1") is False
    assert await store.webhooks.endpoints() == []


async def test_an_owner_has_only_so_many(store: Store) -> None:
    """One more is not added, repeating the last one is no new one, others' do not count."""
    for number in range(3):
        assert await store.webhooks.add_endpoint(replace(ENDPOINT, id=f"we_{number}"), most=3) is True
    assert await store.webhooks.add_endpoint(replace(ENDPOINT, id="we_2"), most=3) is True
    assert await store.webhooks.add_endpoint(replace(ENDPOINT, id="we_3"), most=3) is False
    assert await store.webhooks.endpoint("we_3") is None
    assert await store.webhooks.add_endpoint(replace(ENDPOINT, id="we_4", owner="lic_b"), most=3) is True
    assert [one.id for one in await store.webhooks.endpoints_of("lic_a")] == ["we_0", "we_1", "we_2"]
    assert len(await store.webhooks.endpoints()) == 4


async def test_an_owner_pages_through_its_endpoints(store: Store) -> None:
    """In both directions, without those of others."""
    for number in range(3):
        await store.webhooks.add_endpoint(
            replace(ENDPOINT, id=f"we_{number}", created_at=float(number)), most=16
        )
    page = await store.webhooks.page("lic_a", after="we_2", limit=1, ascending=False)
    assert page is not None
    assert ([one.id for one in page.endpoints], page.has_more) == (["we_1"], True)
    assert await store.webhooks.page("lic_b", after="we_2", limit=1, ascending=False) is None


async def test_changes_build_on_each_other(store: Store) -> None:
    """``decide`` sees the present endpoint; one that is gone is not brought back."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    after = await store.webhooks.change_endpoint("we_1", lambda it: replace(it, name=it.name + "!"))
    assert after == replace(ENDPOINT, name="猫!")
    assert await store.webhooks.endpoint("we_1") == after
    await store.webhooks.remove_endpoint("we_1")
    assert await store.webhooks.change_endpoint("we_1", lambda it: replace(it, name="x")) is None
    assert await store.webhooks.endpoint("we_1") is None


async def test_what_is_sealed_can_be_unsealed(store: Store) -> None:
    """And cannot be read before."""
    sealed = store.webhooks.seal("my secret")
    assert "my secret" not in sealed
    assert store.webhooks.unseal(sealed) == "my secret"
    with pytest.raises(GatewayError):
        store.webhooks.unseal("my secret")


# --- what jobs owe ----------------------------------------------------------------------------------------


async def test_an_ended_job_owes_an_event_to_an_endpoint(store: Store) -> None:
    """From the very write that ends it, good or bad, whatever it makes, until the debt is settled."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    await accepted(store, new_job("video_live"))
    assert await store.webhooks.claim_debts(10, 0.0) == []
    await completed(store, new_job("video_done"), expires_at=1e10)
    await cancelled(store, new_job("image_off", kind=MediaKind.IMAGE))
    assert sorted(await store.webhooks.claim_debts(10, 0.0)) == ["image_off", "video_done"]
    await store.jobs.archive(10)
    assert sorted(await store.webhooks.claim_debts(10, 0.0)) == ["image_off", "video_done"]
    await store.webhooks.settle_debt("video_done", ())
    assert await store.webhooks.claim_debts(10, 60.0) == ["image_off"]
    assert await store.webhooks.claim_debts(10, 60.0) == []


async def test_a_job_owes_an_event_to_the_address_of_its_request(store: Store) -> None:
    """Without any endpoint; the address is kept with the job, also in the archive."""
    await cancelled(store, with_callback(new_job("video_1")))
    await store.jobs.archive(10)
    assert await store.webhooks.claim_debts(10, 0.0) == ["video_1"]
    job = await store.jobs.get("video_1")
    assert job is not None
    assert job.request.callback == CALLED


async def test_nobody_who_listens_no_debt(store: Store) -> None:
    """Of an owner without endpoints nothing is put on record, nor of a job that was deleted as it ran."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    await cancelled(store, new_job(owner="lic_b"))
    await accepted(store, with_callback(new_job("video_gone")))
    await store.jobs.change("video_gone", on(Deleted()))
    assert await store.webhooks.claim_debts(10, 0.0) == []
    await store.webhooks.remove_endpoint("we_1")
    await cancelled(store, new_job())
    assert await store.webhooks.claim_debts(10, 0.0) == []


async def test_a_debt_is_settled_once(store: Store) -> None:
    """Settling it again leaves deliveries as they have become: no event is sent anew."""
    one = await delivery(store)
    await store.webhooks.settle_debt("video_1", [one])
    done = replace(one, state=DeliveryState.DELIVERED, tries=(Try(at=1.0, status=200),), attempts=1)
    await store.webhooks.put([done])
    await store.webhooks.settle_debt("video_1", [one, replace(one, target=CALLBACK)])
    assert {it.target: it.state for it in await store.webhooks.deliveries_of(one.event.id)} == {
        "we_1": DeliveryState.DELIVERED,
        CALLBACK: DeliveryState.PENDING,
    }
    assert [it.target for it in await store.webhooks.claim_deliveries(10, 0.0)] == [CALLBACK]


# --- deliveries -------------------------------------------------------------------------------------------


async def test_deliveries_are_claimed_when_they_are_due(store: Store) -> None:
    """Once within a lease, again after it, at most as many as asked for."""
    due = [await delivery(store, f"video_{number}", due_in_s=-10 + number) for number in range(3)]
    later = await delivery(store, "video_later", due_in_s=100)
    await store.webhooks.put([*due, later])
    assert await store.webhooks.claim_deliveries(2, 60.0) == due[:2]
    assert await store.webhooks.claim_deliveries(9, 0.0) == due[2:]
    assert await store.webhooks.claim_deliveries(9, 0.0) == due[2:]
    await store.webhooks.postpone(due[2], 60.0)
    assert await store.webhooks.claim_deliveries(9, 0.0) == []
    await store.webhooks.postpone(due[0], -1.0)
    assert await store.webhooks.claim_deliveries(9, 60.0) == due[:1]
    await store.webhooks.put([replace(due[0], state=DeliveryState.FAILED, reason="no")])
    assert await store.webhooks.claim_deliveries(9, 0.0) == []


async def test_deliveries_come_back_whole(store: Store) -> None:
    """With every try, by their event and in the list of the last ones."""
    one = await delivery(store)
    tried = replace(one, tries=(Try(at=1.0, error="nobody"), Try(at=2.0, status=500)), attempts=2, due_at=9e9)
    other = replace(await delivery(store, "video_2"), created_at=one.created_at + 1)
    await store.webhooks.put([tried])
    await store.webhooks.put([other])
    assert await store.webhooks.deliveries_of(one.event.id) == [tried]
    assert await store.webhooks.deliveries_of("evt_none") == []
    assert await store.webhooks.recent(10) == [other, tried]
    assert await store.webhooks.recent(1) == [other]
    assert await store.webhooks.recent(10, since=other.created_at) == [other]
