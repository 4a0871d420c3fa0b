"""Make characters and cast them: what becomes of a cameo, and which characters a prompt mentions.

Sora web protocol, section 9.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.records import Account, Cameo, CastMember, Character
from sora_gateway.simulator.scenario import Characters

_MENTION = re.compile(r"<@(ch_[0-9a-z]+)>|(?<![A-Za-z0-9_@.])@([a-z0-9_.]{1,20})(?=\s|\Z)")
_WORDS = ("rusty", "pixel", "maple", "comet", "biscuit", "pebble", "ember", "willow", "tango", "marble")

CameoStatus = Literal["processing", "finalized", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a character is made from; ``texts`` are searched for the scenario's words."""

    name: str
    generation_id: str | None
    start_s: float
    end_s: float
    texts: tuple[str, ...]


def new_cameo_id() -> str:
    """Return a fresh id; clients treat it as opaque."""
    return f"cameo_{secrets.token_hex(16)}"


def plan_cameo(account: Account, cameo_id: str, source: Source, rules: Characters, now: float) -> Cameo:
    """Return the cameo of ``source``, its end decided.

    Raises:
        RefusalError: 400 ``content_refused``, by a word of the scenario.
    """
    found = next((row for row in rules.directives if any(row.word in text for text in source.texts)), None)
    if found is not None and found.outcome == "refuse":
        raise refusal("content_refused", found.text)
    word = _WORDS[hashlib.sha256(cameo_id.encode()).digest()[0] % len(_WORDS)]
    return Cameo(
        id=cameo_id,
        account_id=account.id,
        created_at=now,
        source=source.name,
        generation_id=source.generation_id,
        start_s=source.start_s,
        end_s=source.end_s,
        failure=found.text if found else None,
        username_hint=f"{account.username}.{word}",
        display_name_hint=word.capitalize(),
        instruction_hint=f"a calm character called {word.capitalize()}",
    )


def cameo_status(cameo: Cameo, rules: Characters, now: float) -> CameoStatus:
    """Return where a cameo stands."""
    if now < cameo.created_at + rules.processing_s:
        return "processing"
    return "failed" if cameo.failure is not None else "finalized"


def is_castable(character: Character, account: Account) -> bool:
    """Tell whether an account may use a character: its own, or a public one."""
    return character.account_id == account.id or character.visibility == "public"


def cast_of(
    backend: Backend, account: Account, prompt: str, cameo_ids: Iterable[str] = ()
) -> tuple[CastMember, ...]:
    """Return the characters of a request, each once: those it mentions, then those it lists by id.

    A mention is ``@username`` up to a blank or the end, or the token ``<@ch_...>`` of a search. What the
    backend does about an unknown one is not recorded: it is text like any other.

    Raises:
        RefusalError: 400 ``invalid_request``: somebody's private character, an unknown id, too many.
    """
    found = [*_mentioned(backend, prompt), *(_listed(backend, cameo_id) for cameo_id in cameo_ids)]
    cast = {character.id: character for character in found}
    for character in cast.values():
        if not is_castable(character, account):
            raise invalid(f"The character @{character.username} is private.", "prompt")
    members = tuple(_member(backend, character) for character in cast.values())
    check_number(members, backend.scenario.limits.max_cameos)
    return members


def check_number(cast: tuple[CastMember, ...], most: int) -> None:
    """Let a cast pass that is not too large.

    Raises:
        RefusalError: 400 ``invalid_request``.
    """
    if len(cast) > most:
        raise invalid(f"A video can show up to {most} characters, not {len(cast)}.", "prompt")


def _mentioned(backend: Backend, prompt: str) -> list[Character]:
    state = backend.state
    found = (
        state.characters.get(character_id) if character_id else state.character_named(username)
        for character_id, username in _MENTION.findall(prompt)
    )
    return [character for character in found if character is not None]


def _listed(backend: Backend, cameo_id: str) -> Character:
    character = backend.state.characters.get(cameo_id)
    if character is not None:
        return character
    if cameo_id in backend.state.accounts:
        raise invalid(f"{cameo_id} cannot be used as a cameo.", "cameo_ids")
    raise invalid(f"Unknown cameo_ids {cameo_id!r}.", "cameo_ids")


def _member(backend: Backend, character: Character) -> CastMember:
    owner = backend.state.accounts[character.account_id]
    return CastMember(
        character_id=character.id,
        username=character.username,
        display_name=character.display_name,
        owner_id=owner.id,
        owner_username=owner.username,
        picture_id=character.picture_id,
    )
