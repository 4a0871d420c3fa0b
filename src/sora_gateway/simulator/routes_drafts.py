"""Results and publishing (Sora web protocol, sections 7.3 and 8)."""

from __future__ import annotations

import secrets

from sora_gateway.simulator.bodies import PostBody, parse
from sora_gateway.simulator.cursors import cursor_of, read_cursor
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.lookups import has_links, own_draft, readable_post
from sora_gateway.simulator.records import Post, ShareSetting
from sora_gateway.simulator.views_nf import draft_view, post_view


async def list_drafts(call: Call) -> Answer:
    """``GET /project_y/profile/drafts[/v2]`` (section 7.3): newest first, cursor ``null`` at the end."""
    before = read_cursor(call.query.get("cursor"))
    shelf = call.backend.state.shelves[call.account.id]
    entries, onward = shelf.drafts(call.now, before, call.number("limit", 15))
    items = [draft_view(call.backend, entry, call.now) for entry in entries]
    return json_answer({"items": items, "cursor": cursor_of(onward) if onward else None})


async def get_draft(call: Call) -> Answer:
    """``GET /project_y/profile/drafts/v2/{gen}`` (section 7.3), with fresh links."""
    entry = own_draft(call.backend, call.account, call.params["gen"], call.now)
    return json_answer({"draft": draft_view(call.backend, entry, call.now)})


async def mark_read(call: Call) -> Answer:
    """``POST /project_y/profile/drafts/{gen}/read`` (section 7.3)."""
    own_draft(call.backend, call.account, call.params["gen"], call.now)
    return json_answer({})


async def create_post(call: Call) -> Answer:
    """``POST /project_y/post`` (section 8.1); refused as often as the scenario says."""
    body = parse(PostBody, call.json())
    attachment = body.attachments_to_create[0]
    state = call.backend.state
    entry = own_draft(call.backend, call.account, attachment.generation_id, call.now)
    if not has_links(entry, call.now):
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
        share_setting=share_setting(body),
        posted_at=call.now,
    )
    state.add_post(post)
    return json_answer(post_view(call.backend, post, call.account, call.now))


async def get_post(call: Call) -> Answer:
    """``GET /project_y/post/{id}`` (section 8.2); a private one is there for its owner only."""
    post = readable_post(call.backend, call.account, call.params["id"])
    return json_answer(post_view(call.backend, post, call.account, call.now))


async def get_tree(call: Call) -> Answer:
    """``GET /project_y/post/{id}/tree`` (section 8.2)."""
    post = readable_post(call.backend, call.account, call.params["id"])
    view = post_view(call.backend, post, call.account, call.now)
    return json_answer(view | {"children": [], "cursor": None})


async def delete_post(call: Call) -> Answer:
    """``DELETE /project_y/post/{id}`` (section 8.2): 204, and 404 the second time."""
    post = readable_post(call.backend, call.account, call.params["id"])
    if post.account_id != call.account.id:
        raise refusal("not_found")
    call.backend.state.delete_post(post.id)
    return Answer(status=204, content_type=None)


def share_setting(body: PostBody) -> ShareSetting:
    """Return who may see a post: anybody when nothing is said, nobody when no destination is left."""
    if body.share_setting is not None:
        return body.share_setting
    if body.destinations is None:
        return "public"
    types = {destination.type for destination in body.destinations}
    if "public" in types:
        return "public"
    return "unlisted" if types else "private"


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
