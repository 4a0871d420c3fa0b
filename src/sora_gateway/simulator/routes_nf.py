"""Sora 2 creation and progress (Sora web protocol, sections 6, 7.1, 7.2 and 10)."""

from __future__ import annotations

import secrets
from typing import Any

from sora_gateway.simulator.bodies import (
    BulkBody,
    EnhanceBody,
    ExtensionBody,
    ReferenceBody,
    VideoBody,
    parse,
)
from sora_gateway.simulator.creation import create_video, current_balance
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.extensions import create_extension
from sora_gateway.simulator.outcomes import decide
from sora_gateway.simulator.records import Reference, Task
from sora_gateway.simulator.rules import storyboard_parts
from sora_gateway.simulator.views_nf import pending_json, pending_v1, task_view

_ENHANCED = {
    "short": "{prompt}, soft natural light, steady camera",
    "medium": "Wide shot, 35 mm, soft natural light: {prompt}. The camera moves slowly for {seconds} s.",
    "long": (
        "Wide establishing shot, 35 mm lens, soft natural light: {prompt}. Over {seconds} seconds the camera "
        "moves slowly closer, the background stays out of focus, and quiet ambient sound fits the scene."
    ),
}


async def create(call: Call) -> Answer:
    """``POST /nf/create`` (section 6.1)."""
    raw = call.json()
    (task,) = create_video(call.backend, call.account, parse(VideoBody, raw), raw, fate=call.fate)
    return json_answer(_accepted(call, task))


async def create_bulk(call: Call) -> Answer:
    """``POST /nf/bulk_create`` (section 6.1); of its answer nothing is recorded, here it lists the tasks."""
    raw = call.json()
    body = parse(BulkBody, raw)
    most = call.backend.scenario.limits.max_bulk_tasks
    if body.nsamples > most:
        raise invalid(f"nsamples must be 2 to {most}.", "nsamples")
    tasks = create_video(call.backend, call.account, body, raw, copies=body.nsamples, fate=call.fate)
    return json_answer([_accepted(call, task) for task in tasks])


async def create_storyboard(call: Call) -> Answer:
    """``POST /nf/create/storyboard`` (section 6.5)."""
    raw = call.json()
    body = parse(VideoBody, raw)
    (task,) = create_video(
        call.backend, call.account, body, raw, parts=storyboard_parts(body), fate=call.fate
    )
    return json_answer(_accepted(call, task))


async def extend(call: Call) -> Answer:
    """``POST /project_y/profile/drafts/{gen}/long_video_extension`` (section 6.6)."""
    raw = call.json()
    body = parse(ExtensionBody, raw)
    task = create_extension(call.backend, call.account, call.params["gen"], body, raw, fate=call.fate)
    return json_answer(_accepted(call, task))


async def pending(call: Call) -> Answer:
    """``GET /nf/pending/v2`` (section 7.1): a bare array of what is unfinished."""
    shelf = call.backend.state.shelves[call.account.id]
    styles = call.backend.scenario.styles
    items = [pending_json(entry, standing, styles) for entry, standing in shelf.pending(call.now)]
    return Answer(body=b"[" + b",".join(items) + b"]")


async def pending_old(call: Call) -> Answer:
    """``GET /nf/pending`` (section 7.2): the same tasks as v1-style objects."""
    shelf = call.backend.state.shelves[call.account.id]
    return json_answer(
        [pending_v1(entry, standing, call.account) for entry, standing in shelf.pending(call.now)]
    )


async def get_task(call: Call) -> Answer:
    """``GET /nf/tasks/{task}/v2`` (section 6.7)."""
    entry = call.backend.state.tasks.get(call.params["task"])
    if entry is None or entry.task.account_id != call.account.id or entry.task.kind != "video":
        raise refusal("not_found")
    if entry.schedule.is_gone(call.now):
        raise refusal("not_found")
    return json_answer(task_view(entry, call.now, call.backend.scenario.styles))


async def enhance(call: Call) -> Answer:
    """``POST /editor/enhance_prompt`` (section 10)."""
    body = parse(EnhanceBody, call.json())
    outcome, text = decide(body.prompt, call.backend.scenario.directives)
    if outcome == "refuse":
        raise refusal("content_refused", text)
    if body.duration_s not in (5, 10, 15, 20, 25):
        raise invalid("duration_s must be 5, 10, 15, 20 or 25.", "duration_s")
    prompt = body.prompt.strip().rstrip(".")
    enhanced = _ENHANCED[body.expansion_level].format_map({"prompt": prompt, "seconds": body.duration_s})
    return json_answer({"enhanced_prompt": enhanced})


async def create_reference(call: Call) -> Answer:
    """``POST /project_y/references/create`` (section 6.7)."""
    raw = call.json()
    body = parse(ReferenceBody, raw)
    for pointer in body.asset_pointers:
        upload = call.backend.state.uploads.get(pointer.removeprefix("sediment://"))
        if upload is None or upload.account_id != call.account.id:
            raise invalid(f"Unknown asset pointer {pointer!r}.", "asset_pointers")
    reference = Reference(
        id=f"ref_{secrets.token_hex(16)}", account_id=call.account.id, body=body.model_dump()
    )
    call.backend.state.add_reference(reference)
    return json_answer({"reference_info": _reference(reference)})


async def list_references(call: Call) -> Answer:
    """``GET /project_y/references/mine`` (section 6.7)."""
    own = [item for item in call.backend.state.references.values() if item.account_id == call.account.id]
    page = own[-call.number("limit", 20) :]
    return json_answer({"items": [_reference(item) for item in reversed(page)], "cursor": None})


def _accepted(call: Call, task: Task) -> dict[str, Any]:
    """Return the answer of a creation (section 6.3)."""
    return {
        "id": task.id,
        "task_type": "video_gen",
        "status": call.backend.state.tasks[task.id].schedule.steps[0].status,
        "priority": 1,
        "rate_limit_and_credit_balance": current_balance(call.backend, call.account, task.created_at),
    }


def _reference(reference: Reference) -> dict[str, Any]:
    return {
        "reference_id": reference.id,
        "owner_id": reference.account_id,
        **reference.body,
        "preview_asset_url": None,
        "can_edit": True,
        "visibility": "private",
        "allowlist": [],
        "blocklist": [],
    }


ROUTES = (
    Route(method="GET", template="/nf/pending/v2", handler=pending),
    Route(method="GET", template="/nf/pending", handler=pending_old),
    Route(method="POST", template="/nf/create", handler=create, needs_sentinel=True),
    Route(method="POST", template="/nf/create/storyboard", handler=create_storyboard, needs_sentinel=True),
    Route(method="POST", template="/nf/bulk_create", handler=create_bulk, needs_sentinel=True),
    Route(
        method="POST",
        template="/project_y/profile/drafts/{gen}/long_video_extension",
        handler=extend,
        needs_sentinel=True,
    ),
    Route(method="GET", template="/nf/tasks/{task}/v2", handler=get_task),
    Route(method="POST", template="/editor/enhance_prompt", handler=enhance),
    Route(method="POST", template="/project_y/references/create", handler=create_reference),
    Route(method="GET", template="/project_y/references/mine", handler=list_references),
)
