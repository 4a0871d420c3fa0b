"""Find drafts and posts for an account; what it may not see is not there."""

from __future__ import annotations

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.errors import refusal
from sora_gateway.simulator.records import Account, Post
from sora_gateway.simulator.shelf import Entry


def own_draft(backend: Backend, account: Account, generation_id: str, now: float) -> Entry:
    """Return the task of the account's own draft, refused ones included.

    Raises:
        RefusalError: 404, there is none, or not yet.
    """
    found = backend.state.generations.get(generation_id)
    if found is None:
        raise refusal("not_found")
    entry = found[0]
    is_own = entry.task.account_id == account.id and entry.task.kind == "video"
    if not is_own or entry.schedule.result_at is None or now < entry.schedule.result_at:
        raise refusal("not_found")
    return entry


def has_links(entry: Entry, now: float) -> bool:
    """Tell whether the media of a generation can be fetched."""
    return entry.schedule.links_at is not None and now >= entry.schedule.links_at


def readable_post(backend: Backend, account: Account, post_id: str) -> Post:
    """Return a post that the account may read: its own, or one that is not private.

    Raises:
        RefusalError: 404.
    """
    post = backend.state.posts.get(post_id)
    if post is None or (post.share_setting == "private" and post.account_id != account.id):
        raise refusal("not_found")
    return post
