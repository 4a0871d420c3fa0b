"""Decide whether a username can be taken: accounts and characters share one namespace.

Sora web protocol, sections 3.5 and 9.4.
"""

from __future__ import annotations

import re

from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.state import State

_LEGAL = re.compile(r"[a-z0-9_.]{1,20}")


def is_available(state: State, username: str, account_id: str) -> bool:
    """Tell whether ``username`` is legal and nobody else's; an account's own name stays available to it."""
    return _LEGAL.fullmatch(username) is not None and not _is_taken(state, username, account_id)


def check_username(state: State, username: str, account_id: str | None) -> None:
    """Let a username pass that can be taken: by an account, or, with ``None``, by a character.

    Raises:
        RefusalError: 400 ``invalid_request`` or ``username_taken``.
    """
    if not _LEGAL.fullmatch(username):
        raise invalid("A username has up to 20 lower-case letters, digits, dots and underscores.", "username")
    if _is_taken(state, username, account_id):
        raise refusal("username_taken")


def _is_taken(state: State, username: str, account_id: str | None) -> bool:
    owner = state.owner_of_username(username)
    return (owner is not None and owner.id != account_id) or state.character_named(username) is not None
