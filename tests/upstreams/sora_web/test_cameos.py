"""The steps of a character: what is sent, and what follows from answers that the simulator never gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sora_gateway.domain.characters import MadeCharacter
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.domain.requests import Clip, Source
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import InputFile
from sora_gateway.upstreams.sora_web.cameos import Cameos, Making, beginning, clip_key
from sora_gateway.upstreams.sora_web.client import Access, Client
from tests.upstreams.sora_web.support import (
    NOW,
    Heard,
    Notes,
    Server,
    answering,
    blob,
    file_of,
    http,
    serving,
)

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)
TAKEN = http({"error": {"code": "username_taken", "message": "This username is already taken."}}, 400)
NOT_FOUND = http({"error": {"code": "not_found", "message": "Not found."}}, 404)

Page = Callable[[Heard], bytes]


class Inputs:
    """A vault with one content for all."""

    def file(self, blob: Blob) -> InputFile:
        return file_of(b"clip " + blob.name.encode())


class Script:
    """Answers by path; ``pages`` wins over what a backend that works would say."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages
        self.server: Server | None = None

    def __call__(self, heard: Heard) -> bytes:
        path = heard.path.partition("?")[0].removeprefix("/backend").strip("/")
        name = path.replace("/", "_").replace("-", "_")
        page = self.pages.get(name)
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        if page is None:
            page = self.usual(name)
        return page if isinstance(page, bytes) else http(page)

    def usual(self, name: str) -> Any:
        assert self.server is not None
        picture = f"{self.server.url}/backend/picture"
        cameo = {"status": "finalized", "username_hint": "me.rusty", "display_name_hint": "Rusty"}
        return {
            "characters_upload": {"id": "cameo_1", "status": "processing"},
            "characters_from_generation": {"id": "cameo_1", "status": "processing"},
            "project_y_cameos_in_progress_cameo_1": cameo | {"profile_asset_url": picture},
            "picture": http(b"RIFF-picture", content_type="image/webp"),
            "project_y_file_upload": {"asset_pointer": "sediment://file_1"},
            "project_y_profile_username_check": {"available": True},
            "characters_finalize": {"character": {"character_id": "ch_1"}},
            "project_y_cameos_by_id_cameo_1_update_v2": {},
        }.get(name, NOT_FOUND)


@asynccontextmanager
async def making(script: Script, **settings: Any) -> AsyncIterator[tuple[Server, Cameos]]:
    async with serving(answering(script)) as server:
        script.server = server
        config = server.config(**settings)
        client = Client(config)
        try:
            yield server, Cameos(client, config, lambda: NOW)
        finally:
            await client.aclose()


async def made(cameos: Cameos, notes: Notes | None = None, clip: Clip | None = None) -> MadeCharacter:
    one = Making(
        clip=clip or Clip(blob=blob("clip", "video/mp4")),
        name=None,
        access=Access(token=Secret("tok-one")),
        user_id="user-one",
        notebook=notes or Notes(),
    )
    return await cameos.make(one, Inputs())


def calls(server: Server) -> list[str]:
    return [heard.path.removeprefix("/backend").partition("?")[0] for heard in server.heard]


@pytest.mark.parametrize(
    ("clip", "path", "fields"),
    [
        (Clip(blob=blob()), "/characters/upload", {"timestamps": "0,3"}),
        (Clip(blob=blob(), start_s=0.25, end_s=2), "/characters/upload", {"timestamps": "0.25,2"}),
        (
            Clip(source=SOURCE, start_s=1, end_s=2.5),
            "/characters/from-generation",
            {"generation_id": "gen_1", "character_id": None, "timestamps": [1, 2.5]},
        ),
    ],
)
def test_how_a_character_begins(clip: Clip, path: str, fields: dict[str, Any]) -> None:
    """Sections 4.3 and 9.2."""
    assert beginning(clip, "gen_1") == (path, fields)


