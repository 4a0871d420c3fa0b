"""Make the characters that jobs ask for, and keep them for their callers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.characters import Character, CharacterStatus, MadeCharacter
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import CHARACTER_NOTE, Job
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.engine.notebook import JobNotebook
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.upstream import StepLostError, Upstream
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

LATER = "later."
"""The part of a job's notes about the character that is made of its own result."""

_USERNAME = "username"
_BACKEND_ID = "backend_id"


def character_id_of(job: Job, part: str = "") -> str:
    """Return the id of the character that ``job`` makes: its own, or one that is derived from it."""
    if job.kind is MediaKind.CHARACTER:
        return job.id
    tail = job.id.partition("_")[2]
    return f"{MediaKind.CHARACTER.value}_{tail}{'b' if part else ''}"


def character_of(job: Job) -> tuple[str, str] | None:
    """Return id and username of the character that ``job`` has made; the one of its result goes before."""
    for part in (LATER, ""):
        character_id = job.notes.get(f"{part}{CHARACTER_NOTE}")
        if character_id is not None:
            return character_id, job.notes[f"{part}{_USERNAME}"]
    return None


def asked_of(job: Job) -> GenerationRequest:
    """Return what the backend is asked for: the request, and the character that was made for it."""
    username = job.notes.get(_USERNAME)
    request = job.request
    if request.character is None or username is None or username in request.mentions:
        return request
    return replace(request, mentions=(*request.mentions, username))


async def make_character(
    tools: NodeTools, clip: Clip, upstream: Upstream, account: Account, notebook: JobNotebook, part: str = ""
) -> str:
    """Make the character once, whoever begins and whoever ends it, and return its id.

    Raises:
        GatewayError: see ``Upstream.make_character``.
        StepLostError: the job is not at this step any more.
    """
    job = notebook.job
    character_id = character_id_of(job, part)
    if CHARACTER_NOTE not in notebook.known:
        try:
            made = await _made(tools, clip, upstream, account, notebook)
            notes = {CHARACTER_NOTE: character_id, _USERNAME: made.username, _BACKEND_ID: made.backend_id}
            await notebook.write(notes, is_pinned=True)
        except StepLostError:
            await _abandon(tools, clip, upstream, account, notebook)
            raise
    await tools.characters.put(made_by(notebook.job, part))
    return character_id


async def _made(
    tools: NodeTools, clip: Clip, upstream: Upstream, account: Account, notebook: JobNotebook
) -> MadeCharacter:
    name = notebook.job.request.character_name
    try:
        async with asyncio.timeout(tools.config.character_s):
            return await upstream.make_character(clip, name, account, tools.inputs, notebook)
    except TimeoutError as error:
        message = "The backend took too long to make the character."
        raise GatewayError(ErrorKind.GENERATION_FAILED, message) from error


async def _abandon(
    tools: NodeTools, clip: Clip, upstream: Upstream, account: Account, notebook: JobNotebook
) -> None:
    """Leave no character behind whose job has ended; where another node goes on with the job, it has it."""
    job = await tools.jobs.get(notebook.job.id)
    if job is not None and not job.is_final:
        return
    try:
        async with asyncio.timeout(tools.config.upstream_call_s):
            await upstream.abandon_character(clip, account, notebook)
    except (GatewayError, TimeoutError) as error:
        log.warning("a character is left at the backend", job_id=notebook.job.id, error=str(error))


def made_by(job: Job, part: str = "") -> Character:
    """Return the character as the notes of ``job`` tell of it, once they do."""
    notes = job.notes
    username = notes[f"{part}{_USERNAME}"]
    return Character(
        id=notes[f"{part}{CHARACTER_NOTE}"],
        owner=job.owner,
        job_id=job.id,
        created_at=job.created_at,
        name=job.request.character_name or username,
        status=CharacterStatus.READY,
        account_id=job.account_id,
        backend_id=notes[f"{part}{_BACKEND_ID}"],
        username=username,
    )
