"""Characters, made from a clip or a generation (Sora web protocol, sections 4.3 and 9)."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Any

from sora_gateway.simulator.bodies import (
    FinalizeBody,
    FromGenerationBody,
    InstructionSet,
    UpdateBody,
    parse,
)
from sora_gateway.simulator.characters import Source, cameo_status, is_castable, new_cameo_id, plan_cameo
from sora_gateway.simulator.clips import check_timestamps, inspect_clip, read_timestamps
from sora_gateway.simulator.cursors import cursor_of, read_cursor
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.forms import file_of, open_form
from sora_gateway.simulator.lookups import has_links, own_draft
from sora_gateway.simulator.records import Cameo, Character
from sora_gateway.simulator.usernames import check_username
from sora_gateway.simulator.views_characters import (
    account_profile_view,
    cameo_view,
    character_view,
    profile_view,
)


async def upload_clip(call: Call) -> Answer:
    """``POST /characters/upload`` (section 4.3)."""
    async with open_form(call) as form:
        filename, data = await file_of(call, form)
        start_s, end_s = read_timestamps(str(form.get("timestamps") or "0,3"))
    clip = await asyncio.to_thread(inspect_clip, data)
    check_timestamps(start_s, end_s, clip.seconds)
    source = Source(
        name=filename, generation_id=None, start_s=start_s, end_s=end_s, texts=(filename, *clip.texts)
    )
    cameo = _plan(call, source)
    await asyncio.to_thread((call.backend.uploads_dir / cameo.id).write_bytes, data)
    call.backend.state.add_cameo(cameo)
    return _begun(cameo)


async def from_generation(call: Call) -> Answer:
    """``POST /characters/from-generation`` (section 9.2)."""
    body = parse(FromGenerationBody, call.json())
    entry = own_draft(call.backend, call.account, body.generation_id, call.now)
    if not has_links(entry, call.now):
        raise invalid("No character can be made from this generation.", "generation_id")
    start_s, end_s = (float(value) for value in body.timestamps)
    check_timestamps(start_s, end_s, entry.task.seconds)
    texts = (entry.task.prompt, *(part.prompt for part in entry.task.parts))
    source = Source(
        name=body.generation_id,
        generation_id=body.generation_id,
        start_s=start_s,
        end_s=end_s,
        texts=texts,
    )
    cameo = _plan(call, source)
    call.backend.state.add_cameo(cameo)
    return _begun(cameo)


async def get_in_progress(call: Call) -> Answer:
    """``GET /project_y/cameos/in_progress/{cameo}`` (section 9.3)."""
    return json_answer(cameo_view(call.backend, _cameo(call, call.params["cameo"]), call.now))


async def finalize(call: Call) -> Answer:
    """``POST /characters/finalize`` (section 9.4)."""
    body = parse(FinalizeBody, call.json())
    state = call.backend.state
    cameo = _cameo(call, body.cameo_id)
    if cameo_status(cameo, call.backend.scenario.characters, call.now) != "finalized":
        raise invalid("This cameo is not ready.", "cameo_id")
    if state.character_of(cameo.id) is not None:
        raise invalid("This cameo is a character already.", "cameo_id")
    check_username(state, body.username, None)
    character = Character(
        id=f"ch_{secrets.token_hex(16)}",
        cameo_id=cameo.id,
        account_id=call.account.id,
        created_at=call.now,
        username=body.username,
        display_name=body.display_name,
        picture_id=_picture_id(call, body.profile_asset_pointer),
        instruction_set=_plain(body.instruction_set),
        safety_instruction_set=_plain(body.safety_instruction_set),
    )
    state.put_character(character)
    return json_answer({"character": character_view(call.backend, character, call.now)})


async def update(call: Call) -> Answer:
    """``POST /project_y/cameos/by_id/{cameo}/update_v2`` (section 9.5)."""
    character = _owned(call)
    body = parse(UpdateBody, call.json())
    changes = body.model_dump(exclude_unset=True)
    if changes.get("visibility", "public") is None:
        del changes["visibility"]
    changed = replace(character, **changes)
    call.backend.state.put_character(changed)
    return json_answer(character_view(call.backend, changed, call.now))


async def get_owned(call: Call) -> Answer:
    """``GET /project_y/cameos/owned/{cameo}`` (section 9.5)."""
    return json_answer(character_view(call.backend, _owned(call), call.now))


async def list_characters(call: Call) -> Answer:
    """``GET /project_y/profile/{user}/characters`` (section 9.5): of others only the public ones."""
    if call.params["user"] not in call.backend.state.accounts:
        raise refusal("not_found")
    before, limit = read_cursor(call.query.get("cursor")), call.number("limit", 20)
    rows = sorted(
        (
            ((item.created_at, item.id), item)
            for item in _castable(call)
            if item.account_id == call.params["user"]
        ),
        key=lambda row: row[0],
        reverse=True,
    )
    rows = [row for row in rows if before is None or row[0] < before]
    page = rows[:limit]
    cursor = cursor_of(page[-1][0]) if len(rows) > limit else None
    items = [profile_view(call.backend, item, call.now) for _, item in page]
    return json_answer({"items": items, "cursor": cursor})


async def search_mentions(call: Call) -> Answer:
    """``GET /project_y/profile/search_mentions`` (section 9.5): whose username begins like that."""
    start, intent = call.query.get("username", "").lower(), call.query.get("intent", "cameo")
    profiles: list[dict[str, Any]]
    if intent == "cameo":
        found = [item for item in _castable(call) if item.username.startswith(start)]
        profiles = [profile_view(call.backend, item, call.now) for item in found]
    elif intent == "users":
        accounts = call.backend.state.accounts.values()
        profiles = [
            account_profile_view(item) for item in accounts if (item.username or " ").startswith(start)
        ]
    else:
        raise invalid("intent must be cameo or users.", "intent")
    profiles.sort(key=lambda profile: str(profile["username"]))
    page = profiles[: call.number("limit", 10)]
    return json_answer({"items": [{"profile": item, "token": f"<@{item['user_id']}>"} for item in page]})


async def delete(call: Call) -> Answer:
    """``DELETE /project_y/characters/{character}`` (section 9.5): 204, and 404 the second time."""
    character = call.backend.state.characters.get(call.params["character"])
    if character is None or character.account_id != call.account.id:
        raise refusal("not_found")
    call.backend.state.delete_character(character.id)
    return Answer(status=204, content_type=None)


def _plan(call: Call, source: Source) -> Cameo:
    if not call.account.settings.has_sora2:
        raise refusal("unauthorized")
    if call.account.username is None:
        raise refusal("username_required")
    return plan_cameo(call.account, new_cameo_id(), source, call.backend.scenario.characters, call.now)


def _begun(cameo: Cameo) -> Answer:
    return json_answer({"id": cameo.id, "status": "processing"})


def _cameo(call: Call, cameo_id: str) -> Cameo:
    cameo = call.backend.state.cameos.get(cameo_id)
    if cameo is None or cameo.account_id != call.account.id:
        raise refusal("not_found")
    return cameo


def _owned(call: Call) -> Character:
    character = call.backend.state.character_of(_cameo(call, call.params["cameo"]).id)
    if character is None:
        raise refusal("not_found")
    return character


def _castable(call: Call) -> list[Character]:
    return [item for item in call.backend.state.characters.values() if is_castable(item, call.account)]


def _picture_id(call: Call, pointer: str) -> str:
    """Return the account's own upload behind a ``sediment://`` pointer."""
    upload = call.backend.state.uploads.get(pointer.removeprefix("sediment://"))
    is_own = upload is not None and upload.account_id == call.account.id and upload.kind == "file"
    if upload is None or not is_own or not pointer.startswith("sediment://"):
        raise invalid(f"Unknown profile_asset_pointer {pointer!r}.", "profile_asset_pointer")
    if upload.is_refused:
        raise refusal("content_refused", call.backend.scenario.pictures.refusal)
    return upload.id


def _plain(instructions: InstructionSet | None) -> dict[str, Any] | None:
    return instructions.model_dump() if instructions else None


ROUTES = (
    Route(method="POST", template="/characters/upload", handler=upload_clip),
    Route(method="POST", template="/characters/from-generation", handler=from_generation),
    Route(method="POST", template="/characters/finalize", handler=finalize),
    Route(method="GET", template="/project_y/cameos/in_progress/{cameo}", handler=get_in_progress),
    Route(method="POST", template="/project_y/cameos/by_id/{cameo}/update_v2", handler=update),
    Route(method="GET", template="/project_y/cameos/owned/{cameo}", handler=get_owned),
    Route(method="GET", template="/project_y/profile/{user}/characters", handler=list_characters),
    Route(method="GET", template="/project_y/profile/search_mentions", handler=search_mentions),
    Route(method="DELETE", template="/project_y/characters/{character}", handler=delete),
)
