"""A video is published at most once, whatever becomes of the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.requests import Source
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import StepLostError
from sora_gateway.upstreams.sora_web.client import Access, Client
from sora_gateway.upstreams.sora_web.lists import Lists
from sora_gateway.upstreams.sora_web.publishing import Publisher
from tests.upstreams.sora_web.support import NOW, Notes, Server, answering, http, serving

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)
ACCESS = Access(token=Secret("tok-one"))
LOST, HANG = b"", b"never"
TOO_EARLY = http({"error": {"code": "invalid_request", "message": "Unable to process request"}}, 400)


@dataclass
class Backend:
    """A backend with one draft. ``replies`` are those to publications, in order; ``LOST`` and ``HANG``: none
    comes, and the connection ends or stays.

    A publication that is taken shows on the draft after ``lag`` more reads of it; ``arrives`` False: it
    never gets there.
    """

    replies: list[bytes] = field(default_factory=list)
    lag: int = 0
    arrives: bool = True
    posts: int = 0
    reads: int = 0
    hung: asyncio.Event = field(default_factory=asyncio.Event)
    draft: dict[str, Any] = field(default_factory=lambda: {"id": "gen_1", "post": None})

    async def script(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            heard = await server.hear(reader)
            path = heard.path.removeprefix("/backend")
            if path == "/project_y/post":
                self.posts += 1
                self.reads = 0
                reply = self.replies.pop(0) if self.replies else http({"post": {"id": f"s_{self.posts}"}})
                if reply == LOST:
                    return
                if reply == HANG:
                    self.hung.set()
                    await reader.read()
                    return
            elif path == "/project_y/profile/drafts/v2/gen_1":
                is_shown = self.posts and self.arrives and self.reads >= self.lag
                self.reads += 1
                shown = {"post": {"id": f"s_{self.posts}"}} if is_shown else {}
                reply = http({"draft": self.draft | shown})
            elif path.startswith("/project_y/post/"):
                reply = http({"post": {"id": path.rpartition("/")[2]}})
            else:
                reply = http({"error": {"message": "Not found."}}, 404)
            writer.write(reply)
            await writer.drain()


@asynccontextmanager
async def publishing(backend: Backend, **settings: Any) -> AsyncIterator[Publisher]:
    async with serving(backend.script) as server:
        config = server.config(**settings)
        client = Client(config)
        try:
            yield Publisher(client, Lists(client, lambda: NOW), config, lambda: NOW)
        finally:
            await client.aclose()


async def test_a_video_that_is_published_already() -> None:
    """Its post is used and nothing is written down, for nothing was done."""
    backend, notes = Backend(draft={"id": "gen_1", "post": {"id": "s_9"}}), Notes()
    async with publishing(backend) as publisher:
        assert await publisher.post_of(SOURCE, ACCESS, notes) == "s_9"
    assert (backend.posts, notes.known) == (0, {"post": "s_9"})


async def test_the_intent_is_written_before_and_the_post_after() -> None:
    """Whoever takes over between the two sees that a publication may have left."""
    backend = Backend(replies=[http({"error": {"code": "token_expired"}}, 401)], arrives=False)
    notes = Notes()
    async with publishing(backend) as publisher:
        with pytest.raises(GatewayError):
            await publisher.post_of(SOURCE, ACCESS, notes)
        assert notes.known == {"publish": "gen_1"}
        assert await publisher.post_of(SOURCE, ACCESS, notes) == "s_2"
    assert notes.known == {"publish": "gen_1", "post": "s_2"}


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize(
    "reply", [LOST, http(b"<html>Bad gateway", 502), http({}), http({"post": {"id": "s_1"}}, length=999)]
)
async def test_a_lost_answer_is_looked_for_on_the_draft(reply: bytes, lag: int) -> None:
    """The post shows there, at once or after some reads: there is one."""
    backend = Backend(replies=[reply], lag=lag)
    async with publishing(backend, create_timeout_s=0.3) as publisher:
        assert await publisher.post_of(SOURCE, ACCESS, Notes()) == "s_1"
    assert backend.posts == 1


async def test_a_publication_that_never_arrived_is_made_again() -> None:
    """After as many complete reads as the settings say; in the end it is given up."""
    backend = Backend(replies=[LOST], arrives=False)
    async with publishing(backend) as publisher:
        assert await publisher.post_of(SOURCE, ACCESS, Notes()) == "s_2"
    assert backend.posts == 2
    backend = Backend(replies=[LOST] * 9, arrives=False)
    async with publishing(backend) as publisher:
        with pytest.raises(GatewayError) as caught:
            await publisher.post_of(SOURCE, ACCESS, Notes())
    assert caught.value.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert (backend.posts, backend.reads) == (5, 4)


async def test_whoever_takes_over_looks_before_publishing() -> None:
    """The one before was stopped when the call had left: the post shows late, and is found."""
    backend, notes = Backend(replies=[HANG], lag=3), Notes()
    async with publishing(backend) as publisher, asyncio.TaskGroup() as group:
        task = group.create_task(publisher.post_of(SOURCE, ACCESS, notes))
        await backend.hung.wait()
        task.cancel()
    assert notes.known == {"publish": "gen_1"}
    async with publishing(backend) as publisher:
        assert await publisher.post_of(SOURCE, ACCESS, notes) == "s_1"
    assert backend.posts == 1


async def test_a_draft_that_is_too_new() -> None:
    """Refused so, it is tried again with the pauses of section 8.1, and the last refusal is told."""
    backend = Backend(replies=[TOO_EARLY] * 4)
    async with publishing(backend) as publisher:
        assert await publisher.post_of(SOURCE, ACCESS, Notes()) == "s_5"
    backend = Backend(replies=[TOO_EARLY] * 9)
    async with publishing(backend, publish_pauses_s=(0.0, 0.0)) as publisher:
        with pytest.raises(GatewayError):
            await publisher.post_of(SOURCE, ACCESS, Notes())
    assert backend.posts == 3


async def test_a_draft_that_may_not_be_remixed() -> None:
    """What the backend says of it is believed."""
    backend = Backend(draft={"id": "gen_1", "can_remix": False})
    async with publishing(backend) as publisher:
        with pytest.raises(GatewayError) as caught:
            await publisher.post_of(SOURCE, ACCESS, Notes())
    assert (caught.value.kind, backend.posts) == (ErrorKind.UNSUPPORTED, 0)


async def test_a_job_that_has_ended_publishes_nothing() -> None:
    """The intent cannot be written: the step stops there."""
    backend = Backend()
    async with publishing(backend) as publisher:
        with pytest.raises(StepLostError):
            await publisher.post_of(SOURCE, ACCESS, Notes(is_lost=True))
    assert backend.posts == 0


async def test_several_at_once_share_one_publication() -> None:
    """Even where the draft is slow to show its post."""
    backend = Backend(lag=99)
    async with publishing(backend) as publisher, asyncio.TaskGroup() as group:
        tasks = [group.create_task(publisher.post_of(SOURCE, ACCESS, Notes())) for _ in range(4)]
    assert {task.result() for task in tasks} == {"s_1"}
    assert backend.posts == 1


async def test_a_look_that_fails_proves_nothing() -> None:
    """Where the draft cannot be read nothing is published."""
    async with serving(answering(http({"error": {"code": "x"}}, 500))) as server:
        client = Client(server.config())
        publisher = Publisher(client, Lists(client, lambda: NOW), server.config(), lambda: NOW)
        with pytest.raises(GatewayError):
            await publisher.post_of(SOURCE, ACCESS, Notes(known={"publish": "gen_1"}))
        await client.aclose()
    assert all("post" not in heard.path for heard in server.heard)