def test_notes_of_different_clips_do_not_meet() -> None:
    """Another file, another video or other seconds are another character."""
    clips = [
        Clip(blob=blob()),
        Clip(blob=blob(), end_s=2),
        Clip(source=SOURCE),
        Clip(source=SOURCE, start_s=0.5),
        Clip(),
    ]
    assert len({clip_key(clip) for clip in clips}) == len(clips)


async def test_what_is_sent() -> None:
    """Section 9: clip, picture, name, character, visibility, each in the form of the document."""
    async with making(Script()) as (server, cameos):
        character = await made(cameos)
    assert calls(server) == [
        "/characters/upload",
        "/project_y/cameos/in_progress/cameo_1",
        "/picture",
        "/project_y/file/upload",
        "/project_y/profile/username/check",
        "/characters/finalize",
        "/project_y/cameos/by_id/cameo_1/update_v2",
    ]
    clip, _, picture, avatar, check, finalize, update = server.heard
    assert b'name="timestamps"\r\n\r\n0,3' in clip.body
    assert b'filename="video.mp4"\r\nContent-Type: video/mp4\r\n\r\nclip clip' in clip.body
    assert "authorization" not in picture.headers
    assert b'name="use_case"\r\n\r\nprofile' in avatar.body
    assert b'filename="profile.webp"\r\nContent-Type: image/webp\r\n\r\nRIFF-picture' in avatar.body
    assert check.json == {"username": character.username}
    assert finalize.json == {
        "cameo_id": "cameo_1",
        "username": character.username,
        "display_name": "Rusty",
        "profile_asset_pointer": "sediment://file_1",
        "instruction_set": None,
        "safety_instruction_set": None,
    }
    assert update.json == {"visibility": "private"}
    assert character == MadeCharacter(backend_id="ch_1", username=character.username, display_name="Rusty")
    assert character.username.startswith("rusty")


async def test_a_name_that_is_taken_by_our_own_lost_call() -> None:
    """The answer was lost and the backend shows the character late: its name is kept, no second is made."""
    owned = [NOT_FOUND, NOT_FOUND, {"character_id": "ch_1", "profile": {"username": "rusty481"}}]
    script = Script(
        characters_finalize=[http(b"<html>", 502), TAKEN],
        project_y_cameos_owned_cameo_1=owned,
    )
    async with making(script, recheck_reads=2) as (server, cameos):
        assert (await made(cameos)).username == "rusty481"
    assert calls(server).count("/characters/finalize") == 2
    assert calls(server).count("/project_y/profile/username/check") == 1


async def test_a_name_that_is_taken_at_the_first_call_is_somebody_elses() -> None:
    """No call of ours can have taken it: another name at once, without a look."""
    script = Script(characters_finalize=[TAKEN, {"character": {"character_id": "ch_1"}}])
    async with making(script) as (server, cameos):
        await made(cameos)
    first, second = (heard.json["username"] for heard in server.heard if "finalize" in heard.path)
    assert first != second
    assert "/project_y/cameos/owned/cameo_1" not in calls(server)


async def test_whoever_takes_over_looks_first() -> None:
    """A username in the notebook says that the character may be there; the cameo itself may be gone."""
    notes = Notes()
    broken = Script(characters_finalize=http(b"<html>", 403))
    async with making(broken) as (_, cameos):
        with pytest.raises(GatewayError):
            await made(cameos, notes)
    (username,) = (text for note, text in notes.known.items() if note.startswith("username"))
    rows = {"items": [{"user_id": "ch_9", "username": username}], "cursor": None}
    script = Script(
        project_y_profile_user_one_characters=rows, project_y_cameos_in_progress_cameo_1=NOT_FOUND
    )
    async with making(script) as (server, cameos):
        assert (await made(cameos, notes)).backend_id == "ch_9"
    assert "/characters/finalize" not in calls(server)


