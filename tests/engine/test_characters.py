"""Characters belong to their callers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Completed, Failed, Noted
from sora_gateway.domain.jobs import JobError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Clip, Source
from sora_gateway.engine.characters import Characters, begun, character_request
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.conftest_store import NOW, accepted, bound, new_job, on
from tests.engine.conftest import ACCOUNT, Scripted, asking
from tests.engine.test_generations import ANN, BOB

RUSTY = Character(
    id="character_1",
    owner=ANN.licence_id,
    job_id="character_1",
    created_at=NOW,
    status=CharacterStatus.READY,
    account_id=ACCOUNT,
    backend_id="ch_1",
    username="rusty",
)


@pytest.fixture
def characters(tools: NodeTools) -> Characters:
    return Characters(tools)


def test_the_request_of_a_character() -> None:
    """It runs where its video lies; a file may go anywhere."""
    source = Source(job_id="video_1", account_id=ACCOUNT, result_id="gen_1", total_s=10)
    assert character_request(Clip(source=source), "Rusty").account_id == ACCOUNT
    request = character_request(Clip(), None)
    assert (request.account_id, request.kind) == (None, MediaKind.CHARACTER)


async def test_while_it_is_made(store: Store, tools: NodeTools, characters: Characters) -> None:
    """It is there from the beginning, and its job's failure becomes its own."""
    job = asking(new_job("character_2", owner=ANN.licence_id), kind=MediaKind.CHARACTER)
    await accepted(store, job)
    assert (await characters.remember(job)).status is CharacterStatus.PROCESSING
    page = await characters.page(ANN, after=None, limit=10, ascending=False)
    assert page.characters == (begun(job),)
    error = JobError(kind=ErrorKind.CONTENT_REFUSED, message="A person.", code="content_refused")
    await store.jobs.change(job.id, on(Failed(error=error, is_over_at_backend=True)))
    assert (await characters.get(job.id, ANN)).error == error
    kept = await store.characters.get(job.id)
    assert kept is not None
    assert kept.status is CharacterStatus.FAILED
    assert (await characters.remember(job)).status is CharacterStatus.FAILED


async def test_without_its_job_it_has_failed(store: Store, characters: Characters) -> None:
    """A record that nobody will ever finish says so."""
    await store.characters.put(replace(RUSTY, status=CharacterStatus.PROCESSING, username=None))
    found = await characters.get(RUSTY.id, ANN)
    assert found.status is CharacterStatus.FAILED
    assert found.error is not None
    assert found.error.code == "lost"


async def test_its_making_and_its_beginning_may_meet(
    store: Store, tools: NodeTools, characters: Characters
) -> None:
    """A record of the beginning that was written last is put right by the job's notes."""
    job = asking(new_job("character_5", owner=ANN.licence_id), kind=MediaKind.CHARACTER, character=Clip())
    await bound(store, job, account=ACCOUNT)
    notes = {"character": job.id, "username": "rusty", "backend_id": "ch_5"}
    done = Completed(outputs=(), expires_at=0.0, character_id=job.id)
    await store.jobs.change(job.id, on(Noted(notes=notes), done))
    await store.characters.put(begun(job))
    found = await characters.get(job.id, ANN)
    assert (found.status, found.username, found.account_id) == (CharacterStatus.READY, "rusty", ACCOUNT)
    assert await store.characters.named(["rusty"]) == {"rusty": found}


async def test_another_has_no_part_in_it(store: Store, characters: Characters, upstream: Scripted) -> None:
    """He neither sees, deletes, uses nor mentions it."""
    await store.characters.put(RUSTY)
    for call in (characters.get, characters.delete):
        with pytest.raises(GatewayError) as caught:
            await call(RUSTY.id, BOB)
        assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(GatewayError, match="No character") as caught:
        await characters.usable([RUSTY.id], BOB, param="characters")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "characters")
    with pytest.raises(GatewayError, match="@rusty") as caught:
        await characters.mentioned("a walk with @Rusty.", BOB)
    assert caught.value.param == "prompt"
    assert (await characters.page(BOB, after=None, limit=10, ascending=False)).characters == ()
    assert upstream.deleted_characters == []


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("@rusty runs", True),
        ("look: @RUSTY, then rest", True),
        ("(@rusty)", True),
        ("@rusty.", True),
        ("mail rusty@rusty.example", False),
        ("@rusty2", False),
        ("@somebody", False),
        ("no names", False),
    ],
)
async def test_mentions(store: Store, characters: Characters, prompt: str, found: bool) -> None:
    """A name is found as people write it; names of strangers at the backend stay text."""
    await store.characters.put(RUSTY)
    assert (await characters.mentioned(prompt, ANN) == (RUSTY,)) is found


async def test_only_ready_ones_can_appear(store: Store, characters: Characters) -> None:
    """One that is being made is refused by name."""
    job = asking(new_job("character_3", owner=ANN.licence_id), kind=MediaKind.CHARACTER)
    await accepted(store, job)
    await characters.remember(job)
    with pytest.raises(GatewayError, match="processing"):
        await characters.usable([job.id], ANN, param="characters")


async def test_deleting(store: Store, characters: Characters, upstream: Scripted) -> None:
    """It is deleted at the backend first, then here; the second time it is unknown."""
    await store.characters.put(RUSTY)
    assert await characters.delete(RUSTY.id, ANN) == RUSTY
    assert upstream.deleted_characters == [(ACCOUNT, "ch_1")]
    with pytest.raises(GatewayError):
        await characters.delete(RUSTY.id, ANN)


async def test_deleting_an_unmade_one_cancels_its_job(store: Store, characters: Characters) -> None:
    """Nothing goes on for it."""
    job = asking(new_job("character_4", owner=ANN.licence_id), kind=MediaKind.CHARACTER)
    await accepted(store, job)
    await characters.remember(job)
    await characters.delete(job.id, ANN)
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.is_final
    with pytest.raises(GatewayError) as caught:
        await characters.remember(stored)  # as a repeated request would
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_an_unknown_place_in_the_list(characters: Characters) -> None:
    """A cursor that names nothing is refused."""
    with pytest.raises(GatewayError, match="after"):
        await characters.page(ANN, after="character_9", limit=10, ascending=True)
