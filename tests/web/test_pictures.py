"""Pictures as whole bytes, in the format asked for."""

from __future__ import annotations

import pytest

from sora_gateway.web.pictures import converted, picture, read_whole
from tests.fakes import PNG
from tests.gateway import Gateway


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