async def test_whoever_takes_over_keeps_the_name_of_a_character_that_shows_late() -> None:
    """The name is taken by the call of the one before: it is waited for, and no other is chosen."""
    notes = Notes()
    async with making(Script(characters_finalize=http(b"<html>", 403))) as (_, cameos):
        with pytest.raises(GatewayError):
            await made(cameos, notes)
    owned = [NOT_FOUND, NOT_FOUND, {"character_id": "ch_9"}]
    async with making(Script(characters_finalize=TAKEN, project_y_cameos_owned_cameo_1=owned)) as (
        server,
        cameos,
    ):
        character = await made(cameos, notes)
    assert (character.backend_id, character.username in notes.known.values()) == ("ch_9", True)
    assert calls(server).count("/characters/finalize") == 1
    assert "/project_y/profile/username/check" not in calls(server)


async def test_characters_are_looked_for_on_all_pages() -> None:
    """The name may stand behind the cursor."""
    pages = [
        {"items": [{"user_id": "ch_8", "username": "other"}], "cursor": "p2"},
        {"items": [], "cursor": None},
    ]
    script = Script(
        characters_finalize=[http({}), {"character": {"character_id": "ch_1"}}],
        project_y_profile_user_one_characters=pages,
    )
    async with making(script, recheck_reads=1) as (server, cameos):
        assert (await made(cameos)).backend_id == "ch_1"
    assert "cursor=p2" in [heard.path.rpartition("&")[2] for heard in server.heard]


@pytest.mark.parametrize(
    ("pages", "kind"),
    [
        ({"characters_upload": http({"error": {"message": "We can't use a face."}}, 400)}, "content_refused"),
        ({"characters_upload": {"id": "cameo_1", "contains_realistic_person": True}}, "content_refused"),
        ({"characters_upload": {"status": "processing"}}, "upstream_unreachable"),
        ({"project_y_cameos_in_progress_cameo_1": {"status": "failed"}}, "generation_failed"),
        (
            {"project_y_cameos_in_progress_cameo_1": {"status": "failed", "status_message": "a policy"}},
            "content_refused",
        ),
        ({"project_y_cameos_in_progress_cameo_1": {"status": "finalized"}}, "generation_failed"),
        ({"project_y_cameos_in_progress_cameo_1": http({}, 401)}, "account_auth"),
        ({"picture": NOT_FOUND}, "upstream_unreachable"),
        ({"project_y_file_upload": {}}, "upstream_unreachable"),
        ({"characters_finalize": http({"error": {"message": "no"}}, 400)}, "upstream_refused"),
        ({"characters_finalize": http({}, 500)}, "upstream_unreachable"),
        ({"characters_finalize": TAKEN}, "upstream_refused"),
        ({"project_y_cameos_by_id_cameo_1_update_v2": http(b"<html>", 403)}, "upstream_blocked"),
    ],
)
async def test_what_can_go_wrong(pages: dict[str, Any], kind: str) -> None:
    """Each is told by its kind, and nothing is tried for ever."""
    async with making(Script(**pages)) as (server, cameos):
        with pytest.raises(GatewayError) as caught:
            await made(cameos)
    assert caught.value.kind is ErrorKind(kind)
    assert len(server.heard) < 60


async def test_a_clip_of_nothing() -> None:
    """Neither file nor video: nothing is sent."""
    async with making(Script()) as (server, cameos):
        with pytest.raises(GatewayError) as caught:
            await made(cameos, clip=Clip())
    assert (caught.value.kind, server.heard) == (ErrorKind.INVALID_REQUEST, [])


@pytest.mark.parametrize("status", [200, 204, 404, 410])
async def test_deleting(status: int) -> None:
    """Section 9.5: one that is gone is fine."""
    async with making(Script(project_y_characters_ch_1=http(b"", status))) as (server, cameos):
        await cameos.delete("ch_1", Access(token=Secret("tok-one")))
    assert server.heard[0].line.startswith("DELETE /backend/project_y/characters/ch_1 ")
