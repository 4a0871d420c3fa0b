"""What is done before a create call, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import InputFile
from sora_gateway.upstreams.sora_web.client import Access, Client
from sora_gateway.upstreams.sora_web.lists import Lists
from sora_gateway.upstreams.sora_web.preparing import Preparer
from tests.upstreams.sora_web.support import NOW, Notes, Script, blob, file_of, http, routing, serving, video

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)
ACCESS = Access(token=Secret("tok-one"))
DRAFT = {"id": "gen_1", "title": "sg-video_1-t1", "post": {"id": "s_1"}, "can_extend": True}


class Inputs:
    """A vault with one content for all."""

    def file(self, blob: Blob) -> InputFile:
        return file_of(blob.name.encode())


async def prepared(
    script: Script, request: GenerationRequest, **settings: Any
) -> tuple[dict[str, str], list[str]]:
    """Return what was prepared, and the paths that were called for it."""
    async with serving(script) as server:
        config = server.config(**settings)
        client = Client(config)
        preparer = Preparer(client, Lists(client, lambda: NOW), config, lambda: NOW)
        try:
            found = await preparer.prepare(request, ACCESS, Inputs(), Notes())
        finally:
            await client.aclose()
        return found, [heard.path.removeprefix("/backend").partition("?")[0] for heard in server.heard]


DRAFT_PATH = "/project_y/profile/drafts/v2/gen_1"


async def test_the_source_comes_before_the_pictures() -> None:
    """Where the source cannot be used nothing is uploaded in vain."""
    script = routing(drafts_v2_gen_1={"draft": DRAFT}, uploads=http({"id": "media_1"}))
    request = video(remix=SOURCE, inputs=(blob(),))
    assert await prepared(script, request) == (
        {"remix_target": "s_1", "upload_0": "media_1"},
        [DRAFT_PATH, "/uploads"],
    )


async def test_a_draft_that_is_named_itself() -> None:
    """Section 6.4: with publishing switched off nothing is asked and nothing is done."""
    found = await prepared(routing(), video(remix=SOURCE), publish="never")
    assert found == ({"remix_target": "gen_1"}, [])
    assert await prepared(routing(), video(remix_post="s_9")) == ({}, [])


@pytest.mark.parametrize(
    ("title", "expected"), [("sg-video_1-t1", {"source_title": "sg-video_1-t1"}), (None, {})]
)
async def test_the_title_of_what_is_extended(title: str | None, expected: dict[str, str]) -> None:
    """It may come back on the longer video."""
    script = routing(drafts_v2_gen_1={"draft": DRAFT | {"title": title}})
    assert await prepared(script, video(extend=SOURCE)) == (expected, [DRAFT_PATH])


@pytest.mark.parametrize(
    "pages",
    [
        {"drafts_v2_gen_1": {"draft": DRAFT | {"can_extend": False, "can_remix": False}}},
        {"drafts_v2": {"items": [{"id": "gen_2"}], "cursor": None}},
    ],
)
async def test_a_source_that_cannot_be_used(pages: dict[str, Any]) -> None:
    """The backend says so, or does not have it: the caller reads which video it is."""
    for request in (video(extend=SOURCE), video(remix=SOURCE)):
        with pytest.raises(GatewayError) as caught:
            await prepared(routing(**pages), request)
        assert caught.value.kind is ErrorKind.UNSUPPORTED
        assert "video_1" in caught.value.message


@pytest.mark.parametrize(
    "uploaded",
    [
        {"id": "media_1", "user_error_message": "We can't use pictures of a face."},
        {"id": "media_1", "contains_realistic_person": True},
    ],
)
async def test_a_picture_that_would_be_refused(uploaded: dict[str, Any]) -> None:
    """Section 4.2: what the upload says of it is told at once."""
    with pytest.raises(GatewayError) as caught:
        await prepared(routing(uploads=uploaded), video(inputs=(blob(),)))
    assert caught.value.kind is ErrorKind.CONTENT_REFUSED
