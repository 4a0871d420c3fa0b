"""The facade: who sees what, and what cannot be done is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Status
from sora_gateway.domain.licences import Bounds, Caller, Permission
from sora_gateway.domain.media import MediaKind, Variant
from sora_gateway.domain.prices import read_prices
from sora_gateway.domain.priorities import Priority
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.engine.characters import Characters, character_request
from sora_gateway.engine.estimates import Estimates
from sora_gateway.engine.generations import Generations
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.inputs import Inputs
from sora_gateway.engine.tools import NodeTools
from sora_gateway.engine.watchers import Watchers
from sora_gateway.licences.periods import day_of, month_of
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.media.links import SignedLinks
from sora_gateway.ports.stores import Idempotency, Store
from tests.conftest_store import completed, new_job, new_request
from tests.engine.conftest import ACCOUNT, Clock, NoFetcher, png

ANN = Caller(licence_id="lic_ann", permissions=frozenset(Permission))
BOB = Caller(licence_id="lic_bob", permissions=frozenset(Permission))


@pytest.fixture
def links(clock: Clock) -> SignedLinks:
    return SignedLinks("secret", clock)


@pytest.fixture
def generations(tools: NodeTools, hub: Hub, links: SignedLinks, media: LocalMediaTools) -> Generations:
    inputs = Inputs(tools.vault, media, NoFetcher(), lambda text, limit, param: None, 1_000_000)
    return Generations(tools, inputs, Watchers(tools.jobs, hub), Estimates(hub), links, Characters(tools))


def _request(**changes: object) -> GenerationRequest:
    return replace(new_request(), duration_s=10, **changes)  # type: ignore[arg-type]


async def test_only_the_owner_sees_a_job(generations: Generations) -> None:
    """Another's job is as unknown as one that never was, on every call."""
    (job,) = await generations.submit([_request()], ANN)
    assert (await generations.get(job.id, ANN)).queue_position == 1
    for job_id in (job.id, "video_unknown"):
        for call in (generations.get, generations.cancel, generations.delete):
            with pytest.raises(GatewayError) as caught:
                await call(job_id, BOB)
            assert caught.value.kind is ErrorKind.NOT_FOUND
        with pytest.raises(GatewayError):
            await generations.output(job_id, Variant.VIDEO, 0, BOB)
        with pytest.raises(GatewayError):
            _ = [sight async for sight in generations.watch(job_id, BOB)]
    page = await generations.page(BOB, after=None, limit=10, ascending=False, kind=MediaKind.VIDEO)
    assert page.jobs == ()


async def test_siblings_know_each_other(generations: Generations) -> None:
    """Several requests are accepted together and list each other's ids."""
    jobs = await generations.submit([_request(), _request()], ANN)
    assert jobs[0].variants == jobs[1].variants == tuple(job.id for job in jobs)


async def test_idempotency(generations: Generations) -> None:
    """The same key and request is the same job; another request under the key is a conflict."""
    key = Idempotency(scope="lic_ann POST /videos", key="k", digest="d1")
    (first,) = await generations.submit([_request()], ANN, idempotency=key)
    (again,) = await generations.submit([_request()], ANN, idempotency=key)
    assert again.id == first.id
    with pytest.raises(GatewayError) as caught:
        await generations.submit([_request()], ANN, idempotency=replace(key, digest="d2"))
    assert caught.value.kind is ErrorKind.CONFLICT


async def test_what_no_backend_can_is_refused(generations: Generations) -> None:
    """A request that no backend can run is refused with the backend's reason."""
    with pytest.raises(GatewayError, match="no styles here") as caught:
        await generations.submit([_request(style="anime")], ANN)
    assert caught.value.kind is ErrorKind.UNSUPPORTED


async def test_without_accounts(generations: Generations, store: Store, clock: Clock) -> None:
    """With no account at all the request is refused, not queued."""
    await store.accounts.remove(ACCOUNT)
    clock.now_s += 2
    with pytest.raises(GatewayError) as caught:
        await generations.submit([_request()], ANN)
    assert caught.value.kind is ErrorKind.NO_ACCOUNT


async def test_an_account_that_was_just_added(
    generations: Generations, store: Store, tools: NodeTools
) -> None:
    """Nobody is turned away because of what was known a moment ago."""
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    await store.accounts.remove(ACCOUNT)
    assert list(await tools.pool.stored()) == []
    await store.accounts.put(account)
    (job,) = await generations.submit([_request()], ANN)
    assert job.status is Status.QUEUED


