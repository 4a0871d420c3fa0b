"""Lists are read page by page, as far back as needed, and say how complete they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.redact import Secret
from sora_gateway.upstreams.sora_web.client import Access, Client
from sora_gateway.upstreams.sora_web.lists import Lists, Reading, Search
from sora_gateway.upstreams.sora_web.wire import Task
from tests.upstreams.sora_web.support import NOW, Heard, Script, Server, http, routing, serving

ACCESS = Access(token=Secret("tok"))


@asynccontextmanager
async def reading(script: Script) -> AsyncIterator[tuple[Server, Lists]]:
    async with serving(script) as server:
        client = Client(server.config())
        try:
            yield server, Lists(client, lambda: NOW)
        finally:
            await client.aclose()


def task(task_id: str, at: float | None = None) -> Task:
    return Task.model_validate({"id": task_id, "created_at": at})


@pytest.mark.parametrize(
    ("found", "reaches"),
    [
        (Reading(), True),
        (Reading(rows=(task("a", NOW),)), True),
        (Reading(rows=(task("a", NOW),), is_end=False), False),
        (Reading(rows=(task("a", NOW), task("b", NOW - 1)), is_end=False), False),
        (Reading(rows=(task("a", NOW), task("b", NOW - 11)), is_end=False), True),
        (Reading(rows=(task("a"),), is_end=False), False),
        (Reading(is_whole=False), False),
        (Reading(exists=False), False),
    ],
)
def test_how_far_a_reading_reaches(found: Reading[Task], reaches: bool) -> None:
    """To the end, or past the moment; not at all where entries or the list are missing."""
    assert found.reaches(NOW - 10) is reaches


async def test_pages_are_read_until_enough() -> None:
    """No page more than is asked for, and never more than are allowed."""

    def page(heard: Heard) -> Any:
        number = int(heard.path.partition("before=t")[2] or 0) + 1
        return {"task_responses": [{"id": f"t{number}"}], "has_more": number < 9}

    async with reading(routing(v2_recent_tasks=page)) as (server, lists):

        async def read(most_pages: int, enough: int) -> tuple[int, bool, int]:
            server.heard.clear()
            found = await lists.recent(
                ACCESS, most_pages=most_pages, is_enough=lambda so_far: len(so_far.rows) >= enough
            )
            return len(found.rows), found.is_end, len(server.heard)

        assert await read(40, 1) == (1, False, 1)
        assert await read(40, 4) == (4, False, 4)
        assert await read(3, 99) == (3, False, 3)
        assert await read(40, 99) == (9, True, 9)
    assert "limit=20" in server.heard[0].path


def numbered(heard: Heard) -> Any:
    """Return a page of one draft, and the way to the next."""
    number = int(heard.path.partition("cursor=")[2] or 0) + 1
    return {"items": [{"id": f"g{number}"}], "cursor": str(number)}


async def test_a_search_reads_on() -> None:
    """Up to its own number of pages, until there is enough; the usual rows can be told from the others."""
    search = Search(most_pages=6, within_s=10)
    async with reading(routing(drafts_v2=numbered)) as (server, lists):
        for enough, pages in ((99, 6), (5, 5), (2, 2)):
            server.heard.clear()
            found = await lists.drafts(
                ACCESS,
                most_pages=3,
                is_enough=lambda so_far, enough=enough: len(so_far.rows) >= enough,  # type: ignore[misc]
                search=search,
            )
            assert len(found.rows) == len(server.heard) == pages
            assert [row.id for row in found.rows[: found.usual]] == ["g1", "g2", "g3"][:pages]


@pytest.mark.parametrize("answer", [http({}, 500), http({}, 404), http(b"<html>", 403), http({"x": 1})])
async def test_a_search_that_fails_harms_nothing(answer: bytes) -> None:
    """What the usual pages say stands; among them, the same answer is an error or the list's absence."""

    def page(heard: Heard) -> Any:
        return answer if "cursor=2" in heard.path else numbered(heard)

    async with reading(routing(drafts_v2=page)) as (_, lists):
        found = await lists.drafts(
            ACCESS, most_pages=2, is_enough=lambda _: False, search=Search(most_pages=9, within_s=10)
        )
    assert (len(found.rows), found.exists, found.is_whole, found.is_end) == (2, True, True, False)


