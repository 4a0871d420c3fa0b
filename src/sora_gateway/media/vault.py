"""Keep files in a folder, whole or not at all, for every node that shares the folder."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.kit.clock import Now, system_now
from sora_gateway.kit.ids import new_id
from sora_gateway.media.threads import in_thread
from sora_gateway.ports.media import LocalFile, MediaFacts, Spool, VaultWriter

T = TypeVar("T")

CHUNK_BYTES = 256 * 1024
"""How much is read at a time. Writers hand on what they are given: give them pieces of about this size."""

_ID_FILE = "vault.id"
_ID = re.compile(r"vault_[0-9a-z]{26}")
_INCOMING = ".incoming"  # names cannot start with a dot, so nothing can be stored in there
_NAME = re.compile(r"[a-z0-9_-][a-z0-9_.-]*(?:/[a-z0-9_-][a-z0-9_.-]*)+")
_ID_WAIT_S = 1.0
_MOVES = 10

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too large for the file system",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.ENOENT: "the folder is gone",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EIO: "the disk reports errors",
    errno.ESTALE: "the network folder went away",
}


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn what the operating system says into the error that callers decide by."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, "the operating system refused")
        raise GatewayError(
            ErrorKind.STORAGE_UNAVAILABLE, f"The media folder cannot be used: {reason}."
        ) from error


async def _on_disk(work: Callable[[], T]) -> T:
    with _disk_errors():
        return await in_thread(work)


def _checked(name: str) -> str:
    """Return ``name`` if it is one that the gateway makes.

    Raises:
        ValueError: it is not; names never come from callers, so this is a mistake in the gateway.
    """
    if len(name) > 200 or not _NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"not a name for the vault: {name!r}")
    return name


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folders(folder: Path, root: Path) -> None:
    """Make ``folder`` and those above it up to ``root``, which must be there: it may be a lost mount."""
    if folder != root and not folder.is_dir():
        _make_folders(folder.parent, root)
        folder.mkdir(exist_ok=True)


def _move(path: Path, target: Path, root: Path) -> None:
    """Give ``path`` its name, though somebody may remove the empty folder that was made for it."""
    for attempt in range(_MOVES):
        try:
            _make_folders(target.parent, root)
            path.replace(target)
        except FileNotFoundError:
            if attempt == _MOVES - 1 or not path.exists():
                raise
        else:
            return


def _place(path: Path, target: Path, root: Path) -> None:
    """Give ``path`` its name and make the name durable."""
    _move(path, target, root)
    for folder in target.parents:
        _sync_folder(folder)
        if folder == root:
            break


def _keep(source: Path, aside: Path, target: Path, root: Path) -> None:
    """Make ``source`` durable under ``target`` too, by way of ``aside``."""
    try:
        _link_or_copy(source, aside)
        # A link is as old as its file, but what is new here must not look forgotten to a sweep.
        os.utime(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        _place(aside, target, root)
    finally:
        aside.unlink(missing_ok=True)


def _link_or_copy(source: Path, aside: Path) -> None:
    try:
        aside.hardlink_to(source)
    except OSError as error:
        if not source.exists():
            raise _gone() from error
        if not aside.parent.exists():
            raise
        shutil.copyfile(source, aside)  # another file system, or one without hard links


class _Incoming:
    """A temporary file and its running digest. Blocking; one call at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None

    def open(self) -> None:
        self._file = self.path.open("xb", buffering=0)

    def append(self, chunk: bytes) -> None:
        if self._file is None:
            raise ValueError("the file is not open for writing")
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def publish(self, target: Path, root: Path) -> str:
        """Make the file durable under ``target``; return its digest."""
        if self._file is None:
            raise ValueError("the file is not open for writing")
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        _place(self.path, target, root)
        self.path = target
        return self.digest()

    def digest(self) -> str:
        return self._digest.hexdigest()

    def discard(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        finally:
            self._file = None
            self.path.unlink(missing_ok=True)


class LocalWriter:
    """Write one file; see ``ports.media.VaultWriter``. What was written lies at ``path`` at once."""

    def __init__(self, incoming: _Incoming, name: str, root: Path) -> None:
        self.path = incoming.path
        self.is_committed = False
        self._incoming = incoming
        self._name = name
        self._root = root

    async def write(self, chunk: bytes) -> None:
        """Append ``chunk``.

        Raises:
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """
        await _on_disk(lambda: self._incoming.append(chunk))

    async def commit(self, facts: MediaFacts) -> Blob:
        """Sync the file, give it its name, sync the folder. A commit that fails leaves no file.

        Raises:
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """
        target = self._root / self._name
        digest = await _on_disk(lambda: self._incoming.publish(target, self._root))
        self.is_committed = True
        self.path = target
        return _blob(self._name, self._incoming.size_bytes, digest, facts)


class LocalSpool:
    """Take one file in; see ``ports.media.Spool``."""

    def __init__(self, incoming: _Incoming) -> None:
        self._incoming = incoming

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Append ``pieces``, all in one go.

        Raises:
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """

        def append() -> None:
            for piece in pieces:
                self._incoming.append(piece)

        await _on_disk(append)

    def file(self) -> LocalFile:
        """Return what has come."""
        incoming = self._incoming
        return LocalFile(path=incoming.path, size_bytes=incoming.size_bytes, digest=incoming.digest())


class LocalVault:
    """Keep files below ``root``, which may be shared by several nodes; see ``ports.media.Vault``.

    Names are lower-case paths of at least two parts, such as ``ab/job_x/video.1``; anything else is a
    ``ValueError``. Files are born in ``.incoming`` of the same file system and moved into place when whole.
    """

    def __init__(self, root: Path, *, now: Now = system_now) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        self._now = now

    async def open(self) -> str:
        """Make the folder if need be, prove that it can be written, and return the id of the vault.

        Raises:
            GatewayError(storage_unavailable): it cannot be written, or its id is damaged.
        """
        await _on_disk(self._prepare)
        return await self._read_or_make_id()

    def writer(self, name: str) -> AbstractAsyncContextManager[VaultWriter]:
        """Write ``name``; leaving the block without ``commit`` leaves nothing behind."""
        return self._writer(_checked(name))

    def spool(self) -> AbstractAsyncContextManager[Spool]:
        """Take a file in that has no name yet; leaving the block removes it."""
        return self._spool()

    async def keep(self, name: str, file: LocalFile, facts: MediaFacts) -> Blob:
        """Sync ``file``, give it its name as well (a hard link, else a copy), sync the folder.

        Raises:
            GatewayError(not_found): ``file`` is gone.
            GatewayError(storage_unavailable): the disk is full or the folder is gone.
        """
        target, aside = self._root / _checked(name), self._incoming / secrets.token_hex(16)
        await _on_disk(lambda: _keep(file.path, aside, target, self._root))
        return _blob(name, file.size_bytes, file.digest, facts)

    async def size(self, name: str) -> int | None:
        """Return the length of ``name`` in bytes, None if it is not there."""
        path = self._root / _checked(name)

        def measure() -> int | None:
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return None

        return await _on_disk(measure)

    async def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes ``start`` up to but not including ``end`` in pieces of at most 256 KiB.

        A file that is deleted meanwhile is still read to its end.

        Raises:
            GatewayError(not_found): it is not there.
            GatewayError(storage_unavailable): the disk fails.
        """
        handles: list[int] = []
        path = self._root / _checked(name)
        try:
            await _on_disk(lambda: _open_for_reading(path, handles))
            position = start
            while end is None or position < end:
                wanted = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - position)
                chunk = await _on_disk(partial(os.pread, handles[0], wanted, position))
                if not chunk:
                    return
                position += len(chunk)
                yield chunk
        finally:
            for handle in handles:
                os.close(handle)

    def local_path(self, name: str) -> Path | None:
        """Return where ``name`` lies on this machine, whether it is there or not."""
        return self._root / _checked(name)

    async def delete(self, name: str) -> None:
        """Remove ``name`` and the folders that it leaves empty; not an error if it is gone."""
        path = self._root / _checked(name)

        def remove() -> None:
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self._root:
                    return
                try:
                    folder.rmdir()
                except OSError:  # something else lives there
                    return

        await _on_disk(remove)

    async def sweep(self, older_than_s: float) -> int:
        """Remove half-written files that nobody has touched for ``older_than_s``; return how many.

        They are left over when a node is killed while it writes.
        """

        def remove() -> int:
            limit = self._now() - older_than_s
            removed = 0
            for path in self._incoming.iterdir():
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < limit:
                        path.unlink()
                        removed += 1
            return removed

        return await _on_disk(remove)

    async def names(self, older_than_s: float = 0.0) -> list[str]:
        """Return the names of all files that were last changed at least ``older_than_s`` ago, sorted."""

        def collect() -> list[str]:
            limit = self._now() - older_than_s
            found = []
            for path in self._root.rglob("*"):
                name = path.relative_to(self._root).as_posix()
                with suppress(FileNotFoundError):
                    if _NAME.fullmatch(name) and path.is_file() and path.stat().st_mtime <= limit:
                        found.append(name)
            return sorted(found)

        return await _on_disk(collect)

    @asynccontextmanager
    async def _writer(self, name: str) -> AsyncIterator[VaultWriter]:
        incoming = _Incoming(self._incoming / secrets.token_hex(16))
        writer = LocalWriter(incoming, name, self._root)
        try:
            await _on_disk(incoming.open)
            yield writer
        finally:
            if not writer.is_committed:
                with suppress(OSError):  # the sweep takes what a failing disk keeps
                    await in_thread(incoming.discard)

    @asynccontextmanager
    async def _spool(self) -> AsyncIterator[Spool]:
        incoming = _Incoming(self._incoming / secrets.token_hex(16))
        try:
            await _on_disk(incoming.open)
            yield LocalSpool(incoming)
        finally:
            with suppress(OSError):  # the sweep takes what a failing disk keeps
                await in_thread(incoming.discard)

    def _prepare(self) -> None:
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = self._incoming / secrets.token_hex(16)
        probe.write_bytes(b"probe")
        probe.unlink()

    async def _read_or_make_id(self) -> str:
        path = self._root / _ID_FILE
        for _ in range(int(_ID_WAIT_S / 0.02)):
            text = await _on_disk(lambda: _id_in(path, new_id("vault", self._now)))
            if _ID.fullmatch(text):
                return text
            await asyncio.sleep(0.02)  # another process has made the file and not yet written it
        raise GatewayError(
            ErrorKind.STORAGE_UNAVAILABLE,
            "The file vault.id in the media folder is damaged. Put it back from a backup; or delete it if no"
            " other node and no store knows this folder.",
        )