async def test_cancel_is_final_and_repeatable(generations: Generations) -> None:
    """Cancelled at once; cancelled again unchanged; its content is gone with the reason."""
    (job,) = await generations.submit([_request()], ANN)
    first = await generations.cancel(job.id, ANN)
    again = await generations.cancel(job.id, ANN)
    assert first.job.status is Status.CANCELLED
    assert again.job == first.job
    with pytest.raises(GatewayError) as caught:
        await generations.output(job.id, Variant.VIDEO, 0, ANN)
    assert caught.value.code == "cancelled"


async def test_deleted_jobs_are_unknown(generations: Generations) -> None:
    """After delete the job is not found."""
    (job,) = await generations.submit([_request()], ANN)
    await generations.delete(job.id, ANN)
    with pytest.raises(GatewayError) as caught:
        await generations.get(job.id, ANN)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_outputs(generations: Generations, store: Store, clock: Clock) -> None:
    """Not finished, no such variant, expired: each has its own answer."""
    (early,) = await generations.submit([_request()], ANN)
    with pytest.raises(GatewayError) as not_ready:
        await generations.output(early.id, Variant.VIDEO, 0, ANN)
    assert not_ready.value.kind is ErrorKind.NOT_READY
    job = new_job(owner=ANN.licence_id)
    await completed(store, job, expires_at=clock() + 100)
    assert (await generations.output(job.id, Variant.VIDEO, 0, ANN)).blob.name
    with pytest.raises(GatewayError, match="it offers: video"):
        await generations.output(job.id, Variant.THUMBNAIL, 0, ANN)
    clock.now_s += 101
    with pytest.raises(GatewayError) as expired:
        await generations.output(job.id, Variant.VIDEO, 0, ANN)
    assert expired.value.kind is ErrorKind.EXPIRED


async def test_a_character_has_no_content(generations: Generations) -> None:
    """It says so, whatever is asked for."""
    (job,) = await generations.submit([character_request(Clip(), None)], ANN)
    with pytest.raises(GatewayError, match="is a character") as caught:
        await generations.output(job.id, Variant.VIDEO, 0, ANN)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_own_links_are_not_fetched(
    generations: Generations, store: Store, tools: NodeTools, links: SignedLinks, clock: Clock
) -> None:
    """A signed link of ours is read from the vault; an altered one is fetched like any other URL."""
    blob = await generations.store_input(png(), param="image")
    job = new_job(owner=ANN.licence_id)
    await completed(store, job, expires_at=clock() + 100)
    output = (await generations.output(job.id, Variant.VIDEO, 0, ANN)).blob
    async with tools.vault.writer(output.name) as writer:
        async for piece in tools.inputs.file(blob).pieces:
            await writer.write(piece)
        await writer.commit(await LocalMediaTools().probe_image(png()))
    url = "http://here/sora/v1/files/" + links.sign(job.id, "video", 0, clock() + 50)
    copied = await generations.fetch_input(url, param="image")
    assert b"".join([piece async for piece in tools.inputs.file(copied).pieces]) == png()
    for other in (url + "x", "http://[", "http://here/sora/v1/files/x/poster/0"):
        with pytest.raises(GatewayError, match="not fetched"):
            await generations.fetch_input(other, param="image")


async def test_wait_returns_what_is_there(generations: Generations, store: Store) -> None:
    """Waiting ends with the final state, or with the present one when time is up."""
    (job,) = await generations.submit([_request()], ANN)
    waiting = await generations.wait_final(job.id, ANN, timeout_s=0.01)
    assert waiting.status is Status.QUEUED
    await generations.cancel(job.id, ANN)
    assert (await generations.wait_final(job.id, ANN, timeout_s=5)).is_final


async def test_repeated_requests_mean_one_job(generations: Generations) -> None:
    """A repeated request gets the job of its try; after a delivered answer, and without repeat, a new one."""
    first = await generations.promise("lic_ann POST", "d", is_repeat=False)
    again = await generations.promise("lic_ann POST", "d", is_repeat=True)
    assert first is not None
    assert again == first
    jobs = [
        (await generations.submit([_request()], ANN, idempotency=promise))[0] for promise in (first, again)
    ]
    assert jobs[0].id == jobs[1].id
    await generations.delivered(first)
    assert await generations.promise("lic_ann POST", "d", is_repeat=True) != first
    fresh = await generations.promise("lic_ann POST", "d", is_repeat=False)
    await generations.delivered(first)  # late: a newer try has begun
    assert await generations.promise("lic_ann POST", "d", is_repeat=True) == fresh


