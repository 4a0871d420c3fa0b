"""Reference pictures are checked and stored before a job is accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.engine.inputs import MAX_CLIP_BYTES, Inputs
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.media import LocalFile
from tests.engine.conftest import NoFetcher, png
from tests.media.samples import write_video


async def _inputs(tmp_path: Path, limit: int = 1_000_000) -> Inputs:
    vault = LocalVault(tmp_path)
    await vault.open()

    def inline(text: str, limit_bytes: int, param: str) -> bytes | None:
        return png() if text == "inline" else None

    return Inputs(vault, LocalMediaTools(), NoFetcher(), inline, limit)


async def _read(inputs: Inputs, blob: Blob) -> bytes:
    file = inputs.file(blob)
    data = b"".join([piece async for piece in file.pieces])
    assert len(data) == file.size_bytes
    return data


async def _nobodys(url: str) -> Blob | None:
    return None


async def test_stored_as_it_came(tmp_path: Path) -> None:
    """The bytes are kept unchanged, with what they turned out to be."""
    inputs = await _inputs(tmp_path)
    blob = await inputs.store(png("green", (64, 48)), param="image")
    assert (blob.media_type, blob.width_px, blob.height_px) == ("image/png", 64, 48)
    assert await _read(inputs, blob) == png("green", (64, 48))


@pytest.mark.parametrize(
    ("data", "words"), [(b"just text", "PNG"), (png()[:60], "'image'"), (b"x" * 2_000_000, "MiB")]
)
async def test_refusals_name_the_field(tmp_path: Path, data: bytes, words: str) -> None:
    """No picture, half a picture, too much of one: 400, the field named, what would be right said."""
    inputs = await _inputs(tmp_path)
    with pytest.raises(GatewayError, match=words) as caught:
        await inputs.store(data, param="image")
    assert caught.value.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.param == "image"


async def test_sources_in_order(tmp_path: Path) -> None:
    """Inline data needs no fetch, an own link is read from the vault, everything else is fetched."""
    inputs = await _inputs(tmp_path)
    inline = await inputs.fetch("inline", _nobodys, param="image")

    async def own(url: str) -> Blob | None:
        return inline

    copied = await inputs.fetch("https://here/v1/files/x", own, param="image")
    assert copied.digest == inline.digest
    assert copied.name != inline.name
    with pytest.raises(GatewayError, match="not fetched"):
        await inputs.fetch("https://elsewhere/x.png", _nobodys, param="image")


async def test_clips_from_everywhere(tmp_path: Path) -> None:
    """Bytes, pieces and an own link: the content decides the type, the bytes are kept unchanged."""
    inputs, data = await _inputs(tmp_path), write_video(tmp_path / "v").read_bytes()

    async def pieces() -> AsyncIterator[bytes]:
        yield data[:100]
        yield data[100:]

    whole = await inputs.store_clip(data, param="video")
    joined = await inputs.store_clip(pieces(), param="video")

    async def own(url: str) -> Blob | None:
        return whole

    copied = await inputs.fetch_clip("https://here/v1/files/x", own, param="video")
    assert (whole.media_type, whole.width_px, whole.height_px) == ("video/mp4", 90, 160)
    assert {whole.digest, joined.digest, copied.digest} == {whole.digest}
    assert len({whole.name, joined.name, copied.name}) == 3
    assert await _read(inputs, joined) == data
    with pytest.raises(GatewayError, match="not fetched"):
        await inputs.fetch_clip("https://elsewhere/x.mp4", _nobodys, param="video")


async def test_what_is_no_clip(tmp_path: Path) -> None:
    """A picture in place of a clip, also inline: 400, the field named."""
    inputs = await _inputs(tmp_path)
    for attempt in (
        inputs.store_clip(png(), param="video"),
        inputs.fetch_clip("inline", _nobodys, param="video"),
    ):
        with pytest.raises(GatewayError, match=r"'video' is not usable: .* not an mp4") as caught:
            await attempt
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "video")


async def test_a_clip_without_end_is_cut_short(tmp_path: Path) -> None:
    """More than is allowed is not written on."""
    inputs, sent = await _inputs(tmp_path), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**24
            yield bytes(2**24)

    with pytest.raises(GatewayError, match="100 MiB"):
        await inputs.store_clip(endless(), param="video")
    assert sent <= MAX_CLIP_BYTES + 2**24
    assert list((tmp_path / ".incoming").iterdir()) == []


async def _came_in(vault: LocalVault, stack: AsyncExitStack, data: bytes) -> LocalFile:
    spool = await stack.enter_async_context(vault.spool())
    await spool.write([data])
    return spool.file()


async def test_files_are_checked_where_they_lie(tmp_path: Path) -> None:
    """A picture, a clip or a file that came in on disk is kept as it is; what it is not is said."""
    inputs, clip = await _inputs(tmp_path, limit=1_000_000), write_video(tmp_path / "v").read_bytes()
    vault = LocalVault(tmp_path)
    async with AsyncExitStack() as stack:
        picture, video, text, large = [
            await _came_in(vault, stack, data) for data in (png(), clip, b"just text", bytes(1_000_001))
        ]
        stored = [
            await inputs.store(picture, param="image"),
            await inputs.store_clip(video, param="video"),
            await inputs.store_file("files/a", picture, param="file"),
        ]
        for failing, words in ((text, "not usable as a picture"), (large, "MiB"), (video, "'image'")):
            with pytest.raises(GatewayError, match=words) as caught:
                await inputs.store(failing, param="image")
            assert caught.value.kind is ErrorKind.INVALID_REQUEST
        with pytest.raises(GatewayError, match="'video' is not usable"):
            await inputs.store_clip(picture, param="video")
    assert [await _read(inputs, blob) for blob in stored] == [png(), clip, png()]
    assert {path.name for path in (tmp_path / "inputs").iterdir()} == {
        blob.name.partition("/")[2] for blob in stored[:2]
    }


@pytest.mark.parametrize("is_local", [True, False])
async def test_stored_files_get_a_copy_of_their_own(
    tmp_path: Path, is_local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which stays when the first is removed, wherever the vault is; one that is gone is said."""
    inputs, vault = await _inputs(tmp_path), LocalVault(tmp_path)
    first = await inputs.store(png(), param="image")
    if not is_local:
        monkeypatch.setattr(LocalVault, "local_path", lambda *_: None)
    copy = await inputs.store(first, param="image")
    await vault.delete(first.name)
    assert copy.name != first.name
    assert (copy.digest, copy.width_px) == (first.digest, first.width_px)
    assert await _read(inputs, copy) == png()
    with pytest.raises(GatewayError) as caught:
        await inputs.store(first, param="image")
    assert caught.value.kind is ErrorKind.NOT_FOUND
