"""Print cameos and characters as the backend does (Sora web protocol, sections 9.3 to 9.5)."""

from __future__ import annotations

from typing import Any

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.characters import cameo_status
from sora_gateway.simulator.records import Account, Cameo, Character
from sora_gateway.simulator.views_nf import SITE
from sora_gateway.simulator.views_v1 import upload_path


def cameo_view(backend: Backend, cameo: Cameo, now: float) -> dict[str, Any]:
    """Return a character in the making (section 9.3); hints and picture come with its end."""
    status = cameo_status(cameo, backend.scenario.characters, now)
    view: dict[str, Any] = {
        "id": cameo.id,
        "status": status,
        "status_message": "Processing" if status == "processing" else cameo.failure,
        "display_name_hint": None,
        "username_hint": None,
        "profile_asset_url": None,
        "instruction_set_hint": None,
        "instruction_set": None,
    }
    if status != "finalized":
        return view
    return view | {
        "status_message": "Completed",
        "display_name_hint": cameo.display_name_hint,
        "username_hint": cameo.username_hint,
        "profile_asset_url": backend.links.sign(f"/az/files/{cameo.id}/raw", now),
        "instruction_set_hint": {"value": [{"type": "text", "value": cameo.instruction_hint}]},
    }


def character_view(backend: Backend, character: Character, now: float) -> dict[str, Any]:
    """Return a character as its owner sees it (sections 9.4 and 9.5)."""
    return {
        "character_id": character.id,
        "cameo_id": character.cameo_id,
        "visibility": character.visibility,
        "instruction_set": character.instruction_set,
        "safety_instruction_set": character.safety_instruction_set,
        "created_at": round(character.created_at, 3),
        "profile": profile_view(backend, character, now),
    }


def profile_view(backend: Backend, character: Character, now: float) -> dict[str, Any]:
    """Return a character's profile as lists and searches show it: its ``user_id`` is the character's id."""
    owner = backend.state.accounts[character.account_id]
    picture = backend.state.uploads[character.picture_id]
    return {
        "user_id": character.id,
        "username": character.username,
        "display_name": character.display_name,
        "can_cameo": True,
        "profile_picture_url": backend.links.sign(upload_path(picture), now),
        "owner_profile": {"user_id": owner.id, "username": owner.username},
        "permalink": f"{SITE}/profile/{character.username}",
    }


def account_profile_view(account: Account) -> dict[str, Any]:
    """Return an account's profile as a search shows it; accounts cannot be cast here."""
    return {
        "user_id": account.id,
        "username": account.username,
        "display_name": account.name,
        "can_cameo": False,
        "permalink": f"{SITE}/profile/{account.username}",
    }
