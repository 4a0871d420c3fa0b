"""Stand-ins for the engine and the sockets, for tests of surfaces: all in memory, moved by the test."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from anyio import Path as AsyncPath

from sora_gateway.domain.accounts import Account, Credential
from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.files import StoredFile
from sora_gateway.domain.jobs import CHARACTER_NOTE, Job, JobError, Phase, Status
from sora_gateway.domain.licences import Caller, Licence, Permission
from sora_gateway.domain.media import Blob, MediaKind, Output, Variant
from sora_gateway.domain.priorities import granted
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.engine.characters import Characters, begun
from sora_gateway.engine.enhancing import Enhancer
from sora_gateway.engine.explaining import Happening, history
from sora_gateway.engine.generations import Generations, JobView, Watched
from sora_gateway.engine.making import LATER
from sora_gateway.kit.ids import new_id
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.media import LocalFile, MediaFacts, Spool, VaultWriter
from sora_gateway.ports.stores import CharacterPage, FilePage, Idempotency, Page
from sora_gateway.ports.usage import DayUsage, Pace

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100
STARTED_AT = 1_763_800_000.0
ACCOUNT = "account-1"
CLIP_S = 10.0

Change = Callable[[Job], Job]


class FakeLicences:
    """A licence store of what was put in, which counts its look-ups."""

    def __init__(self) -> None:
        self.by_key: dict[str, Licence] = {}
        self.reads = 0

    async def put(self, licence: Licence, key_hash: str) -> None:
        self.by_key[key_hash] = licence

    async def change(
        self, licence_id: str, decide: Callable[[Licence], Licence], *, key_hash: str | None = None
    ) -> Licence | None:
        for held, licence in self.by_key.items():
            if licence.id == licence_id:
                self.by_key[held] = decide(licence)
                return self.by_key[held]
        return None

    async def by_hash(self, key_hash: str) -> Licence | None:
        self.reads += 1
        return self.by_key.get(key_hash)

    async def get(self, licence_id: str) -> Licence | None:
        return next((licence for licence in self.by_key.values() if licence.id == licence_id), None)

    async def all(self) -> Sequence[Licence]:
        return list(self.by_key.values())


class FakeUsage:
    """Counts requests for ever; shows the days that were put in."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.by_date: dict[tuple[str, str], DayUsage] = {}

    async def take_request(self, owner: str, per_minute: int, *, is_counted: bool = True) -> Pace:
        is_allowed = not is_counted or self.taken[owner] < per_minute
        self.taken[owner] += is_counted and is_allowed
        left = per_minute - self.taken[owner]
        return Pace(
            is_allowed=is_allowed,
            limit=per_minute,
            remaining=left,
            reset_s=60.0 if self.taken[owner] else 0.0,
            retry_after_s=0.0 if left else 12.5,
        )

    async def days(self, owner: str, dates: Sequence[str]) -> Sequence[DayUsage]:
        return [self.by_date.get((owner, date), DayUsage(date=date)) for date in dates]

    async def units(self, owner: str, periods: Sequence[str]) -> Sequence[int]:
        own = [(date, day.units) for (whose, date), day in self.by_date.items() if whose == owner]
        return [sum(units for date, units in own if date.startswith(period)) for period in periods]


