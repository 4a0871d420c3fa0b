"""Prove the promises of ``ports.stores.FileStore``."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.files import StoredFile
from sora_gateway.domain.media import Blob
from sora_gateway.ports.stores import Store

FAR_S = 1000.0
FILE = StoredFile(
    id="file_1",
    owner="lic_a",
    name="猫.png",
    purpose="vision",
    created_at=5.25,
    expires_at=FAR_S,
    blob=Blob(name="files/file_1", media_type="image/png", size_bytes=3, digest="d", width_px=1, height_px=2),
)


async def test_files_come_back_whole(store: Store) -> None:
    """What was put is what is got, until it is removed; the second removal finds nothing."""
    await store.files.put(FILE)
    assert await store.files.get("file_1") == FILE
    assert await store.files.get("file_2") is None
    assert await store.files.remove("file_1") is True
    assert await store.files.remove("file_1") is False
    assert await store.files.get("file_1") is None


async def test_an_owner_pages_through_its_files(store: Store) -> None:
    """By creation time in both directions, without those of others; a removed one is not listed."""
    mine = [replace(FILE, id=f"file_{number}", created_at=float(number)) for number in range(1, 5)]
    gone = replace(FILE, id="file_gone", created_at=2.5)
    for file in (*reversed(mine), gone, replace(FILE, id="file_other", owner="lic_b")):
        await store.files.put(file)
    await store.files.remove(gone.id)
    first = await store.files.page("lic_a", after=None, limit=3, ascending=False)
    assert first is not None
    assert (list(first.files), first.has_more) == ([mine[3], mine[2], mine[1]], True)
    last = await store.files.page("lic_a", after="file_2", limit=3, ascending=False)
    assert last is not None
    assert (list(last.files), last.has_more) == ([mine[0]], False)
    up = await store.files.page("lic_a", after="file_2", limit=2, ascending=True)
    assert up is not None
    assert (list(up.files), up.has_more) == (mine[2:], False)
    assert await store.files.page("lic_a", after="file_other", limit=3, ascending=True) is None
    assert await store.files.page("lic_a", after="file_gone", limit=3, ascending=True) is None


async def test_files_expire_by_the_clock_of_the_store(store: Store) -> None:
    """Those past their time, at most as many as asked for, until they are removed."""
    now_s = await store.time()
    over = [replace(FILE, id=f"file_{number}", expires_at=now_s - 10 + number) for number in range(3)]
    for file in (*over, replace(FILE, id="file_later", expires_at=now_s + FAR_S)):
        await store.files.put(file)
    assert await store.files.expired(2) == over[:2]
    assert await store.files.expired(10) == over
    await store.files.remove("file_0")
    assert await store.files.expired(10) == over[1:]
