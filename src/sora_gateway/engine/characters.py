"""Characters as callers see them: made, shown, named in prompts, deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Deleted
from sora_gateway.domain.jobs import Job, JobError, Status
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.engine.making import made_by
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import CharacterPage

_MENTION = re.compile(r"(?<![A-Za-z0-9_@.])@([A-Za-z0-9_.]{1,40})")
_GONE = JobError(
    kind=ErrorKind.LOST, message="Nothing is known any more of the job that made it.", code="lost"
)


def character_request(clip: Clip, name: str | None) -> GenerationRequest:
    """Return the request of a job that makes a character and nothing else."""
    return GenerationRequest(
        kind=MediaKind.CHARACTER,
        family=Family.VIDEO2,
        model=Family.VIDEO2.value,
        prompt="",
        aspect=Aspect.PORTRAIT,
        character=clip,
        character_name=name,
        account_id=clip.source.account_id if clip.source is not None else None,
    )


def _unknown(character_id: str) -> GatewayError:
    return GatewayError(
        ErrorKind.NOT_FOUND, f"No character with id '{character_id[:80]}' exists.", param="id"
    )


def begun(job: Job) -> Character:
    """Return the character that ``job`` has just begun to make."""
    return Character(
        id=job.id,
        owner=job.owner,
        job_id=job.id,
        created_at=job.created_at,
        name=job.request.character_name,
    )


class Characters:
    """The characters of callers; each sees only his own, another's is ``not_found``."""

    def __init__(self, tools: NodeTools) -> None:
        self._tools = tools

    async def remember(self, job: Job) -> Character:
        """Keep what ``job`` makes from now on, and return it as it is.

        Raises:
            GatewayError(not_found): it was deleted meanwhile.
        """
        if job.deleted_at is not None:
            raise _unknown(job.id)
        character = await self._tools.characters.get(job.id)
        if character is None:
            character = begun(job)
            await self._tools.characters.put(character)
        return await self._present(character)

    async def get(self, character_id: str, caller: Caller) -> Character:
        """Return the character as it is now.

        Raises:
            GatewayError(not_found): unknown, deleted or another's.
        """
        character = await self._tools.characters.get(character_id)
        if character is None or character.owner != caller.licence_id:
            raise _unknown(character_id)
        return await self._present(character)

    async def page(self, caller: Caller, *, after: str | None, limit: int, ascending: bool) -> CharacterPage:
        """Return a piece of the caller's characters by creation time.

        Raises:
            GatewayError(not_found): ``after`` is not one of them.
        """
        page = await self._tools.characters.page(
            caller.licence_id, after=after, limit=limit, ascending=ascending
        )
        if page is None:
            message = f"'after' names no character of yours: '{str(after)[:80]}'."
            raise GatewayError(ErrorKind.NOT_FOUND, message, param="after")
        present = [await self._present(character) for character in page.characters]
        return replace(page, characters=tuple(present))

    async def delete(self, character_id: str, caller: Caller) -> Character:
        """Delete the character here and at the backend; one that is being made is given up.

        Raises:
            GatewayError(not_found): unknown, deleted or another's.
            GatewayError(upstream_unreachable): the backend could not be asked; nothing was deleted.
        """
        character = await self.get(character_id, caller)
        account_id, backend_id = character.account_id, character.backend_id
        account = await self._tools.pool.get(account_id) if account_id is not None else None
        upstream = self._tools.upstreams.get(account.upstream) if account is not None else None
        if account is not None and upstream is not None and backend_id is not None:
            await upstream.delete_character(backend_id, account)
        if character.job_id == character_id:
            with suppress(GatewayError):  # its job may be forgotten by now
                await self._tools.records.apply(character_id, Deleted())
        await self._tools.characters.remove(character_id)
        return character

    async def usable(self, ids: Sequence[str], caller: Caller, *, param: str) -> tuple[Character, ...]:
        """Return the characters with these ids, all of them ready.

        Raises:
            GatewayError(invalid_request): one is unknown, another's, or not ready; ``param`` is named.
        """
        found = []
        for character_id in ids:
            try:
                character = await self.get(character_id, caller)
            except GatewayError as error:
                raise GatewayError(ErrorKind.INVALID_REQUEST, error.message, param=param) from error
            if character.status is not CharacterStatus.READY:
                message = f"The character '{character_id}' is {character.status.value}; it must be ready."
                raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
            found.append(character)
        return tuple(found)

    async def mentioned(self, prompt: str, caller: Caller) -> tuple[Character, ...]:
        """Return the characters made here that ``prompt`` names as ``@username``; other names are text.

        Raises:
            GatewayError(invalid_request): one of them is another caller's.
        """
        names = list(dict.fromkeys(name.lower().rstrip(".") for name in _MENTION.findall(prompt)))
        if not names:
            return ()
        named = await self._tools.characters.named(names)
        for name, character in named.items():
            if character.owner != caller.licence_id:
                message = f"'@{name}' is no character of yours; a prompt can name your own."
                raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="prompt")
        return tuple(named.values())

    async def _present(self, character: Character) -> Character:
        """Return it as its job says while it is being made; an end is written down."""
        if character.status is not CharacterStatus.PROCESSING:
            return character
        job = await self._tools.jobs.get(character.job_id)
        if job is not None and not job.is_final:
            return character
        if job is not None and job.status is Status.COMPLETED:
            # The maker wrote it, but the record of its beginning may have come after.
            ended = made_by(job)
        else:
            error = _GONE if job is None else job.error
            ended = replace(character, status=CharacterStatus.FAILED, error=error)
        await self._tools.characters.put(ended)
        return ended