class FakeVault:
    """Files in memory; remembers how many are open. ``is_local``: they pretend to lie on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, bytes] = {}
        self.incoming: dict[Path, FakeWriter] = {}
        self.is_local = True
        self.open_files = 0
        self.piece_bytes = 64 * 1024

    async def open(self) -> str:
        return "vault"

    def put(self, name: str, data: bytes, media_type: str) -> Blob:
        self.files[name] = data
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        return Blob(name=name, media_type=media_type, size_bytes=len(data), digest=digest)

    @asynccontextmanager
    async def writer(self, name: str) -> AsyncIterator[VaultWriter]:
        yield FakeWriter(self, name)

    @asynccontextmanager
    async def spool(self) -> AsyncIterator[Spool]:
        writer = FakeWriter(self, f"spool-{len(self.incoming)}")
        self.open_files += 1
        try:
            yield writer.spool
        finally:
            self.open_files -= 1

    async def keep(self, name: str, file: LocalFile, facts: MediaFacts) -> Blob:
        return self.put(name, self.bytes_at(file.path), facts.media_type)

    def bytes_at(self, path: Path) -> bytes:
        if path in self.incoming:
            return self.incoming[path].data
        return self.files[path.relative_to(self.root).as_posix()]

    def bytes_of(self, content: bytes | LocalFile | Blob) -> bytes:
        match content:
            case bytes():
                return content
            case LocalFile():
                return self.bytes_at(content.path)
            case blob:
                return self.files[blob.name]

    async def size(self, name: str) -> int | None:
        return len(self.files[name]) if name in self.files else None

    async def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        if name not in self.files:
            raise GatewayError(ErrorKind.NOT_FOUND, f"'{name}' is not in the vault.")
        self.open_files += 1
        try:
            data = self.files[name][start:end]
            for position in range(0, len(data), self.piece_bytes):
                await asyncio.sleep(0)
                yield data[position : position + self.piece_bytes]
        finally:
            self.open_files -= 1

    def local_path(self, name: str) -> Path | None:
        return self.root / name if self.is_local else None

    async def delete(self, name: str) -> None:
        self.files.pop(name, None)
        (self.root / name).unlink(missing_ok=True)


class FakeWriter:
    """Holds what is written; ``path`` is only a name."""

    def __init__(self, vault: FakeVault, name: str) -> None:
        self.vault = vault
        self.name = name
        self.path = vault.root / ".incoming" / name
        self.data = b""
        self.spool = FakeSpool(self)
        self.vault.incoming[self.path] = self

    async def write(self, chunk: bytes) -> None:
        self.data += chunk

    async def commit(self, facts: MediaFacts) -> Blob:
        return self.vault.put(self.name, self.data, facts.media_type)


class FakeSpool:
    """Takes in what a writer holds."""

    def __init__(self, writer: FakeWriter) -> None:
        self.writer = writer

    async def write(self, pieces: Sequence[bytes]) -> None:
        self.writer.data += b"".join(pieces)

    def file(self) -> LocalFile:
        data = self.writer.data
        digest = hashlib.sha256(data).hexdigest()
        return LocalFile(path=self.writer.path, size_bytes=len(data), digest=digest)


class NoFetcher:
    """Nothing is fetched by the parts of the engine that are real here."""

    async def fetch(self, url: str, *, limit_bytes: int, param: str) -> bytes:
        raise GatewayError(ErrorKind.INVALID_REQUEST, f"not fetched: {url}", param=param)


class FakeFiles:
    """A file store in memory."""

    def __init__(self) -> None:
        self.records: dict[str, StoredFile] = {}

    async def put(self, file: StoredFile) -> None:
        self.records[file.id] = file

    async def get(self, file_id: str) -> StoredFile | None:
        return self.records.get(file_id)

    async def page(self, owner: str, *, after: str | None, limit: int, ascending: bool) -> FilePage | None:
        mine = [file for file in self.records.values() if file.owner == owner]
        mine.sort(key=lambda file: (file.created_at, file.id), reverse=not ascending)
        ids = [file.id for file in mine]
        if after is not None and after not in ids:
            return None
        start = 0 if after is None else ids.index(after) + 1
        return FilePage(files=tuple(mine[start : start + limit]), has_more=len(mine) > start + limit)

    async def remove(self, file_id: str) -> bool:
        return self.records.pop(file_id, None) is not None

    async def expired(self, limit: int) -> Sequence[StoredFile]:
        return ()


class FakeTools:
    """Encodes by writing the encoding's name before the bytes; takes anything for a picture."""

    def __init__(self, vault: FakeVault) -> None:
        self.vault = vault
        self.copies: list[Path] = []

    async def probe_image(self, picture: bytes | Path) -> MediaFacts:
        return MediaFacts(media_type="image/png", width_px=1, height_px=1)

    async def probe_clip(self, path: Path) -> MediaFacts:
        facts = await self.probe_upload(path)
        if not facts.media_type.startswith("video/"):
            raise GatewayError(ErrorKind.INVALID_REQUEST, "The file is no video.")
        return facts

    async def probe_upload(self, path: Path) -> MediaFacts:
        data = self.vault.bytes_at(path)
        if data.startswith(PNG[:8]):
            return MediaFacts(media_type="image/png", width_px=1, height_px=1)
        if data.startswith(MP4[:12]):
            return MediaFacts(media_type="video/mp4", width_px=1, height_px=1, duration_s=10.0)
        raise GatewayError(ErrorKind.INVALID_REQUEST, "The file is neither a picture nor a video.")

    async def probe_file(self, path: Path) -> MediaFacts:
        return MediaFacts(media_type="video/mp4", width_px=1, height_px=1)

    async def thumbnail(self, path: Path) -> bytes:
        return b"thumbnail"

    async def spritesheet(self, path: Path) -> bytes:
        return b"spritesheet"

    async def encode(self, path: Path, encoding: str) -> bytes:
        if path.is_relative_to(self.vault.root):
            return encoding.encode() + b":" + self.vault.files[str(path.relative_to(self.vault.root))]
        self.copies.append(path)
        return encoding.encode() + b":" + await AsyncPath(path).read_bytes()


