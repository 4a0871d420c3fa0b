"""Publish a video, for people with the link only, so that a remix can name it: at most once."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from weakref import WeakValueDictionary

from pydantic import ValidationError

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.requests import Source
from sora_gateway.kit.clock import Now
from sora_gateway.ports.upstream import Notebook
from sora_gateway.upstreams.sora_web.client import Access, Client, Unanswered, Unsent
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.errors import is_turned_away, require_success, to_error
from sora_gateway.upstreams.sora_web.fields import path_part
from sora_gateway.upstreams.sora_web.lists import Lists
from sora_gateway.upstreams.sora_web.wire import Answer, Draft, UnreadableError, problem
from sora_gateway.upstreams.sora_web.wire_characters import Posted

_INTENT, _POST = "publish", "post"
_ABSENT = frozenset({404, 410})
_MOST_KEPT = 10_000


class Publisher:
    """Finds or makes the post of a video. Two that need it at once share one publication."""

    def __init__(self, client: Client, lists: Lists, config: SoraWebConfig, now: Now) -> None:
        self._client = client
        self._lists = lists
        self._config = config
        self._now = now
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._posts: OrderedDict[str, str] = OrderedDict()

    async def post_of(self, source: Source, access: Access, notebook: Notebook) -> str:
        """Return the id of a post that shows ``source``; publish it if there is none.

        The intent is in ``notebook`` before the call leaves, the post's id right after its answer. Where an
        intent is without an answer, the video is looked at several times before it is published again.

        Raises:
            GatewayError(unsupported): the video is not at the backend, or may not be remixed.
        """
        lock = self._locks.setdefault(source.result_id, asyncio.Lock())
        async with lock:
            written = notebook.known.get(_POST)
            if written is not None:
                return written
            post = await self._existing(source, access)
            if post is None and _INTENT in notebook.known:
                post = await self._late(source, access)
            if post is None:
                await notebook.write({_INTENT: source.result_id})
                post = await self._publish(source, access)
                self._keep(source, post)
            await notebook.write({_POST: post})
            return post

    async def _existing(self, source: Source, access: Access) -> str | None:
        draft = await self._draft(source, access)
        if draft.post_id is not None:
            return draft.post_id
        kept = self._posts.get(source.result_id)
        if kept is None:
            return None
        answer = await self._client.get(access, f"/project_y/post/{path_part(kept)}")
        if answer.status in _ABSENT:
            self._posts.pop(source.result_id, None)
            return None
        require_success(answer, self._now())
        return kept

    def _keep(self, source: Source, post: str) -> None:
        self._posts[source.result_id] = post
        if len(self._posts) > _MOST_KEPT:
            self._posts.popitem(last=False)

    async def _draft(self, source: Source, access: Access) -> Draft:
        draft = await self._lists.draft(access, source.result_id)
        if draft is None or draft.can_remix is False:
            reason = "is not at the backend any more" if draft is None else "may not be remixed"
            raise GatewayError(ErrorKind.UNSUPPORTED, f"The video {source.job_id} {reason}.")
        return draft

    async def _late(self, source: Source, access: Access) -> str | None:
        """Return the post of a publication without an answer, None if no complete read showed one."""
        pause_s = self._config.recheck_over_s / max(1, self._config.recheck_reads - 1)
        for index in range(self._config.recheck_reads):
            if index:
                await asyncio.sleep(pause_s)
            draft = await self._draft(source, access)
            if draft.post_id is not None:
                return draft.post_id
        return None

    async def _publish(self, source: Source, access: Access) -> str:
        # Sora web protocol, section 8.1; unlisted: only who has the link sees it (C12).
        body = {
            "attachments_to_create": [{"generation_id": source.result_id, "kind": "sora"}],
            "post_text": "",
            "destinations": [{"type": "shared_link_unlisted"}],
        }
        error = GatewayError(
            ErrorKind.UPSTREAM_UNREACHABLE, "The backend did not say whether it published the source."
        )
        for pause_s in (0.0, *self._config.publish_pauses_s):
            await asyncio.sleep(pause_s)
            sent = await self._client.create(access, "/project_y/post", body, send_before=math.inf)
            if isinstance(sent, Unsent):
                raise sent.error
            if isinstance(sent, Answer):
                post = _posted(sent)
                if post is not None:
                    return post
                if not sent.is_success and is_turned_away(sent):
                    error, _ = to_error(sent, self._now())
                    if not _is_too_early(sent):
                        raise error
                    continue
            late = await self._late(source, access)
            if late is not None:
                return late
            error = sent.error if isinstance(sent, Unanswered) else error
        raise error


def _posted(answer: Answer) -> str | None:
    try:
        return Posted.model_validate(answer.json()).id if answer.is_success else None
    except (UnreadableError, ValidationError):
        return None


def _is_too_early(answer: Answer) -> bool:
    # Section 8.1: a draft that has just appeared is refused so for some seconds.
    return answer.status == 400 and problem(answer).error_code == "invalid_request"
