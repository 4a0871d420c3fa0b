"""Make a character of a clip, step by step, so that an interruption at any point makes no second one.

Source: Sora web protocol, sections 4.2, 4.3 and 9. Only ``finalize`` makes something that others can see. The
username is written down before it, so whoever goes on can tell by it whether the character is there.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from sora_gateway.domain.characters import MadeCharacter
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.requests import Clip
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.kit.clock import Now
from sora_gateway.ports.upstream import InputReader, Notebook
from sora_gateway.upstreams.sora_web.client import Access, Client
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.errors import failure, require_success
from sora_gateway.upstreams.sora_web.fields import path_part
from sora_gateway.upstreams.sora_web.translate import require_usable, unreadable, upload_id
from sora_gateway.upstreams.sora_web.usernames import candidates, stem
from sora_gateway.upstreams.sora_web.wire import Answer, UnreadableError, Wire, problem
from sora_gateway.upstreams.sora_web.wire_characters import (
    Cameo,
    CharacterList,
    CharacterObject,
    NameCheck,
    OneCharacter,
    StoredFile,
)

_ABSENT = frozenset({404, 410})
_POLL_ERRORS = 3
_BLANK_POLLS = 3
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_FINALIZE_TRIES = 4
_LIST_PAGES = 10
_MOST_PICTURE_BYTES = 16 * 1024 * 1024

Model = TypeVar("Model", bound=Wire)


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One character on its way. A job may make two, of different clips: the notes are told apart by those."""

    clip: Clip
    name: str | None
    access: Access
    user_id: str
    notebook: Notebook

    def known(self, note: str) -> str | None:
        """Return what was written down."""
        return self.notebook.known.get(f"{note}:{self._key}")

    async def write(self, *, is_pinned: bool = False, **notes: str) -> None:
        """Write down."""
        named = {f"{note}:{self._key}": text for note, text in notes.items()}
        await self.notebook.write(named, is_pinned=is_pinned)

    @property
    def _key(self) -> str:
        return hashlib.sha256(clip_key(self.clip).encode()).hexdigest()[:12]


def clip_key(clip: Clip) -> str:
    """Return a text that is different for each piece of each video."""
    origin = clip.blob.digest if clip.blob is not None else clip.source.result_id if clip.source else ""
    return f"{origin}/{clip.start_s:g}/{clip.end_s:g}"


def beginning(clip: Clip, origin: str) -> tuple[str, dict[str, Any]]:
    """Return path and fields of the call that begins a character; ``origin`` names a finished video."""
    if clip.blob is not None:
        return "/characters/upload", {"timestamps": f"{clip.start_s:g},{clip.end_s:g}"}
    timestamps = [int(at) if at == int(at) else at for at in (clip.start_s, clip.end_s)]
    fields = {"generation_id": origin, "character_id": None, "timestamps": timestamps}
    return "/characters/from-generation", fields


