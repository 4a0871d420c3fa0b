"""Files over a real store and vault: kept as they came, shown to their owner only, removed whole."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.files import StoredFile
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.files import Files
from sora_gateway.engine.inputs import Inputs
from sora_gateway.engine.tools import NodeTools
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.ports.stores import Store
from tests.engine.conftest import Clock, NoFetcher, png
from tests.fakes import FakeGenerations, FakeVault
from tests.media.samples import write_video

ANN = Caller(licence_id="lic_ann", permissions=frozenset())
BOB = Caller(licence_id="lic_bob", permissions=frozenset())
KEPT_S = 100.0


@pytest.fixture
def files(store: Store, tools: NodeTools, media: LocalMediaTools, clock: Clock, tmp_path: Path) -> Files:
    inputs = Inputs(tools.vault, media, NoFetcher(), lambda text, limit, param: None, 10_000)
    return Files(store.files, tools.vault, inputs, FakeGenerations(FakeVault(tmp_path)), clock, KEPT_S)


async def _add(files: Files, data: bytes, caller: Caller = ANN, **options: float) -> StoredFile:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    return await files.add(pieces(), caller, name="a.png", purpose="vision", param="file", **options)  # type: ignore[arg-type]


async def test_kept_as_it_came(files: Files, tools: NodeTools, clock: Clock, tmp_path: Path) -> None:
    """Pictures and clips, with what they turned out to be, for as long as the settings or the caller say."""
    picture = await _add(files, png("green", (64, 48)))
    clip = await _add(files, write_video(tmp_path / "v").read_bytes(), keep_s=5.0)
    assert (picture.blob.media_type, picture.blob.width_px, picture.expires_at) == (
        "image/png",
        64,
        clock() + KEPT_S,
    )
    assert (clip.blob.media_type, clip.expires_at) == ("video/mp4", clock() + 5.0)
    assert clip.blob.duration_s == pytest.approx(2.0, abs=0.11)
    stored = b"".join([piece async for piece in tools.vault.read(picture.blob.name)])
    assert stored == png("green", (64, 48))
    assert await files.get(clip.id, ANN) == clip


async def test_refusals_leave_nothing(files: Files, store: Store, tools: NodeTools) -> None:
    """No picture or one that is too large to be used later: 400, the field named, nothing kept."""
    noise = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(noise, "PNG")
    for data, words in ((b"text", "'file'"), (noise.getvalue(), "MiB")):
        with pytest.raises(GatewayError, match=words) as caught:
            await _add(files, data)
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "file")
    page = await store.files.page(ANN.licence_id, after=None, limit=9, ascending=True)
    assert page is not None
    assert page.files == ()
    assert await tools.vault.names() == []


async def test_only_the_owner_sees_a_file(files: Files, clock: Clock) -> None:
    """Another's and an expired one are unknown, by id and in lists."""
    file = await _add(files, png())
    with pytest.raises(GatewayError) as caught:
        await files.get(file.id, BOB)
    assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(GatewayError):
        await files.delete(file.id, BOB)
    assert (await files.page(BOB, after=None, limit=9, ascending=True)).files == ()
    assert (await files.page(ANN, after=None, limit=9, ascending=True)).files == (file,)
    clock.now_s += KEPT_S
    with pytest.raises(GatewayError):
        await files.get(file.id, ANN)
    assert (await files.page(ANN, after=None, limit=9, ascending=True)).files == ()


async def test_pages(files: Files, clock: Clock) -> None:
    """Each file once, also where those of other purposes lie between."""
    made = []
    for _ in range(5):
        clock.now_s += 1
        made.append(await _add(files, png()))
    seen: list[StoredFile] = []
    while True:
        after = seen[-1].id if seen else None
        page = await files.page(ANN, after=after, limit=2, ascending=True, purpose="vision")
        seen += page.files
        if not page.has_more:
            break
    assert seen == made
    assert (await files.page(ANN, after=None, limit=2, ascending=True, purpose="other")).files == ()
    with pytest.raises(GatewayError) as caught:
        await files.page(ANN, after="file_other", limit=2, ascending=True)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.NOT_FOUND, "after")


async def test_deleted(files: Files, tools: NodeTools) -> None:
    """Bytes and record."""
    file = await _add(files, png())
    await files.delete(file.id, ANN)
    assert await tools.vault.names() == []
    with pytest.raises(GatewayError):
        await files.get(file.id, ANN)


async def test_inputs_are_of_the_kind_that_is_needed(files: Files, tmp_path: Path) -> None:
    """A picture where a picture is needed, a clip where a clip is; else 400 that says what it is."""
    picture = await _add(files, png())
    clip = await _add(files, write_video(tmp_path / "v").read_bytes())
    assert await files.input_of(picture.id, ANN, param="image", kind=MediaKind.IMAGE) == picture.blob
    assert await files.input_of(clip.id, ANN, param="video", kind=MediaKind.VIDEO) == clip.blob
    for file, kind, words in (
        (picture, MediaKind.VIDEO, "must name a video"),
        (clip, MediaKind.IMAGE, "must name a pic"),
    ):
        with pytest.raises(GatewayError, match=words) as caught:
            await files.input_of(file.id, ANN, param="image", kind=kind)
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "image")
