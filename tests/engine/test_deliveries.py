"""Prove that what is owed is delivered, on a real store with a receiver that answers as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import openai
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.requests import Callback
from sora_gateway.domain.webhooks import (
    CALLBACK,
    DAY_S,
    Delivery,
    DeliveryState,
    Endpoint,
    EventType,
    new_signing_secret,
)
from sora_gateway.engine.clock import StoreClock
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.deliveries import Deliverer, replay
from sora_gateway.engine.hub import Hub
from sora_gateway.kit.clock import system_now
from sora_gateway.ports.stores import Store
from tests.conftest_store import accepted, cancelled, completed, new_job, server_path, store, wait_until
from tests.webhook_fakes import FakePoster, Post

__all__ = ["server_path", "store"]

SECRET = new_signing_secret()
OWNER = "lic_a"
SOON = EngineConfig(webhook_delays_s=(0.1, 0.1, 0.1), webhook_every_s=0.05)
ENDPOINT = Endpoint(
    id="we_1",
    owner=OWNER,
    name="mine",
    url="https://example.com/hooks",
    event_types=(EventType.VIDEO_COMPLETED, EventType.VIDEO_FAILED),
    secret=SECRET,
    created_at=1.0,
    updated_at=1.0,
)


async def deliverer(
    store: Store, poster: FakePoster, hub: Hub | None = None, config: EngineConfig = SOON
) -> Deliverer:
    clock = StoreClock(store, system_now)
    await clock.sync()
    return Deliverer(store.webhooks, store.jobs, poster, hub or Hub(store.feed), config, clock)


@asynccontextmanager
async def delivering(store: Store, poster: FakePoster, *, nodes: int = 1) -> AsyncIterator[None]:
    """Run the loops of some nodes."""
    async with asyncio.TaskGroup() as group:
        tasks = []
        for _ in range(nodes):
            hub = Hub(store.feed)
            await hub.start()
            tasks += [
                group.create_task(hub.run()),
                group.create_task((await deliverer(store, poster, hub)).run()),
            ]
        yield
        for task in tasks:
            task.cancel()


async def settled(store: Store, event_id: str) -> list[Delivery]:
    """Return the deliveries of an event once none is pending."""

    async def is_over() -> bool:
        found = await store.webhooks.deliveries_of(event_id)
        return bool(found) and all(one.state is not DeliveryState.PENDING for one in found)

    await wait_until(is_over, interval_s=0.02)
    return list(await store.webhooks.deliveries_of(event_id))


def with_callback(store: Store, job: Job, secret: str | None = "a plain secret") -> Job:
    sealed = None if secret is None else store.webhooks.seal(secret)
    callback = Callback(url="https://example.com/one", sealed=sealed)
    return replace(job, request=replace(job.request, callback=callback))


def unwrapped(post: Post, secret: str) -> tuple[str, str]:
    with openai.OpenAI(api_key="sg-x") as client:
        event = client.webhooks.unwrap(post.body, post.headers, secret=secret)
    return event.type, event.data.id


async def owed(store: Store, job: Job, target: str = "we_1") -> Delivery:
    """Cancel the job and return the delivery that its end leads to."""
    await cancelled(store, job)
    (delivery,) = await replay(store.webhooks, store.jobs, job.id, await store.time())
    assert delivery.target == target
    return delivery


async def test_from_the_end_of_a_job_to_the_receiver(store: Store) -> None:
    """It fails twice, then it is accepted: one event under one id, each try signed anew."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    poster = FakePoster(500, "The URL did not answer within 15 s.")
    async with delivering(store, poster):
        await completed(store, new_job("video_1"), expires_at=1e10)
        (delivery,) = await settled(store, "evt_1")
    assert [unwrapped(post, SECRET.reveal()) for post in poster.posts] == [("video.completed", "video_1")] * 3
    assert {post.headers["webhook-id"] for post in poster.posts} == {"evt_1"}
    assert len({post.body for post in poster.posts}) == 1
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 3)
    assert [made.outcome for made in delivery.tries] == [
        "status 500",
        "The URL did not answer within 15 s.",
        "status 200",
    ]
    endpoint = await store.webhooks.endpoint("we_1")
    assert endpoint is not None
    assert endpoint.failing_since is None


async def test_what_was_owed_before_a_crash(store: Store) -> None:
    """A job that ended while no node ran, or whose event no node turned into deliveries, is told later."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    await cancelled(store, new_job("video_1"))
    await store.jobs.archive(10)
    assert await store.webhooks.claim_debts(10, 0.0) == ["video_1"]  # taken by a node that died
    poster = FakePoster()
    async with delivering(store, poster, nodes=2):
        await settled(store, "evt_1")
    assert [unwrapped(post, SECRET.reveal()) for post in poster.posts] == [("video.failed", "video_1")]


async def test_the_address_of_a_request(store: Store) -> None:
    """It is told beside the endpoints, signed with the request's own secret, or not at all without one."""
    poster = FakePoster()
    async with delivering(store, poster):
        await cancelled(store, with_callback(store, new_job("video_1")))
        await cancelled(store, with_callback(store, new_job("video_2"), None))
        for name in ("evt_1", "evt_2"):
            assert [one.target for one in await settled(store, name)] == [CALLBACK]
    posts = {post.headers["webhook-id"]: post for post in poster.posts}
    assert unwrapped(posts["evt_1"], "a plain secret") == ("video.failed", "video_1")
    assert "webhook-signature" not in posts["evt_2"].headers


