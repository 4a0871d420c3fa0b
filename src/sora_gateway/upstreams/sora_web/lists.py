"""Read an account's lists page by page, each as far back as it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from sora_gateway.domain.errors import GatewayError
from sora_gateway.upstreams.sora_web.client import Access, Client
from sora_gateway.upstreams.sora_web.errors import require_success
from sora_gateway.upstreams.sora_web.fields import path_part
from sora_gateway.upstreams.sora_web.translate import unreadable
from sora_gateway.upstreams.sora_web.wire import (
    Answer,
    Draft,
    Page,
    Task,
    UnreadableError,
    drafts_page,
    pending_page,
    recent_page,
)
from sora_gateway.upstreams.sora_web.wire_characters import OneDraft

_ABSENT = frozenset({404, 410})
_RECENT_LIMIT = "20"
_DRAFTS_LIMIT = "15"
_SEARCH_PAGES = 40

Row = TypeVar("Row", bound=Task | Draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[Row]):
    """What was read of a list.

    ``is_whole``: every entry of the pages could be read. ``is_end``: there is nothing older. ``exists``: the
    backend has the list at all. ``usual``: so many rows stood on the pages that are read at every look.
    """

    rows: tuple[Row, ...] = ()
    usual: int = 0
    is_whole: bool = True
    is_end: bool = True
    exists: bool = True

    def reaches(self, moment_s: float) -> bool:
        """Tell whether everything that was made since ``moment_s`` has been read."""
        if not (self.exists and self.is_whole):
            return False
        return self.is_end or any(
            row.created_at is not None and row.created_at < moment_s for row in self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Pages beyond the usual ones, for as long as they come within ``within_s`` and can be read.

    A search that fails is no failure of the reading: it only went less far back.
    """

    most_pages: int
    within_s: float


class Lists:
    """The lists of any account. Raises ``GatewayError`` for an answer that is no list."""

    def __init__(self, client: Client, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self._has_new_drafts = True

    async def pending(self, access: Access) -> Reading[Task]:
        """Return the unfinished Sora 2 tasks; one call."""
        answer = await self._client.get(access, "/nf/pending/v2")
        if answer.status in _ABSENT:
            return Reading(exists=False)
        page = self._page(answer, pending_page)
        return Reading(rows=page.rows, is_whole=page.is_whole)

    async def recent(
        self,
        access: Access,
        *,
        most_pages: int,
        is_enough: Callable[[Reading[Task]], bool],
        search: Search | None = None,
    ) -> Reading[Task]:
        """Return first-generation tasks, newest first, until ``is_enough``."""

        async def piece(onward: str | None) -> Page[Task] | None:
            params = {"limit": _RECENT_LIMIT} | ({"before": onward} if onward else {})
            answer = await self._client.get(access, "/v2/recent_tasks", params)
            return None if answer.status in _ABSENT else self._page(answer, recent_page)

        return await _read(piece, most_pages, is_enough, search)

    async def drafts(
        self,
        access: Access,
        *,
        most_pages: int,
        is_enough: Callable[[Reading[Draft]], bool],
        search: Search | None = None,
    ) -> Reading[Draft]:
        """Return finished Sora 2 results, newest first, until ``is_enough``."""

        async def piece(onward: str | None) -> Page[Draft] | None:
            params = {"limit": _DRAFTS_LIMIT} | ({"cursor": onward} if onward else {})
            answer = await self._drafts_answer(access, params)
            return None if answer.status in _ABSENT else self._page(answer, drafts_page)

        return await _read(piece, most_pages, is_enough, search)

    async def draft(self, access: Access, result_id: str) -> Draft | None:
        """Return one finished Sora 2 result, None if the account has none of that id.

        Raises:
            GatewayError(upstream_unreachable): the lists could not be read completely.
        """
        answer = await self._client.get(access, f"/project_y/profile/drafts/v2/{path_part(result_id)}")
        if answer.status not in _ABSENT:
            require_success(answer, self._now())
            try:
                return OneDraft.model_validate(answer.json()).draft
            except (UnreadableError, ValidationError):
                raise unreadable() from None

        def found(reading: Reading[Draft]) -> Draft | None:
            return next((row for row in reading.rows if result_id in (row.id, row.generation_id)), None)

        reading = await self.drafts(
            access, most_pages=_SEARCH_PAGES, is_enough=lambda reading: found(reading) is not None
        )
        draft = found(reading)
        if draft is None and not (reading.exists and reading.is_whole and reading.is_end):
            raise unreadable()
        return draft

    async def _drafts_answer(self, access: Access, params: Mapping[str, str]) -> Answer:
        # Sora web protocol, section 7.3: the newer path, and the older one where that is gone.
        if self._has_new_drafts:
            answer = await self._client.get(access, "/project_y/profile/drafts/v2", params)
            if answer.status not in _ABSENT:
                return answer
        older = await self._client.get(access, "/project_y/profile/drafts", params)
        self._has_new_drafts = not older.is_success
        return older

    def _page(self, answer: Answer, parse: Callable[[Any], Page[Row]]) -> Page[Row]:
        require_success(answer, self._now())
        try:
            return parse(answer.json())
        except UnreadableError:
            raise unreadable() from None


async def _read(
    piece: Callable[[str | None], Awaitable[Page[Row] | None]],
    most_pages: int,
    is_enough: Callable[[Reading[Row]], bool],
    search: Search | None,
) -> Reading[Row]:
    reading: Reading[Row] = Reading(is_end=False)
    onward: str | None = None
    until: float | None = None
    for number in range(max(most_pages, search.most_pages if search else 0)):
        is_usual = number < most_pages
        if search is not None and number == most_pages:
            until = asyncio.get_running_loop().time() + search.within_s
        try:
            async with asyncio.timeout_at(until):
                page = await piece(onward)
        except (GatewayError, TimeoutError):
            if is_usual:
                raise
            break
        if page is None:
            return Reading(exists=False) if is_usual else reading
        rows = (*reading.rows, *page.rows)
        reading = Reading(
            rows=rows,
            usual=len(rows) if is_usual else reading.usual,
            is_whole=reading.is_whole and page.is_whole,
            is_end=page.onward is None,
        )
        if reading.is_end or page.onward == onward or is_enough(reading):
            break
        onward = page.onward
    return reading
