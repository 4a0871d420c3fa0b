"""Characters against the simulated backend: made once, wherever the making is interrupted."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import av
import pytest
from PIL import Image

from sora_gateway.domain.characters import MadeCharacter
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.remote import RemoteSucceeded
from sora_gateway.domain.requests import Clip
from sora_gateway.ports.upstream import Notebook, StepLostError
from sora_gateway.upstreams.sora_web.upstream import SoraWeb
from tests.upstreams.sora_web.room import Inputs, Room, running
from tests.upstreams.sora_web.support import Notes, blob, video

FINALIZE = "POST /characters/finalize"
AT_ONCE = {"processing_s": 0}


def clip_file(title: str = "a cat", seconds: int = 4) -> bytes:
    """Return a small MP4 with ``title`` among its texts."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        container.metadata["title"] = title
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for index in range(5 * seconds):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 64), (index * 9 % 255, 90, 40)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


CLIP = Clip(blob=blob("clip", "video/mp4"))
INPUTS = Inputs(clip=clip_file())


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with running(characters=AT_ONCE) as opened:
        yield opened


async def make(
    room: Room,
    clip: Clip = CLIP,
    notes: Notebook | None = None,
    *,
    name: str | None = None,
    inputs: Inputs = INPUTS,
    backend: SoraWeb | None = None,
) -> MadeCharacter:
    """Make a character on the account ``pro``, without waiting for ever."""
    async with asyncio.timeout(20):
        return await (backend or room.backend).make_character(
            clip, name, room.account(), inputs, notes or Notes()
        )


async def characters(room: Room) -> list[dict[str, Any]]:
    """Return the characters of the account as another client sees them."""
    rows: list[dict[str, Any]] = (
        await room.get(f"/project_y/profile/{room.account().backend_id}/characters")
    )["items"]
    return rows


# --- the ordinary way -----------------------------------------------------------------------------------


async def test_a_character_of_a_clip(room: Room) -> None:
    """From a file to a name that a prompt can mention, private to its account."""
    notes = Notes()
    made = await make(room, notes=notes)
    (row,) = await characters(room)
    assert (row["user_id"], row["username"]) == (made.backend_id, made.username)
    assert (row["display_name"], notes.is_pinned) == (made.display_name, True)
    job = await room.start(video("runs over a meadow", mentions=(made.username,)))
    status = await room.end(job)
    assert isinstance(status, RemoteSucceeded)
    draft = await room.get(f"/project_y/profile/drafts/v2/{status.outputs[0].result_id}")
    (cast,) = draft["draft"]["creation_config"]["cameo_profiles"]
    assert cast["username"] == made.username


async def test_a_character_of_a_finished_video(room: Room) -> None:
    """The seconds that were asked for, under the caller's name."""
    source = await room.source()
    made = await make(room, Clip(source=source, start_s=2.5, end_s=4), name="Old Tom")
    assert made.username.startswith("oldtom")
    assert made.display_name == "Old Tom"
    assert len(await characters(room)) == 1


async def test_a_character_that_takes_its_time() -> None:
    """It is asked for until it is there."""
    async with running({"character_poll_s": 0.01}, characters={"processing_s": 8}) as room:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(make(room))
            while (await room.counts()).get("GET /project_y/cameos/in_progress/{cameo}", 0) == 0:
                pass
            room.clock.at += 9
        assert [row["user_id"] for row in await characters(room)] == [task.result().backend_id]


async def test_a_character_that_is_never_done() -> None:
    """The wait ends by the setting."""
    settings = {"character_poll_s": 0.01, "character_wait_s": 0.1}
    async with running(settings, characters={"processing_s": 1e6}) as room:
        with pytest.raises(GatewayError) as caught:
            await make(room)
    assert caught.value.kind is ErrorKind.GENERATION_FAILED


@pytest.mark.parametrize(("visibility", "is_castable"), [("public", True), ("private", False)])
async def test_who_may_use_it(visibility: str, is_castable: bool) -> None:
    """The setting decides whether other accounts may mention it."""
    async with running({"character_visibility": visibility}, characters=AT_ONCE) as room:
        made = await make(room)
        query = f"/project_y/profile/search_mentions?username={made.username}"
        assert len((await room.get(query, "plus"))["items"]) == is_castable


async def test_two_characters_of_one_job(room: Room) -> None:
    """One notebook, two clips: each is made once, however often it is asked for."""
    notes = Notes()
    other = Clip(blob=blob("clip", "video/mp4"), start_s=1, end_s=3)
    first, second = await make(room, notes=notes), await make(room, other, notes)
    assert first != second
    await room.counts()
    assert (await make(room, notes=notes), await make(room, other, notes)) == (first, second)
    assert await room.counts() == {}
    assert len(await characters(room)) == 2


async def test_deleting(room: Room) -> None:
    """Once, twice: it is gone."""
    made = await make(room)
    for _ in range(2):
        await room.backend.delete_character(made.backend_id, room.account())
    assert await characters(room) == []


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind", "text"),
    [
        ("[person]", ErrorKind.CONTENT_REFUSED, "a real person"),
        ("[hidden-person]", ErrorKind.CONTENT_REFUSED, "a real person"),
        ("[no-character]", ErrorKind.GENERATION_FAILED, "find a character"),
    ],
)
async def test_clips_that_are_refused(room: Room, word: str, kind: ErrorKind, text: str) -> None:
    """At once or after a while, of a file or of a video: the caller reads the backend's reason."""
    source = await room.source(video(f"a cat {word}"))
    clips = ((CLIP, Inputs(clip=clip_file(word))), (Clip(source=source), INPUTS))
    for clip, inputs in clips:
        with pytest.raises(GatewayError) as caught:
            await make(room, clip, inputs=inputs)
        assert caught.value.kind is kind
        assert text in caught.value.message
    assert await characters(room) == []


