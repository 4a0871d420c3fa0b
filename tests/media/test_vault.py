"""Files are in the vault whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media.vault import CHUNK_BYTES, LocalVault, LocalWriter, _Incoming, _on_disk, _place_once
from sora_gateway.ports.media import LocalFile, MediaFacts, Vault

FACTS = MediaFacts(media_type="video/mp4", width_px=720, height_px=1280, duration_s=10.0)
NAME = "ab/job_x/video.1"


@pytest.fixture
async def vault(tmp_path: Path) -> LocalVault:
    vault = LocalVault(tmp_path / "vault")
    await vault.open()
    return vault


async def put(vault: LocalVault, name: str, data: bytes) -> None:
    async with vault.writer(name) as writer:
        await writer.write(data)
        await writer.commit(FACTS)


async def read_all(vault: LocalVault, name: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in vault.read(name, start, end)])


def leftovers(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "vault").rglob("*") if path.is_file() and path.name != "vault.id"]


async def test_commit_makes_the_file_visible_with_its_facts(vault: LocalVault, tmp_path: Path) -> None:
    """The blob tells size, digest and facts; before the commit there is nothing under the name."""
    port: Vault = vault
    async with port.writer(NAME) as writer:
        await writer.write(b"hello ")
        await writer.write(b"world")
        assert writer.path.read_bytes() == b"hello world"  # may be decoded before it is committed
        assert await vault.size(NAME) is None
        blob = await writer.commit(FACTS)
    assert (blob.name, blob.size_bytes, blob.media_type) == (NAME, 11, "video/mp4")
    assert (blob.width_px, blob.height_px, blob.duration_s) == (720, 1280, 10.0)
    assert blob.digest == hashlib.sha256(b"hello world").hexdigest()
    assert await vault.size(NAME) == 11
    assert vault.local_path(NAME) == tmp_path / "vault" / NAME
    assert leftovers(tmp_path) == [tmp_path / "vault" / NAME]


@pytest.mark.parametrize("failure", [None, ValueError("decoding failed"), asyncio.CancelledError()])
async def test_without_commit_nothing_is_left(
    vault: LocalVault, tmp_path: Path, failure: BaseException | None
) -> None:
    """Leaving the block early, by any door, removes what was written."""

    async def leave() -> None:
        async with vault.writer(NAME) as writer:
            await writer.write(b"x" * 1000)
            if failure is not None:
                raise failure

    if failure is None:
        await leave()
    else:
        with pytest.raises(type(failure)):
            await leave()
    assert leftovers(tmp_path) == []


async def test_cancelling_a_write_leaves_nothing(vault: LocalVault, tmp_path: Path) -> None:
    """A hang-up in the middle of a large write ends it, then the file is removed."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(put(vault, NAME, b"x" * 30_000_000))
        await asyncio.sleep(0.01)
        task.cancel()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "video",
        "vault.id",
        "/ab/x",
        "ab//x",
        "ab/../x",
        "../x",
        "ab/..",
        "ab/x/",
        "ab/.hidden",
        ".incoming/x",
        "ab/a..b",
        "AB/x",
        "ab/x y",
        "ab/x\n",
        "ab/ü",
        "ab\\x",
        "ab/x\0",
        "a/" * 150 + "x",
    ],
)
async def test_other_names_are_mistakes(vault: LocalVault, name: str) -> None:
    """Nothing outside the folder and nothing of the vault's own can be named."""
    for use in (vault.writer, vault.local_path, vault.read):
        with pytest.raises(ValueError, match="not a name for the vault"):
            await anext(vault.read(name)) if use == vault.read else use(name)
    for awaitable in (vault.size(name), vault.delete(name)):
        with pytest.raises(ValueError, match="not a name for the vault"):
            await awaitable


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (1, None), (0, 0), (5, 6), (CHUNK_BYTES - 1, CHUNK_BYTES + 1), (0, 10**9)]
)
async def test_reads_any_range(vault: LocalVault, start: int, end: int | None) -> None:
    """A range is what Python's slice of the same bytes is, in pieces of bounded size."""
    data = os.urandom(2 * CHUNK_BYTES + 17)
    await put(vault, NAME, data)
    assert await read_all(vault, NAME, start, end) == data[start:end]
    assert max([len(chunk) async for chunk in vault.read(NAME)]) == CHUNK_BYTES


async def test_a_read_survives_the_delete(vault: LocalVault, tmp_path: Path) -> None:
    """Who reads already gets the rest; who comes later gets not_found."""
    data = os.urandom(2 * CHUNK_BYTES)
    await put(vault, NAME, data)
    reading = vault.read(NAME)
    first = await anext(reading)
    await vault.delete(NAME)
    await vault.delete(NAME)
    assert first + b"".join([chunk async for chunk in reading]) == data
    assert not (tmp_path / "vault" / "ab").exists()
    with pytest.raises(GatewayError) as raised:
        await read_all(vault, NAME)
    assert raised.value.kind is ErrorKind.NOT_FOUND


