"""What a request starts from is looked up: videos, shared ones, clips, characters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.character_fields import NO_CHARACTERS, CharacterWish
from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.parameters import resolve_video
from sora_gateway.domain.requests import Clip, GenerationRequest, Source
from sora_gateway.domain.starts import Start
from sora_gateway.ports.media import LocalFile
from sora_gateway.web.forms import Upload
from sora_gateway.web.starting import (
    ClipFields,
    clip_of,
    ground_of,
    started,
    with_blob,
    with_characters,
)
from sora_gateway.web.state import Services
from tests.domain.samples import BLOB
from tests.fakes import ACCOUNT, MP4, STARTED_AT, Change, caller_of
from tests.gateway import Gateway

ANN = caller_of("ann")
PLAIN = resolve_video({"prompt": "x", "model": "sora_video2"}).request


@pytest.fixture
def services(gateway: Gateway) -> Services:
    found: Services = gateway.app.state.services
    return found


async def _video(gateway: Gateway, change: Change | None = None, **fields: object) -> Job:
    request = resolve_video({"prompt": "x", "model": "sora_video2", **fields}).request
    (job,) = await gateway.generations.submit([request], ANN)
    return gateway.generations.change(job.id, change or gateway.generations.completes)


def _character(gateway: Gateway, name: str, **changes: object) -> str:
    character = Character(
        id=name,
        owner="ann",
        job_id=name,
        created_at=STARTED_AT,
        status=CharacterStatus.READY,
        account_id=ACCOUNT,
        username=name,
    )
    gateway.characters.records[name] = replace(character, **changes)  # type: ignore[arg-type]
    return name


async def test_ground(gateway: Gateway, services: Services) -> None:
    """A finished video: how it was asked for, and where it lies. A shared one is no video of ours."""
    job = await _video(gateway, seconds=15)
    ground = await ground_of(services, ANN, Start(param="video", job_id=job.id))
    assert ground is not None
    assert ground.request == job.request
    assert ground.source == Source(job_id=job.id, account_id=ACCOUNT, result_id=f"gen_{job.id}", total_s=15)
    assert await ground_of(services, ANN, Start(param="video", post_id="s_1")) is None
    with pytest.raises(GatewayError) as caught:
        await ground_of(services, ANN, Start(param="video", post_id="s_1", extends=True))
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED, "video")


async def test_no_ground(gateway: Gateway, services: Services) -> None:
    """Unknown and strangers' videos are not found by the name of the field; private ones are no ground."""
    job = await _video(gateway, private=True)
    for caller, job_id in ((ANN, "video_unknown"), (caller_of("bob"), job.id)):
        with pytest.raises(GatewayError) as caught:
            await ground_of(services, caller, Start(param="video", job_id=job_id))
        assert (caught.value.kind, caught.value.param) == (ErrorKind.NOT_FOUND, "video")
    with pytest.raises(GatewayError, match="private") as caught:
        await ground_of(services, ANN, Start(param="video", job_id=job.id))
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "video")
    assert await ground_of(services, ANN, Start(param="video", job_id=job.id, extends=True))


async def test_started(gateway: Gateway, services: Services) -> None:
    """It runs on the account of its video; a shared one is changed by any account that can."""
    job = await _video(gateway)
    ground = await ground_of(services, ANN, Start(param="video", job_id=job.id))
    assert ground is not None
    remix = started(PLAIN, Start(param="video", job_id=job.id), ground)
    assert (remix.remix, remix.extend, remix.account_id) == (ground.source, None, ACCOUNT)
    longer = started(PLAIN, Start(param="video", job_id=job.id, extends=True), ground)
    assert (longer.remix, longer.extend, longer.total_s) == (None, ground.source, 20)
    shared = started(PLAIN, Start(param="video", post_id="s_1"), None)
    assert (shared.remix_post, shared.account_id) == ("s_1", None)
    old = resolve_video({"prompt": "x", "model": "sora_video"}).request
    with pytest.raises(GatewayError) as caught:
        started(old, Start(param="video", post_id="s_1"), None)
    assert caught.value.kind is ErrorKind.INVALID_MODEL


async def test_clips(gateway: Gateway, services: Services) -> None:
    """Of a link, a file, or a finished video; none where none is wished for."""
    job = await _video(gateway)
    assert await clip_of(services, ANN, NO_CHARACTERS) is None
    linked = await clip_of(services, ANN, CharacterWish(url="https://a", start_s=1, end_s=2.5))
    assert linked is not None
    assert linked.blob is not None
    assert (linked.start_s, linked.end_s) == (1, 2.5)
    blob = gateway.vault.put("came-in", MP4, "video/mp4")
    came_in = LocalFile(path=gateway.vault.root / blob.name, size_bytes=len(MP4), digest=blob.digest)
    upload = Upload("a.mp4", came_in)
    assert await clip_of(services, ANN, NO_CHARACTERS, upload=upload, names=ClipFields(url="file"))
    assert gateway.generations.stored == [("file", MP4)]
    made = await clip_of(services, ANN, CharacterWish(from_task=job.id))
    assert made is not None
    assert made.source is not None
    assert made.source.job_id == job.id


async def test_seconds_outside_the_clip(gateway: Gateway, services: Services) -> None:
    """Refused under the route's own name for them, before a finished video is used and after a fetch."""
    job = await _video(gateway)
    names = ClipFields(timestamps="timestamps")
    for wish in (
        CharacterWish(url="https://a", start_s=8, end_s=11),
        CharacterWish(from_task=job.id, start_s=8, end_s=11),
    ):
        with pytest.raises(GatewayError, match=r"10\.0 seconds") as caught:
            await clip_of(services, ANN, wish, names=names)
        assert caught.value.param == "timestamps"
    unknown_length = with_blob(Clip(start_s=8, end_s=11), BLOB, names)
    assert unknown_length.blob == BLOB


async def test_characters(gateway: Gateway, services: Services) -> None:
    """One of the result, and those that are there, which decide where it runs."""
    name = _character(gateway, "rusty1")
    request = await with_characters(services, ANN, CharacterWish(creates=True, ids=(name,)), PLAIN)
    assert request.keeps_character == Clip(start_s=0.0, end_s=3.0)
    assert (request.mentions, request.account_id, request.character) == (("rusty1",), ACCOUNT, None)
    assert await with_characters(services, ANN, NO_CHARACTERS, PLAIN) is PLAIN
    late = CharacterWish(creates=True, start_s=9, end_s=11)
    with pytest.raises(GatewayError) as caught:
        await with_characters(services, ANN, late, PLAIN)
    assert caught.value.param == "character_timestamps"


async def test_characters_of_two_accounts(gateway: Gateway, services: Services) -> None:
    """They cannot come together, and nothing is fetched to find that out."""
    ids = (_character(gateway, "rusty1"), _character(gateway, "rusty2", account_id="account-2"))
    wishes: list[tuple[CharacterWish, GenerationRequest]] = [
        (CharacterWish(ids=ids, url="https://a"), PLAIN),
        (CharacterWish(ids=ids[:1], url="https://a"), replace(PLAIN, account_id="account-2")),
    ]
    for wish, request in wishes:
        with pytest.raises(GatewayError) as caught:
            await with_characters(services, ANN, wish, request)
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "characters")
    assert gateway.generations.fetched == []
