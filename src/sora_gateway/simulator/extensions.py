"""Carry a finished video on: a new task whose result is the longer, stitched video.

Sora web protocol, section 6.6.
"""

from __future__ import annotations

from typing import Any

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.bodies import ExtensionBody
from sora_gateway.simulator.characters import cast_of, check_number
from sora_gateway.simulator.creation import Order, admit
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.fault_rules import Fate
from sora_gateway.simulator.lookups import has_links, own_draft
from sora_gateway.simulator.parts import Part, filled
from sora_gateway.simulator.records import Account, Task
from sora_gateway.simulator.rules import can_extend, check_text, extension_price
from sora_gateway.simulator.scenario import Pixels


def create_extension(
    backend: Backend,
    account: Account,
    generation_id: str,
    body: ExtensionBody,
    raw: dict[str, Any],
    *,
    fate: Fate | None = None,
) -> Task:
    """Accept an extension of the account's own video.

    The task keeps the body of what it extends, under its own, and its seed: the first part looks as before.

    Raises:
        RefusalError: 404 for a video that is not there, 400 for the request's faults, 429 for the limits.
    """
    if not account.settings.has_sora2:
        raise refusal("unauthorized")
    now = backend.clock()
    entry = own_draft(backend, account, generation_id, now)
    before, rules = entry.task, backend.scenario.extensions
    check_text(body.user_prompt, None, backend.scenario)
    if not has_links(entry, now) or not can_extend(before.seconds, rules):
        raise invalid("This generation cannot be extended.", "generation_id")
    cost = extension_price(before.seconds, body.extension_duration_s, rules)
    members = (*before.cast, *cast_of(backend, account, body.user_prompt))
    cast = tuple({member.character_id: member for member in members}.values())
    check_number(cast, backend.scenario.limits.max_cameos)
    added = Part(
        prompt=body.user_prompt,
        seconds=body.extension_duration_s,
        note=f"extension of {body.extension_duration_s} s",
    )
    parts = before.parts or (Part(prompt=before.prompt, seconds=before.seconds),)
    order = Order(
        kind="video",
        prompt=body.user_prompt,
        seed=before.seed,
        seconds=before.seconds + body.extension_duration_s,
        pixels=Pixels(width_px=before.width_px, height_px=before.height_px),
        cost=cost,
        body=before.body | {"title": None} | raw,
        parts=(*filled(parts, before.seconds), added),
        cast=cast,
        remixed=before.remixed,
        extended_id=generation_id,
        fate=fate,
    )
    return admit(backend, account, order)[0]