def _bounded(**bounds: object) -> Caller:
    return replace(ANN, bounds=Bounds(**bounds))  # type: ignore[arg-type]


async def test_units_are_reserved_and_bounded(generations: Generations, store: Store, clock: Clock) -> None:
    """Two videos of 15 s are four units, all or none; what is over is told with what is left."""
    ann, long = _bounded(daily_units=5), replace(_request(), duration_s=15)
    jobs = await generations.submit([long, long], ann)
    assert [job.reservation and job.reservation.units for job in jobs] == [2, 2]
    with pytest.raises(GatewayError, match=r"costs 2, and 1 of 5 units are left") as caught:
        await generations.submit([long], ann)
    assert caught.value.kind is ErrorKind.INSUFFICIENT_QUOTA
    await generations.cancel(jobs[0].id, ann)
    await generations.submit([long], ann)
    assert await store.usage.units(ann.licence_id, [day_of(clock()), month_of(clock())]) == [4, 4]


async def test_jobs_under_way_are_bounded(generations: Generations) -> None:
    """The refusal says how many there may be and when to try again; another caller is not touched."""
    ann = _bounded(concurrent_jobs=1)
    (job,) = await generations.submit([_request()], ann)
    with pytest.raises(GatewayError) as caught:
        await generations.submit([_request()], ann)
    assert (caught.value.kind, caught.value.retry_after_s) == (ErrorKind.RATE_LIMITED, 5.0)
    await generations.submit([_request()], BOB)
    await generations.cancel(job.id, ann)
    await generations.submit([_request()], ann)


async def test_models_and_groups_of_the_licence(generations: Generations) -> None:
    """Others are refused before anything is stored; the licence's groups go with the job."""
    with pytest.raises(GatewayError) as caught:
        await generations.submit([_request()], replace(ANN, models=("sora_image",)))
    assert caught.value.kind is ErrorKind.PERMISSION_DENIED
    (job,) = await generations.submit([_request()], replace(ANN, groups=("plus",), models=("sora-2",)))
    assert job.request.groups == ("plus",)


async def test_a_job_keeps_the_price_that_it_was_accepted_with(
    generations: Generations,
    tools: NodeTools,
    hub: Hub,
    links: SignedLinks,
    media: LocalMediaTools,
    store: Store,
    clock: Clock,
) -> None:
    """What is given back is what was taken, whatever a job costs by then."""
    dear = replace(tools, config=replace(tools.config, prices=read_prices({"*-10s": 70})))
    inputs = Inputs(tools.vault, media, NoFetcher(), lambda text, limit, param: None, 1_000_000)
    before = Generations(dear, inputs, Watchers(tools.jobs, hub), Estimates(hub), links, Characters(tools))
    (job,) = await before.submit([_request()], ANN)
    await generations.submit([_request()], ANN)
    assert await store.usage.units(ANN.licence_id, [day_of(clock())]) == [71]
    await generations.cancel(job.id, ANN)
    assert await store.usage.units(ANN.licence_id, [day_of(clock())]) == [1]


@pytest.mark.parametrize(
    ("licence", "asked", "got"),
    [
        (Priority.HIGH, None, Priority.HIGH),
        (Priority.HIGH, Priority.LOW, Priority.LOW),
        (Priority.NORMAL, Priority.HIGH, Priority.NORMAL),
        (Priority.LOW, Priority.HIGH, Priority.LOW),
    ],
)
async def test_a_request_may_lower_its_class(
    generations: Generations, licence: Priority, asked: Priority | None, got: Priority
) -> None:
    """And never raise it above that of its licence."""
    caller = replace(ANN, bounds=Bounds(priority=licence))
    (job,) = await generations.submit([replace(_request(), priority=asked)], caller)
    assert job.priority is got


async def test_a_heavier_licence_is_served_more(generations: Generations, store: Store) -> None:
    """Of two who ask for four each, the one with thrice the weight has three of the first four."""
    heavy = replace(BOB, bounds=Bounds(weight=3.0))
    for caller in (ANN, heavy) * 4:
        await generations.submit([_request()], caller)
    heads = await store.jobs.heads(4)
    owners = [job.owner for head in heads if (job := await store.jobs.get(head.job_id)) is not None]
    assert sorted(owners) == ["lic_ann", "lic_bob", "lic_bob", "lic_bob"]
