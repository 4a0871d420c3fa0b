"""Pictures as whole bytes, in the format asked for."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from anyio import Path as AsyncPath
from PIL import Image

from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.web.pictures import ENCODINGS, converted, embedded, picture, preview, read_whole
from tests.fakes import PNG
from tests.gateway import Gateway, build_gateway


@pytest.mark.parametrize("encoding", [None, "png"])
async def test_as_it_is(gateway: Gateway, encoding: str | None) -> None:
    """No work for what has the right format already."""
    blob = gateway.vault.put("a/b", PNG, "image/png")
    assert await picture(gateway.app.state.services, blob, encoding) == PNG
    assert await read_whole(gateway.app.state.services, blob) == PNG


@pytest.mark.parametrize("is_local", [True, False])
async def test_converted(gateway: Gateway, is_local: bool) -> None:
    """Wherever the vault lies; a copy that was needed is gone afterwards."""
    gateway.vault.is_local = is_local
    blob = gateway.vault.put("a/b", PNG, "image/png")
    source = await converted(gateway.app.state.services, blob, "webp")
    assert (source.data, source.media_type, source.size_bytes) == (b"webp:" + PNG, "image/webp", len(PNG) + 5)
    assert source.digest != blob.digest
    assert [path.exists() for path in gateway.tools.copies] == ([] if is_local else [False])


@pytest.mark.parametrize(("encoding", "data"), [(None, PNG), ("png", PNG), ("webp", b"webp:" + PNG)])
async def test_embedded(gateway: Gateway, encoding: str | None, data: bytes) -> None:
    """As it is, or as asked for."""
    blob = gateway.vault.put("a/b", PNG, "image/png")
    file = await embedded(gateway.app.state.services, blob, encoding)
    assert base64.b64decode(await file.text()) == data


@pytest.mark.parametrize("is_local", [True, False])
async def test_preview(gateway: Gateway, is_local: bool) -> None:
    """A thumbnail in the format asked for; whatever was written for it is gone afterwards."""
    gateway.vault.is_local = is_local
    blob = gateway.vault.put("a/b", PNG, "image/png")
    assert await preview(gateway.app.state.services, blob, "jpeg") == b"jpeg:thumbnail"
    assert [await AsyncPath(path).exists() for path in gateway.tools.copies] == [False]


@pytest.mark.parametrize("encoding", list(ENCODINGS))
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
async def test_preview_is_smaller(tmp_path: Path, encoding: str, mode: str) -> None:
    """Real pictures: the shape stays, the size goes down, the bytes are of the format asked for."""
    tools = LocalMediaTools()
    gateway = await build_gateway(tmp_path, tools=tools)
    gateway.vault.is_local = False
    out = io.BytesIO()
    Image.new(mode, (1536, 1024), "teal").save(out, "PNG")
    blob = gateway.vault.put("a/b", out.getvalue(), "image/png")
    with Image.open(io.BytesIO(await preview(gateway.app.state.services, blob, encoding))) as small:
        assert (small.format, max(small.size)) == (encoding.upper(), 640)
        assert abs(small.width / small.height - 1.5) < 0.01
    tools.close()