async def test_a_picture_of_it_that_is_refused(room: Room) -> None:
    """What the upload says of the picture is the reason."""
    said = {"asset_pointer": "sediment://file_1", "user_error_message": "We can't use this picture."}
    await room.fault("status", "POST /project_y/file/upload", status=200, body=said)
    with pytest.raises(GatewayError) as caught:
        await make(room)
    assert (caught.value.kind, caught.value.message) == (
        ErrorKind.CONTENT_REFUSED,
        "We can't use this picture.",
    )


async def test_a_username_that_is_taken_meanwhile(room: Room) -> None:
    """Another one is chosen, and written down before it is used."""
    await room.fault("status", FINALIZE, error="username_taken", times=2)
    notes = Notes()
    made = await make(room, notes=notes)
    assert (await room.counts())[FINALIZE] == 3
    assert [row["username"] for row in await characters(room)] == [made.username]
    assert made.username in notes.known.values()


async def test_usernames_that_are_not_free(room: Room) -> None:
    """They are asked about first; when none is free it is said."""
    check = "POST /project_y/profile/username/check"
    await room.fault("status", check, status=200, body={"available": False}, times=2)
    assert (await make(room)).username
    assert (await room.counts())[check] == 3
    await room.fault("status", check, status=200, body={"available": False}, times=None)
    with pytest.raises(GatewayError) as caught:
        await make(room)
    assert caught.value.kind is ErrorKind.UPSTREAM_REFUSED


# --- trouble on the way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lose_answer", "truncate", "reset"])
async def test_a_finalization_without_an_answer(room: Room, kind: str) -> None:
    """It is looked for, and made again only where it is not there: one character."""
    await room.fault(kind, FINALIZE)
    made = await make(room)
    assert [row["user_id"] for row in await characters(room)] == [made.backend_id]


async def test_a_finalization_that_only_the_list_shows(room: Room) -> None:
    """Where the cameo itself cannot be asked about, the account's characters tell by the name."""
    await room.fault("status", "GET /project_y/cameos/owned/{cameo}", status=404, times=None)
    await room.fault("lose_answer", FINALIZE)
    made = await make(room)
    assert (await room.counts())[FINALIZE] == 1
    assert [row["user_id"] for row in await characters(room)] == [made.backend_id]


async def test_polls_that_fail(room: Room) -> None:
    """Two in a row are borne, three are told."""
    poll = "GET /project_y/cameos/in_progress/{cameo}"
    await room.fault("status", poll, error="internal_error", times=2)
    assert (await make(room)).username
    await room.fault("status", poll, error="internal_error", times=3)
    with pytest.raises(GatewayError) as caught:
        await make(room)
    assert caught.value.kind is ErrorKind.UPSTREAM_OVERLOADED


async def test_a_job_that_has_ended_makes_nothing(room: Room) -> None:
    """Nothing can be written down, so nothing is finalized."""
    with pytest.raises(StepLostError):
        await make(room, notes=Notes(is_lost=True))
    assert await characters(room) == []


class Cut(Notes):
    """A notebook whose owner dies right before or right after its ``nth`` writing."""

    def __init__(self, known: dict[str, str], nth: int, *, is_after: bool) -> None:
        super().__init__(known)
        self.left, self.is_after = nth, is_after

    async def write(self, notes: Mapping[str, str], *, is_pinned: bool = False) -> None:
        self.left -= 1
        if self.left == 0 and not self.is_after:
            raise asyncio.CancelledError
        await super().write(notes, is_pinned=is_pinned)
        if self.left == 0:
            raise asyncio.CancelledError


async def cut_at_call(room: Room, clip: Clip, notes: Notes, nth: int) -> bool:
    """Make a character and die when the backend has done the ``nth`` call; tell whether it came so far."""
    await room.fault("hang", "* *", after=nth, id="cut")

    async def struck() -> int:
        rows = (await room.http.get("/simulator/faults")).json()["items"]
        return sum(row["struck"] for row in rows)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(make(room, clip, notes))
        while not task.done() and not await struck():
            pass
        is_cut = not task.done()
        task.cancel()
    await room.http.delete("/simulator/faults/cut")
    return is_cut


@pytest.mark.parametrize("is_of_video", [False, True])
async def test_cut_at_every_call(is_of_video: bool) -> None:
    """Whoever goes on with the same notebook completes the one character, whichever call was the last."""
    async with running(characters=AT_ONCE) as room:
        clip = Clip(source=await room.source()) if is_of_video else CLIP
        cuts = 0
        while True:
            notes, before = Notes(), len(await characters(room))
            is_cut = await cut_at_call(room, clip, notes, cuts)
            made = await make(room, clip, notes)
            after = await characters(room)
            assert len(after) == before + 1, f"cut at call {cuts}"
            assert made.backend_id in {row["user_id"] for row in after}
            if not is_cut:
                break
            cuts += 1
    assert cuts == 7


@pytest.mark.parametrize("is_after", [False, True])
async def test_cut_at_every_note(room: Room, is_after: bool) -> None:
    """The same for every writing in the notebook, and with a second cut later on."""
    for first in (1, 2, 3):
        for second in (1, 2, 3):
            notes, before = Cut({}, first, is_after=is_after), len(await characters(room))
            for cut in (notes, Cut(notes.known, second, is_after=is_after)):
                try:
                    await make(room, notes=cut)
                except asyncio.CancelledError:
                    continue
            await make(room, notes=Notes(notes.known))
            assert len(await characters(room)) == before + 1, (first, second)