async def test_nobody_wants_it(store: Store) -> None:
    """An endpoint for other types hears nothing; the debt is settled all the same."""
    await store.webhooks.add_endpoint(replace(ENDPOINT, event_types=(EventType.IMAGE_FAILED,)), most=16)
    await cancelled(store, new_job("video_1"))
    poster = FakePoster()

    async def is_settled() -> bool:
        return not await store.webhooks.claim_debts(1, 0.0)

    async with delivering(store, poster):
        await wait_until(is_settled)
    assert await store.webhooks.deliveries_of("evt_1") == []
    assert poster.posts == []


async def test_410_disables_the_endpoint(store: Store) -> None:
    """At once: the delivery is given up, later events are not made for it, waiting ones are given up."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    first, second = await owed(store, new_job("video_1")), await owed(store, new_job("video_2"))
    poster = FakePoster(410)
    working = await deliverer(store, poster)
    after = await working.deliver(first)
    assert (after.state, len(after.tries)) == (DeliveryState.FAILED, 1)
    after = await working.deliver(second)
    assert after.state is DeliveryState.FAILED
    assert "disabled" in (after.reason or "")
    assert len(poster.posts) == 1
    await cancelled(store, new_job("video_3"))
    with pytest.raises(GatewayError, match="No delivery"):
        await replay(store.webhooks, store.jobs, "evt_3", 1.0)


async def test_a_day_of_failures_disables_the_endpoint(store: Store) -> None:
    """With the reason of the last one."""
    failing_since = await store.time() - DAY_S
    await store.webhooks.add_endpoint(replace(ENDPOINT, failing_since=failing_since), most=16)
    await (await deliverer(store, FakePoster("nobody answers"))).deliver(
        await owed(store, new_job("video_1"))
    )
    endpoint = await store.webhooks.endpoint("we_1")
    assert endpoint is not None
    assert endpoint.disabled_at is not None
    assert "nobody answers" in (endpoint.disabled_reason or "")


async def test_a_deleted_endpoint_gets_nothing_more(store: Store) -> None:
    """What was on its way is given up."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    delivery = await owed(store, new_job("video_1"))
    await store.webhooks.remove_endpoint("we_1")
    poster = FakePoster()
    after = await (await deliverer(store, poster)).deliver(delivery)
    assert (after.state, after.reason) == (DeliveryState.FAILED, "The endpoint was deleted.")
    assert poster.posts == []


async def test_replay_uses_the_same_id(store: Store) -> None:
    """By job or by event; endpoints that were made since get it too; tries before it stay visible."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    poster = FakePoster()
    async with delivering(store, poster):
        await cancelled(store, new_job("video_1"))
        await settled(store, "evt_1")
        await store.webhooks.add_endpoint(replace(ENDPOINT, id="we_2", url="https://two.test/"), most=16)
        await replay(store.webhooks, store.jobs, "evt_1", await store.time())
        await settled(store, "evt_1")
        await replay(store.webhooks, store.jobs, "video_1", await store.time())
        found = await settled(store, "evt_1")
    assert sorted((one.target, len(one.tries)) for one in found) == [("we_1", 3), ("we_2", 1)]
    assert {post.headers["webhook-id"] for post in poster.posts} == {"evt_1"}


async def test_what_cannot_be_replayed(store: Store) -> None:
    """Each is refused in words."""
    await accepted(store, new_job("video_1"))
    for name, kind in (
        ("evt_none", ErrorKind.NOT_FOUND),
        ("video_none", ErrorKind.NOT_FOUND),
        ("video_1", ErrorKind.INVALID_REQUEST),
    ):
        with pytest.raises(GatewayError) as raised:
            await replay(store.webhooks, store.jobs, name, 1.0)
        assert raised.value.kind is kind


class Stuck(FakePoster):
    """A poster whose first receiver never answers while others do."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.most_waiting = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        if url != ENDPOINT.url:
            return await super().post(url, body, headers, timeout_s=timeout_s)
        self.waiting += 1
        self.most_waiting = max(self.waiting, self.most_waiting)
        await asyncio.Event().wait()
        return 200


async def test_one_slow_receiver_does_not_hold_up_the_others(store: Store) -> None:
    """At most four posts wait for one receiver, however many events are due before another's."""
    await store.webhooks.add_endpoint(ENDPOINT, most=16)
    for number in range(20):
        await cancelled(store, new_job(f"video_{number}"))
    poster = Stuck()
    async with delivering(store, poster):

        async def is_stuck() -> bool:
            return poster.waiting == SOON.webhook_posts_each

        await wait_until(is_stuck)
        await cancelled(store, with_callback(store, new_job("video_x", owner="lic_b")))
        await settled(store, "evt_x")
    assert poster.most_waiting == SOON.webhook_posts_each