def _open_for_reading(path: Path, handles: list[int]) -> None:
    try:
        handles.append(os.open(path, os.O_RDONLY))
    except FileNotFoundError as error:
        raise _gone() from error


def _gone() -> GatewayError:
    return GatewayError(ErrorKind.NOT_FOUND, "This file is not in the media store (any more).")


def _blob(name: str, size_bytes: int, digest: str, facts: MediaFacts) -> Blob:
    return Blob(
        name=name,
        media_type=facts.media_type,
        size_bytes=size_bytes,
        digest=digest,
        width_px=facts.width_px,
        height_px=facts.height_px,
        duration_s=facts.duration_s,
    )


def _id_in(path: Path, fresh: str) -> str:
    """Return the text of the id file, after making it with ``fresh`` if it was not there.

    The file appears with its text in it: it is written aside and linked, and a link never replaces. Where
    there are no hard links it is made exclusively and is empty for a moment.
    """
    if not path.exists():
        aside = path.parent / _INCOMING / fresh
        with aside.open("x") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        try:
            _place_once(aside, path, fresh)
            _sync_folder(path.parent)
        finally:
            aside.unlink()
    return path.read_text().strip()


def _place_once(aside: Path, path: Path, text: str) -> None:
    with suppress(FileExistsError):
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            with path.open("x") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