def caller_of(licence_id: str, *permissions: Permission) -> Caller:
    return Caller(licence_id=licence_id, permissions=frozenset(permissions))


# --- changes that a script can make -----------------------------------------------------------------------


def starts(job: Job) -> Job:
    return replace(job, phase=Phase.RUNNING)


def progresses(progress: float) -> Change:
    return lambda job: replace(job, phase=Phase.RUNNING, progress=progress)


def fails(kind: ErrorKind, message: str, code: str | None = None) -> Change:
    error = JobError(kind=kind, message=message, code=code or kind.value)
    return lambda job: replace(job, phase=Phase.FAILED, error=error, completed_at=STARTED_AT + 60)


def cancels(job: Job) -> Job:
    error = JobError(kind=ErrorKind.CANCELLED, message="The job was cancelled.", code="cancelled")
    return replace(job, phase=Phase.CANCELLED, error=error, completed_at=STARTED_AT + 60)


class FakeGenerations(Generations):
    """The engine's facade over a dictionary.

    ``script`` is what happens to each new job, one step every ``step_s``; empty: nothing until the test calls
    ``change``. ``refusal`` is raised by ``submit``.
    """

    def __init__(self, vault: FakeVault) -> None:
        self.vault = vault
        self.histories: dict[str, list[Job]] = {}
        self.views: dict[str, JobView] = {}
        self.script: Sequence[Change] = ()
        self.step_s = 0.005
        self.refusal: GatewayError | None = None
        self.submitted: list[tuple[GenerationRequest, ...]] = []
        self.stored: list[tuple[str, bytes]] = []
        self.fetched: list[tuple[str, str]] = []
        self.promises: list[Idempotency | None] = []
        self.watching = 0
        self.repeats = False  # whether SDKs' repeated requests are recognised
        self.tries: dict[tuple[str, str], str] = {}
        self.forgotten_before: int = 0
        self._kept: dict[tuple[str, str], tuple[str, tuple[Job, ...]]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._clock = STARTED_AT

    async def promise(self, scope: str, digest: str, *, is_repeat: bool) -> Idempotency | None:
        name = (scope, digest)
        if not is_repeat or name not in self.tries:
            self.tries[name] = f"try_{len(self.promises)}_{len(self.tries)}"
        return Idempotency(scope=scope, key=self.tries[name], digest=digest) if self.repeats else None

    async def delivered(self, promise: Idempotency) -> None:
        self.tries.pop((promise.scope, promise.digest), None)

    # --- moved by the test

    def job(self, job_id: str) -> Job:
        return self.histories[job_id][-1]

    def change(self, job_id: str, change: Change) -> Job:
        before = self.job(job_id)
        after = replace(change(before), seq=before.seq + 1, version=before.version + 1)
        self.histories[job_id].append(after)
        self._changed[job_id].set()
        self._changed[job_id] = asyncio.Event()
        return after

    def completes(self, job: Job) -> Job:
        """A change: the results are in the vault, and what else was asked for is there."""
        notes = dict(job.notes)
        if job.request.character is not None:
            notes |= {CHARACTER_NOTE: f"character_of_{job.id}", "username": "first1"}
        if job.request.keeps_character is not None:
            notes |= {f"{LATER}{CHARACTER_NOTE}": f"character_of_{job.id}b", f"{LATER}username": "later1"}
        character_id = notes.get(f"{LATER}{CHARACTER_NOTE}") or notes.get(CHARACTER_NOTE)
        job = replace(job, notes=notes, character_id=character_id, account_id=ACCOUNT)
        if job.kind is MediaKind.CHARACTER:
            return replace(job, phase=Phase.COMPLETED, progress=1.0, completed_at=STARTED_AT + 60)
        if job.kind is MediaKind.IMAGE:
            parts = [
                (Variant.IMAGE, index, PNG + bytes([index]), "image/png") for index in range(job.request.n)
            ]
        else:
            parts = [
                (Variant.VIDEO, 0, MP4, "video/mp4"),
                (Variant.THUMBNAIL, 0, b"RIFF....WEBP", "image/webp"),
                (Variant.SPRITESHEET, 0, b"\xff\xd8\xff sheet", "image/jpeg"),
            ]
        outputs = tuple(
            Output(
                variant=variant,
                index=index,
                blob=replace(
                    self.vault.put(f"{job.id}/{variant}.{index}", data, media_type),
                    width_px=704,
                    height_px=1280,
                ),
            )
            for variant, index, data, media_type in parts
        )
        return replace(
            job,
            phase=Phase.COMPLETED,
            progress=1.0,
            outputs=outputs,
            result_id=f"gen_{job.id}",
            completed_at=STARTED_AT + 60,
            expires_at=STARTED_AT + 604_800,
        )

    def _play(self, job_id: str, step: int) -> None:
        if step >= len(self.script) or job_id not in self.histories or self.job(job_id).is_final:
            return
        self.change(job_id, self.script[step])
        asyncio.get_running_loop().call_later(self.step_s, self._play, job_id, step + 1)

    # --- the facade

    async def store_input(self, picture: bytes | LocalFile | Blob, *, param: str) -> Blob:
        data = self.vault.bytes_of(picture)
        if not data.startswith((b"\x89PNG", b"\xff\xd8")):
            raise GatewayError(ErrorKind.INVALID_REQUEST, f"'{param}' is no picture.", param=param)
        self.stored.append((param, data))
        return self.vault.put(f"inputs/{len(self.stored)}", data, "image/png")

    async def fetch_input(self, url: str, *, param: str) -> Blob:
        self.fetched.append((param, url))
        return self.vault.put(f"fetched/{len(self.fetched)}", url.encode(), "image/png")

    async def store_clip(self, clip: bytes | LocalFile | Blob, *, param: str) -> Blob:
        data = self.vault.bytes_of(clip)
        if not data.startswith(MP4[:12]):
            raise GatewayError(ErrorKind.INVALID_REQUEST, f"'{param}' is no video.", param=param)
        self.stored.append((param, data))
        return replace(self.vault.put(f"clips/{len(self.stored)}", data, "video/mp4"), duration_s=CLIP_S)

    async def fetch_clip(self, url: str, *, param: str) -> Blob:
        self.fetched.append((param, url))
        blob = self.vault.put(f"clips/{len(self.fetched)}", url.encode(), "video/mp4")
        return replace(blob, duration_s=CLIP_S)

    async def admitted(
        self, requests: Sequence[GenerationRequest], caller: Caller
    ) -> tuple[GenerationRequest, ...]:
        if self.refusal is not None:
            raise self.refusal
        return tuple(requests)

    def describe(self, request: GenerationRequest) -> Mapping[str, object]:
        return {"method": "POST", "path": "/create", "body": {"prompt": request.prompt}}

    async def candidates(self, request: GenerationRequest) -> tuple[Account, ...]:
        credential = Credential(access_token=Secret("token"))
        return (Account(id=ACCOUNT, upstream="sora_web", backend_id="user-1", credential=credential),)

    async def replayed(self, idempotency: Idempotency) -> tuple[Job, ...] | None:
        kept = self._kept.get((idempotency.scope, idempotency.key))
        if kept is None:
            return None
        if kept[0] != idempotency.digest:
            raise GatewayError(ErrorKind.CONFLICT, "The key was used with another request.")
        return tuple(self.job(job.id) for job in kept[1])

    async def submit(
        self,
        requests: Sequence[GenerationRequest],
        caller: Caller,
        *,
        idempotency: Idempotency | None = None,
    ) -> tuple[Job, ...]:
        if self.refusal is not None:
            raise self.refusal
        self.submitted.append(tuple(requests))
        self.promises.append(idempotency)
        replayed = await self.replayed(idempotency) if idempotency is not None else None
        if replayed is not None:
            return replayed
        ids = tuple(new_id(request.kind.value) for request in requests)
        jobs = []
        for job_id, request in zip(ids, requests, strict=True):
            self._clock += 1
            job = Job(
                id=job_id,
                owner=caller.licence_id,
                request=request,
                signature="any",
                created_at=self._clock,
                updated_at=self._clock,
                variants=ids if len(ids) > 1 else (),
                priority=granted(caller.bounds.priority, request.priority),
            )
            self.histories[job_id] = [job]
            self._changed[job_id] = asyncio.Event()
            asyncio.get_running_loop().call_later(self.step_s, self._play, job_id, 0)
            jobs.append(job)
        if idempotency is not None:
            self._kept[idempotency.scope, idempotency.key] = (idempotency.digest, tuple(jobs))
        return tuple(jobs)

    async def _own(self, job_id: str, caller: Caller | None) -> Job:
        return self._owned(job_id, caller)  # what the real ``source`` asks

    def _owned(self, job_id: str, caller: Caller | None) -> Job:
        history = self.histories.get(job_id)
        if not history or (caller is not None and history[-1].owner != caller.licence_id):
            raise GatewayError(ErrorKind.NOT_FOUND, f"There is no job '{job_id}'.")
        return history[-1]

    def _view(self, job: Job) -> JobView:
        return JobView(job=job, queue_position=2, eta_s=40) if job.phase is Phase.QUEUED else JobView(job=job)

    async def get(self, job_id: str, caller: Caller) -> JobView:
        return self._view(self._owned(job_id, caller))

    async def view(self, job: Job) -> JobView:
        return self._view(job)

    async def history(self, job: Job) -> Sequence[Happening]:
        return history(job, ())

    async def page(
        self, caller: Caller, *, after: str | None, limit: int, ascending: bool, kind: MediaKind
    ) -> Page:
        jobs = [history[-1] for history in self.histories.values()]
        mine = [job for job in jobs if job.owner == caller.licence_id and job.kind is kind]
        mine.sort(key=lambda job: (job.created_at, job.id), reverse=not ascending)
        start = 0
        if after is not None:
            ids = [job.id for job in mine]
            if after not in ids:
                raise GatewayError(ErrorKind.NOT_FOUND, f"There is no job '{after}'.", param="after")
            start = ids.index(after) + 1
        return Page(jobs=tuple(mine[start : start + limit]), has_more=len(mine) > start + limit)

    async def watch(
        self, job_id: str, caller: Caller, *, after_seq: int | None = None
    ) -> AsyncIterator[Watched]:
        history = self.histories[job_id]
        self._owned(job_id, caller)
        self.watching += 1
        try:
            position = len(history) - 1 if after_seq is None else after_seq
            if after_seq is not None and not self.forgotten_before <= after_seq < len(history):
                yield Watched(seq=len(history), view=self._view(history[-1]), is_snapshot=True)
                position = len(history)
            while True:
                while position < len(history):
                    job = history[position]
                    position += 1
                    yield Watched(seq=job.seq, view=self._view(job))
                if history[-1].is_final:
                    return
                await self._changed[job_id].wait()
        finally:
            self.watching -= 1

    async def wait_final(self, job_id: str, caller: Caller, *, timeout_s: float) -> Job:
        self.watching += 1
        try:
            async with asyncio.timeout(timeout_s):
                while not self._owned(job_id, caller).is_final:
                    await self._changed[job_id].wait()
        except TimeoutError:
            pass
        finally:
            self.watching -= 1
        return self._owned(job_id, caller)

    async def cancel(self, job_id: str, caller: Caller) -> JobView:
        job = self._owned(job_id, caller)
        return JobView(job=job if job.is_final else self.change(job_id, cancels))

    async def delete(self, job_id: str, caller: Caller) -> None:
        self._owned(job_id, caller)
        del self.histories[job_id]

    async def output(self, job_id: str, variant: Variant, index: int, caller: Caller | None) -> Output:
        job = self._owned(job_id, caller)
        if not job.is_final:
            raise GatewayError(ErrorKind.NOT_READY, f"'{job_id}' is not finished.", code="video_not_ready")
        if job.error is not None:
            raise GatewayError(ErrorKind.GENERATION_FAILED, job.error.message, code=job.error.code)
        for output in job.outputs:
            if (output.variant, output.index) == (variant, index):
                return output
        raise GatewayError(ErrorKind.NOT_FOUND, f"'{job_id}' has no {variant} {index}.")


class FakeCharacters(Characters):
    """The characters of the jobs of ``generations``; a job that ends well makes ``rusty`` and a number."""

    def __init__(self, generations: FakeGenerations) -> None:
        self.generations = generations
        self.records: dict[str, Character] = {}
        self.deleted: set[str] = set()

    async def remember(self, job: Job) -> Character:
        if job.id in self.deleted:
            raise GatewayError(ErrorKind.NOT_FOUND, f"There is no character '{job.id}'.", param="id")
        self.records.setdefault(job.id, begun(job))
        return self._shown(self.records[job.id])

    def _shown(self, character: Character) -> Character:
        history = self.generations.histories.get(character.job_id)
        if character.status is not CharacterStatus.PROCESSING or not history or not history[-1].is_final:
            return character
        job = history[-1]
        if job.status is Status.COMPLETED:
            username = f"rusty{len(self.records)}"
            after = replace(
                character,
                status=CharacterStatus.READY,
                username=username,
                name=character.name or username,
                account_id=ACCOUNT,
            )
        else:
            after = replace(character, status=CharacterStatus.FAILED, error=job.error)
        self.records[character.id] = after
        return after

    async def get(self, character_id: str, caller: Caller) -> Character:
        character = self.records.get(character_id)
        if character is None or character.owner != caller.licence_id:
            raise GatewayError(ErrorKind.NOT_FOUND, f"There is no character '{character_id}'.", param="id")
        return self._shown(character)

    async def page(self, caller: Caller, *, after: str | None, limit: int, ascending: bool) -> CharacterPage:
        mine = [self._shown(one) for one in list(self.records.values()) if one.owner == caller.licence_id]
        mine.sort(key=lambda one: (one.created_at, one.id), reverse=not ascending)
        ids = [one.id for one in mine]
        if after is not None and after not in ids:
            raise GatewayError(ErrorKind.NOT_FOUND, f"There is no character '{after}'.", param="after")
        start = 0 if after is None else ids.index(after) + 1
        return CharacterPage(
            characters=tuple(mine[start : start + limit]), has_more=len(mine) > start + limit
        )

    async def delete(self, character_id: str, caller: Caller) -> Character:
        await self.get(character_id, caller)
        self.deleted.add(character_id)
        return self.records.pop(character_id)


class FakeEnhancer(Enhancer):
    """Words a prompt more richly by saying how."""

    def __init__(self) -> None:
        self.refusal: GatewayError | None = None

    async def enhance(
        self, prompt: str, *, level: str, duration_s: int, groups: tuple[str, ...], caller: Caller
    ) -> str:
        if self.refusal is not None:
            raise self.refusal
        return f"{prompt}, {level}, {duration_s} s, {'/'.join(groups) or 'any'}"