async def test_a_search_has_its_time() -> None:
    """A page that does not come in time is gone without."""

    async def script(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard = await server.hear(reader)
            if "cursor=2" in heard.path:
                await asyncio.Event().wait()
            writer.write(http(numbered(heard)))

    async with reading(script) as (_, lists):
        found = await lists.drafts(
            ACCESS, most_pages=2, is_enough=lambda _: False, search=Search(most_pages=9, within_s=0.1)
        )
    assert (len(found.rows), found.is_end) == (2, False)


async def test_a_cursor_that_leads_nowhere_ends_the_reading() -> None:
    """The same cursor twice is no way on, and no end either."""
    page = {"items": [{"id": "g"}], "cursor": "same"}
    async with reading(routing(drafts_v2=page)) as (server, lists):
        found = await lists.drafts(ACCESS, most_pages=40, is_enough=lambda _: False)
    assert (len(server.heard), found.is_end) == (2, False)


async def test_lists_that_do_not_exist() -> None:
    """404 and 410 are an answer: there is no such list here."""
    async with reading(routing(nf_pending_v2=http({}, 410))) as (_, lists):
        assert not (await lists.pending(ACCESS)).exists
        assert not (await lists.recent(ACCESS, most_pages=3, is_enough=lambda _: True)).exists
        assert not (await lists.drafts(ACCESS, most_pages=3, is_enough=lambda _: True)).exists


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http({"error": {"code": "token_expired"}}, 401), ErrorKind.ACCOUNT_AUTH),
        (http(b"<html>", 200, content_type="text/html"), ErrorKind.UPSTREAM_BLOCKED),
        (http({"error": "x"}), ErrorKind.UPSTREAM_UNREACHABLE),
    ],
)
async def test_what_is_no_list_is_an_error(answer: bytes, kind: ErrorKind) -> None:
    """Never an empty list."""
    async with reading(routing(nf_pending_v2=answer)) as (_, lists):
        with pytest.raises(GatewayError) as caught:
            await lists.pending(ACCESS)
    assert caught.value.kind is kind


async def test_one_draft_by_its_id() -> None:
    """Section 7.3: asked for on its own, looked for in the list where that is not known."""
    async with reading(routing(drafts_v2_gen_1={"draft": {"id": "gen_1", "post": "s_1"}})) as (server, lists):
        found = await lists.draft(ACCESS, "gen_1")
    assert (found.post_id if found else None, len(server.heard)) == ("s_1", 1)
    pages = [
        {"items": [{"id": "gen_2"}], "cursor": "p2"},
        {"items": [{"generation_id": "gen_1"}], "cursor": "p3"},
    ]
    async with reading(routing(drafts_v2=lambda _: pages.pop(0))) as (_, lists):
        found = await lists.draft(ACCESS, "gen_1")
    assert found is not None


async def test_a_draft_that_is_not_there() -> None:
    """None is said only when the list was read to its end; otherwise nothing is known."""
    async with reading(routing(drafts_v2={"items": [{"id": "gen_2"}], "cursor": None})) as (_, lists):
        assert await lists.draft(ACCESS, "gen_1") is None
    answers: tuple[dict[str, Any], ...] = (
        {},
        {"drafts_v2": {"items": [{"kind": "sora_draft"}], "cursor": None}},
        {"drafts_v2": {"items": [{"id": "gen_2"}], "cursor": "same"}},
        {"drafts_v2_gen_1": {"draft": None}},
        {"drafts_v2_gen_1": http(b"<html>", 403)},
    )
    for answer in answers:
        async with reading(routing(**answer)) as (_, lists):
            with pytest.raises(GatewayError):
                await lists.draft(ACCESS, "gen_1")
