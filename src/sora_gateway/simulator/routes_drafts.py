"""Results and publishing (Sora web protocol, sections 7.3 and 8)."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import Any

from sora_gateway.simulator.bodies import PostBody, parse
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.records import Post
from sora_gateway.simulator.shelf import Entry, Position
from sora_gateway.simulator.views_nf import draft_view, post_view

_SHARE = {"public": "public", "shared_link_unlisted": "unlisted"}


async def list_drafts(call: Call) -> Answer:
    """``GET /project_y/profile/drafts[/v2]`` (section 7.3): newest first, cursor ``null`` at the end."""
    before = _read_cursor(call.query["cursor"]) if call.query.get("cursor") else None
    shelf = call.backend.state.shelves[call.account.id]
    entries, onward = shelf.drafts(call.now, before, call.number("limit", 15))
    items = [draft_view(call.backend, entry, call.now) for entry in entries]
    return json_answer({"items": items, "cursor": _cursor(onward) if onward else None})


async def get_draft(call: Call) -> Answer:
    """``GET /project_y/profile/drafts/v2/{gen}`` (section 7.3), with fresh links."""
    entry = _visible(call, call.params["gen"])
    return json_answer({"draft": draft_view(call.backend, entry, call.now)})


async def mark_read(call: Call) -> Answer:
    """``POST /project_y/profile/drafts/{gen}/read`` (section 7.3)."""
    _visible(call, call.params["gen"])
    return json_answer({})


async def create_post(call: Call) -> Answer:
    """``POST /project_y/post`` (section 8.1); refused as often as the scenario says."""
    body = parse(PostBody, call.json())
    attachment = body.attachments_to_create[0]
    state = call.backend.state
    entry = _visible(call, attachment.generation_id)
    if entry.schedule.links_at is None or call.now < entry.schedule.links_at:
        raise invalid("This generation cannot be posted.", "attachments_to_create")
    if state.post_refusals.get(attachment.generation_id, 0) < call.backend.scenario.publishing.refusals_first:
        state.refuse_post(attachment.generation_id)
        raise refusal("invalid_request")
    post = Post(
        id=f"s_{secrets.token_hex(16)}",
        account_id=call.account.id,
        generation_id=attachment.generation_id,
        kind=attachment.kind,
        text=body.post_text,
        share_setting=_SHARE.get(body.destinations[0].type, "private") if body.destinations else "public",
        posted_at=call.now,
    )
    state.add_post(post)
    return json_answer(post_view(call.backend, post, call.account, call.now))


async def get_post(call: Call) -> Answer:
    """``GET /project_y/post/{id}`` (section 8.2); readable by other accounts too."""
    post = _post(call)
    return json_answer(post_view(call.backend, post, call.account, call.now))


async def get_tree(call: Call) -> Answer:
    """``GET /project_y/post/{id}/tree`` (section 8.2)."""
    view = post_view(call.backend, _post(call), call.account, call.now)
    return json_answer(view | {"children": [], "cursor": None})


async def delete_post(call: Call) -> Answer:
    """``DELETE /project_y/post/{id}`` (section 8.2): 204, and 404 the second time."""
    post = _post(call)
    if post.account_id != call.account.id:
        raise refusal("not_found")
    call.backend.state.delete_post(post.id)
    return Answer(status=204, content_type=None)


def _post(call: Call) -> Post:
    post = call.backend.state.posts.get(call.params["id"])
    if post is None:
        raise refusal("not_found")
    return post


def _visible(call: Call, generation_id: str) -> Entry:
    found = call.backend.state.generations.get(generation_id)
    if found is None:
        raise refusal("not_found")
    entry = found[0]
    is_own = entry.task.account_id == call.account.id and entry.task.kind == "video"
    if not is_own or entry.schedule.result_at is None or call.now < entry.schedule.result_at:
        raise refusal("not_found")
    return entry


def _cursor(position: Position) -> str:
    text = json.dumps({"k": list(position)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(text: str) -> Position:
    try:
        position: Any = json.loads(base64.urlsafe_b64decode(text))["k"]
        return float(position[0]), str(position[1])
    except (ValueError, KeyError, TypeError, IndexError, binascii.Error):
        raise invalid("The cursor is not one of ours.", "cursor") from None


ROUTES = (
    Route(method="GET", template="/project_y/profile/drafts/v2", handler=list_drafts),
    Route(method="GET", template="/project_y/profile/drafts", handler=list_drafts),
    Route(method="GET", template="/project_y/profile/drafts/v2/{gen}", handler=get_draft),
    Route(method="POST", template="/project_y/profile/drafts/{gen}/read", handler=mark_read),
    Route(method="POST", template="/project_y/post", handler=create_post, needs_sentinel=True),
    Route(method="GET", template="/project_y/post/{id}", handler=get_post),
    Route(method="GET", template="/project_y/post/{id}/tree", handler=get_tree),
    Route(method="DELETE", template="/project_y/post/{id}", handler=delete_post),
)