async def test_delete_keeps_the_neighbours(vault: LocalVault) -> None:
    """Only the named file goes, and a folder only with its last file."""
    await put(vault, NAME, b"1")
    await put(vault, "ab/job_x/video.2", b"2")
    await vault.delete(NAME)
    assert await vault.names() == ["ab/job_x/video.2"]


async def test_the_id_stays(tmp_path: Path) -> None:
    """Opening again, from anywhere, gives the same id; another folder has another one."""
    first, again, other = (LocalVault(tmp_path / name) for name in ("a", "a", "b"))
    assert await first.open() == await again.open() != await other.open()


def test_two_processes_make_one_id(tmp_path: Path) -> None:
    """Processes that open a new vault at the same instant agree on its id."""
    script = (
        "import asyncio, sys; from pathlib import Path; from sora_gateway.media.vault import LocalVault;"
        "sys.stdin.read(); print(asyncio.run(LocalVault(Path(sys.argv[1])).open()))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "vault")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    answers = {process.communicate()[0] for process in processes}
    assert len(answers) == 1
    assert answers.pop().startswith("vault_")


def test_the_id_is_made_once_without_hard_links(tmp_path: Path) -> None:
    """Where linking fails, the file is made exclusively; an id that is there already wins."""
    nowhere = tmp_path / "missing"  # linking from it fails like a file system that has no links
    _place_once(nowhere, tmp_path / "vault.id", "first")
    _place_once(nowhere, tmp_path / "vault.id", "second")
    assert (tmp_path / "vault.id").read_text() == "first"


async def test_a_damaged_id_is_said(tmp_path: Path) -> None:
    """An empty or foreign id file never becomes an identity."""
    (tmp_path / "vault.id").write_text("")
    with pytest.raises(GatewayError, match=r"vault\.id") as raised:
        await LocalVault(tmp_path).open()
    assert raised.value.kind is ErrorKind.STORAGE_UNAVAILABLE


async def test_waits_for_an_id_that_is_being_written(tmp_path: Path) -> None:
    """A reader that sees the file before its text (no hard links) waits a moment."""
    path = tmp_path / "vault.id"
    path.touch()
    threading.Timer(0.1, path.write_text, ["vault_" + "0" * 26]).start()
    assert await LocalVault(tmp_path).open() == "vault_" + "0" * 26


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A vault below a file cannot be opened, and the message does not show where it should be."""
    (tmp_path / "file").touch()
    with pytest.raises(GatewayError) as raised:
        await LocalVault(tmp_path / "file" / "vault").open()
    assert raised.value.kind is ErrorKind.STORAGE_UNAVAILABLE
    assert str(tmp_path) not in raised.value.message


async def test_a_folder_that_goes_away(vault: LocalVault, tmp_path: Path) -> None:
    """A lost folder is storage_unavailable when a file is begun and when it is committed."""
    async with vault.writer(NAME) as writer:
        shutil.rmtree(tmp_path / "vault")
        with pytest.raises(GatewayError) as at_commit:
            await writer.commit(FACTS)
    with pytest.raises(GatewayError) as at_start:
        await put(vault, NAME, b"x")
    assert at_commit.value.kind is at_start.value.kind is ErrorKind.STORAGE_UNAVAILABLE
    assert not (tmp_path / "vault").exists()  # perhaps a mount: never made again by accident


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk(vault: LocalVault, tmp_path: Path) -> None:
    """ENOSPC says so, and the half-written file is removed."""

    def divert(incoming: _Incoming) -> None:
        assert incoming._file is not None
        incoming._file.close()
        incoming._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed by the writer

    async def write() -> None:
        async with vault.writer(NAME) as writer:
            assert isinstance(writer, LocalWriter)
            divert(writer._incoming)
            await writer.write(b"x")

    with pytest.raises(GatewayError, match="disk is full") as raised:
        await write()
    assert raised.value.kind is ErrorKind.STORAGE_UNAVAILABLE
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EROFS, "read-only"), (errno.EDQUOT, "quota"), (errno.ENOTCONN, "refused")]
)
async def test_every_os_error_has_words(number: int, words: str) -> None:
    """Whatever the operating system says becomes storage_unavailable with a reason."""

    def fail() -> None:
        raise OSError(number, "raw", "/secret/path")

    with pytest.raises(GatewayError, match=words) as raised:
        await _on_disk(fail)
    assert raised.value.kind is ErrorKind.STORAGE_UNAVAILABLE
    assert "/secret" not in raised.value.message


async def test_sweep_removes_only_what_is_stale(tmp_path: Path) -> None:
    """What a killed node left half-written goes after its time; younger files and blobs stay."""
    now = 0.0
    vault = LocalVault(tmp_path / "vault", now=lambda: now)
    await vault.open()
    await put(vault, NAME, b"kept")
    for age, name in ((100, "old"), (10, "young")):
        path = tmp_path / "vault" / ".incoming" / name
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    now = 1000.0
    assert await vault.sweep(older_than_s=50) == 1
    assert sorted(path.name for path in leftovers(tmp_path)) == ["video.1", "young"]


async def test_names_by_age(tmp_path: Path) -> None:
    """The garbage collector sees blobs of a given age, never the vault's own files."""
    now = 2000.0
    vault = LocalVault(tmp_path / "vault", now=lambda: now)
    await vault.open()
    for age, name in ((100, "in/old"), (10, "in/young")):
        await put(vault, name, b"x")
        os.utime(tmp_path / "vault" / name, (2000 - age, 2000 - age))
    assert await vault.names(older_than_s=50) == ["in/old"]
    assert await vault.names() == ["in/old", "in/young"]


async def test_many_writers_and_deleters_share_a_folder(vault: LocalVault) -> None:
    """A folder that one removes because it is empty is made again for the other."""

    async def write_and_delete(number: int) -> None:
        for _ in range(20):
            await put(vault, f"ab/job_x/video.{number}", b"x")
            await vault.delete(f"ab/job_x/video.{number}")

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(write_and_delete(number))
    assert await vault.names() == []


# --- files that come in before they have a name -----------------------------------------------------------


async def test_what_came_in_is_kept_without_a_copy(vault: LocalVault, tmp_path: Path) -> None:
    """Kept once or several times it is the same bytes on disk, which stay when the spool goes."""
    port: Vault = vault
    async with port.spool() as spool:
        await spool.write([b"hello ", b"", b"wor"])
        await spool.write([b"ld"])
        file = spool.file()
        assert file.path.read_bytes() == b"hello world"
        assert (file.size_bytes, file.digest) == (11, hashlib.sha256(b"hello world").hexdigest())
        blobs = [await port.keep(name, file, FACTS) for name in (NAME, "inputs/one", "inputs/one")]
    assert not file.path.exists()
    assert {(blob.size_bytes, blob.digest, blob.media_type) for blob in blobs} == {
        (11, file.digest, "video/mp4")
    }
    paths = [tmp_path / "vault" / name for name in (NAME, "inputs/one")]
    assert sorted(leftovers(tmp_path)) == sorted(paths)
    assert len({path.stat().st_ino for path in paths}) == 1
    await port.delete(NAME)
    assert await read_all(vault, "inputs/one") == b"hello world"


async def test_what_is_not_kept_is_gone(vault: LocalVault, tmp_path: Path) -> None:
    """Also when the block ends badly, and nothing was written."""
    async with vault.spool() as spool:
        assert spool.file().size_bytes == 0

    async def broken() -> None:
        async with vault.spool() as spool:
            await spool.write([b"x"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert leftovers(tmp_path) == []


async def test_a_second_name_is_as_new_as_the_call(vault: LocalVault, tmp_path: Path) -> None:
    """An input that shares its bytes with an old file must not look forgotten."""
    await put(vault, NAME, b"x")
    path = tmp_path / "vault" / NAME
    os.utime(path, (1, 1))
    file = LocalFile(path=path, size_bytes=1, digest="0" * 64)
    await vault.keep("inputs/one", file, FACTS)
    assert "inputs/one" not in await vault.names(older_than_s=3600)


async def test_another_file_system_takes_a_copy(
    vault: LocalVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no links between the two, or none at all."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "no link")

    source = tmp_path / "elsewhere"
    source.write_bytes(b"abc")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    await vault.keep(NAME, LocalFile(path=source, size_bytes=3, digest="0" * 64), FACTS)
    assert await read_all(vault, NAME) == b"abc"
    assert leftovers(tmp_path) == [tmp_path / "vault" / NAME]


async def test_keeping_what_is_gone(vault: LocalVault, tmp_path: Path) -> None:
    """It is said of the file, and of a lost folder that it is lost."""
    gone = LocalFile(path=tmp_path / "vault" / "a" / "b", size_bytes=1, digest="0" * 64)
    with pytest.raises(GatewayError) as caught:
        await vault.keep(NAME, gone, FACTS)
    assert caught.value.kind is ErrorKind.NOT_FOUND
    there = tmp_path / "there"
    there.write_bytes(b"x")
    shutil.rmtree(tmp_path / "vault")
    with pytest.raises(GatewayError) as caught:
        await vault.keep(NAME, LocalFile(path=there, size_bytes=1, digest="0" * 64), FACTS)
    assert caught.value.kind is ErrorKind.STORAGE_UNAVAILABLE
    with pytest.raises(GatewayError):
        async with vault.spool():
            pass