class Cameos:
    """Makes characters on any account."""

    def __init__(self, client: Client, config: SoraWebConfig, now: Now) -> None:
        self._client = client
        self._config = config
        self._now = now

    async def make(self, making: Making, inputs: InputReader) -> MadeCharacter:
        """Return the character, made now or before.

        Raises:
            GatewayError(content_refused): the clip is not allowed.
            GatewayError(generation_failed): no character could be made of it.
        """
        made = making.known("made")
        username = making.known("username")
        if made is not None and username is not None:
            return MadeCharacter(
                backend_id=made, username=username, display_name=making.known("display_name")
            )
        cameo_id = making.known("cameo")
        if cameo_id is None:
            cameo_id = await self._begin(making, inputs)
            await making.write(cameo=cameo_id)
        found = await self._existing(making, cameo_id) if username is not None else None
        if found is None:
            found = await self._finish(making, cameo_id)
        return await self._open(making, cameo_id, found)

    async def abandon(self, making: Making) -> None:
        """Delete the character that the notes lead to, if there is one."""
        cameo_id = making.known("cameo")
        if cameo_id is None or making.known("username") is None:
            return  # nothing was finalized
        found = await self._existing(making, cameo_id)
        if found is not None and found.id is not None:
            await self.delete(found.id, making.access)

    async def delete(self, backend_id: str, access: Access) -> None:
        """Delete a character; one that is gone is fine."""
        answer = await self._client.call(access, "DELETE", f"/project_y/characters/{path_part(backend_id)}")
        if answer.status not in _ABSENT:
            require_success(answer, self._now())

    # --- the clip -------------------------------------------------------------------------------------------

    async def _begin(self, making: Making, inputs: InputReader) -> str:
        """Hand the clip over; done twice it makes a draft of a character that nobody ever sees."""
        clip = making.clip
        path, fields = beginning(clip, clip.source.result_id if clip.source is not None else "")
        if clip.blob is not None:
            answer = await self._client.upload(
                making.access,
                path,
                name="video.mp4",
                media_type=clip.blob.media_type,
                content=inputs.file(clip.blob),
                fields=fields,
            )
        elif clip.source is not None:
            answer = await self._client.call(making.access, "POST", path, fields)
        else:
            raise GatewayError(ErrorKind.INVALID_REQUEST, "A character needs a clip or a finished video.")
        require_success(answer, self._now())
        return upload_id(answer)

    async def _processed(self, making: Making, cameo_id: str) -> Cameo:
        try:
            async with asyncio.timeout(self._config.character_wait_s):
                return await self._poll(making, cameo_id)
        except TimeoutError:
            limit_s = self._config.character_wait_s
            message = f"The backend did not finish the character within {limit_s:g} s."
            raise GatewayError(ErrorKind.GENERATION_FAILED, message) from None

    async def _poll(self, making: Making, cameo_id: str) -> Cameo:
        errors = blanks = looks = 0
        while True:
            looks += 1
            pause_s = backoff_s(looks, base_s=_FIRST_PAUSE_S, cap_s=self._config.character_poll_s)
            try:
                cameo = await self._read_cameo(making, cameo_id)
                errors = 0
            except GatewayError as error:
                errors += 1
                if errors >= _POLL_ERRORS or error.kind is ErrorKind.ACCOUNT_AUTH:
                    raise
                pause_s = backoff_s(errors, base_s=self._config.character_poll_s, cap_s=_LONGEST_PAUSE_S)
            else:
                if cameo.is_failed:
                    raise failure(cameo.status_message)
                if cameo.profile_asset_url is not None:
                    return cameo
                blanks += cameo.is_done
                if blanks > _BLANK_POLLS:
                    raise failure("The backend finished the character without a picture of it.")
            await asyncio.sleep(pause_s)

    async def _read_cameo(self, making: Making, cameo_id: str) -> Cameo:
        answer = await self._client.get(making.access, f"/project_y/cameos/in_progress/{path_part(cameo_id)}")
        return self._read(answer, Cameo)

    # --- the character --------------------------------------------------------------------------------------

    async def _finish(self, making: Making, cameo_id: str) -> CharacterObject:
        cameo = await self._processed(making, cameo_id)
        pointer = await self._avatar(making, cameo)
        username = making.known("username")
        start = stem(making.name, cameo.username_hint)
        display_name = making.name or cameo.display_name_hint or start.capitalize()
        is_doubtful = username is not None  # then an earlier call may have left
        refusal: Answer | None = None
        for _ in range(_FINALIZE_TRIES):
            if username is None:
                username = await self._free_username(making, start)
                await making.write(is_pinned=True, username=username, display_name=display_name)
            body = {
                "cameo_id": cameo_id,
                "username": username,
                "display_name": display_name,
                "profile_asset_pointer": pointer,
                "instruction_set": None,
                "safety_instruction_set": None,
            }
            found, refusal = await self._finalized(making, body)
            if found is not None:
                return found
            is_doubtful = is_doubtful or refusal is None
            found = await self._late(making, cameo_id) if is_doubtful else None
            if found is not None:
                return found
            if refusal is not None and _is_taken(refusal):
                username, is_doubtful = None, False
            elif refusal is not None:
                require_success(refusal, self._now())
        if refusal is not None:
            require_success(refusal, self._now())
        raise GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "The backend did not complete the character.")

    async def _finalized(
        self, making: Making, body: Mapping[str, Any]
    ) -> tuple[CharacterObject | None, Answer | None]:
        """Return the character, or the refusal, or neither: no answer came, or none that can be read."""
        try:
            answer = await self._client.call(making.access, "POST", "/characters/finalize", body)
        except GatewayError as error:
            if error.kind is not ErrorKind.UPSTREAM_UNREACHABLE:
                raise
            return None, None
        if not answer.is_success or answer.is_page:
            return None, None if answer.status >= 500 else answer
        try:
            character = OneCharacter.model_validate(answer.json()).character
        except (UnreadableError, ValidationError):
            return None, None
        return (character, None) if character.id is not None else (None, None)

    async def _late(self, making: Making, cameo_id: str) -> CharacterObject | None:
        """Return the character of a call without an answer, None if no complete look showed one."""
        pause_s = self._config.recheck_over_s / max(1, self._config.recheck_reads - 1)
        for index in range(self._config.recheck_reads):
            if index:
                await asyncio.sleep(pause_s)
            found = await self._existing(making, cameo_id)
            if found is not None:
                return found
        return None

    async def _existing(self, making: Making, cameo_id: str) -> CharacterObject | None:
        """Return the character that was made of the cameo, None where a complete look shows none.

        It is asked for by the cameo, then looked for by its name among the account's characters.
        """
        answer = await self._client.get(making.access, f"/project_y/cameos/owned/{path_part(cameo_id)}")
        if answer.status not in _ABSENT:
            character = self._read(answer, OneCharacter).character
            if character.id is not None:
                return character
        path = f"/project_y/profile/{path_part(making.user_id)}/characters"
        cursor: str | None = None
        for _ in range(_LIST_PAGES):
            answer = await self._client.get(
                making.access, path, {"limit": "100"} | ({"cursor": cursor} if cursor else {})
            )
            if answer.status in _ABSENT:
                return None
            page = self._read(answer, CharacterList)
            for character in page.items:
                if character.id is not None and character.name == making.known("username"):
                    return character
            if page.cursor is None or page.cursor == cursor:
                return None
            cursor = page.cursor
        raise unreadable()

    async def _open(self, making: Making, cameo_id: str, found: CharacterObject) -> MadeCharacter:
        """Say who may use the character, and write down that it is done."""
        username = found.name or making.known("username")
        if found.id is None or username is None:
            raise unreadable()
        path = f"/project_y/cameos/by_id/{path_part(cameo_id)}/update_v2"
        visibility = {"visibility": self._config.character_visibility}
        answer = await self._client.call(making.access, "POST", path, visibility)
        require_success(answer, self._now())
        await making.write(made=found.id, username=username)
        display_name = making.known("display_name")
        return MadeCharacter(backend_id=found.id, username=username, display_name=display_name)

    # --- name and picture -----------------------------------------------------------------------------------

    async def _free_username(self, making: Making, start: str) -> str:
        for username in candidates(start):
            answer = await self._client.call(
                making.access, "POST", "/project_y/profile/username/check", {"username": username}
            )
            if answer.status in _ABSENT or self._read(answer, NameCheck).available:
                return username
        raise GatewayError(
            ErrorKind.UPSTREAM_REFUSED, f"The backend had no free username that begins with {start!r}."
        )

    async def _avatar(self, making: Making, cameo: Cameo) -> str:
        """Return what ``finalize`` calls the character's picture by; repeated it is just another file."""
        answer = await self._client.upload(
            making.access,
            "/project_y/file/upload",
            name="profile.webp",
            media_type="image/webp",
            content=await self._picture(making, cameo.profile_asset_url or ""),
            fields={"use_case": "profile"},
        )
        stored = self._read(answer, StoredFile)
        require_usable(stored)
        if stored.pointer is None:
            raise unreadable()
        return stored.pointer

    async def _picture(self, making: Making, url: str) -> bytes:
        pieces: list[bytes] = []
        size_bytes = 0
        try:
            async with (
                asyncio.timeout(self._config.upload_timeout_s),
                self._client.file(making.access, url) as body,
            ):
                async for piece in body.chunks():
                    pieces.append(piece)
                    size_bytes += len(piece)
                    if size_bytes > _MOST_PICTURE_BYTES:
                        raise unreadable()
        except TimeoutError:
            raise unreadable() from None
        except GatewayError as error:
            # A dead link: the next look at the cameo brings a fresh one.
            kind = ErrorKind.UPSTREAM_UNREACHABLE
            raise error if error.kind is kind else GatewayError(kind, error.message) from error
        return b"".join(pieces)

    def _read(self, answer: Answer, model: type[Model]) -> Model:
        require_success(answer, self._now())
        try:
            return model.model_validate(answer.json())
        except (UnreadableError, ValidationError):
            raise unreadable() from None


def _is_taken(answer: Answer) -> bool:
    said = problem(answer)
    return "taken" in said.error_code or "taken" in said.text.lower()
