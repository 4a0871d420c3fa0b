"""The facade for files: what callers upload to name it in requests, and finished results beside it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.files import StoredFile
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind, Variant
from sora_gateway.engine.generations import Generations
from sora_gateway.engine.inputs import Inputs
from sora_gateway.kit.clock import Now
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.media import LocalFile, Vault
from sora_gateway.ports.stores import FilePage, FileStore

FOLDER = "files"
"""Where the vault keeps them: ``files/{id}``."""

_PREFIX = "file_"
_RESULT_PURPOSE = "assistants_output"
_RESULTS: Mapping[MediaKind, Variant] = {
    MediaKind.IMAGE: Variant.IMAGE,
    MediaKind.VIDEO: Variant.VIDEO,
}
_WORDS: Mapping[MediaKind, str] = {MediaKind.IMAGE: "picture", MediaKind.VIDEO: "video"}


class Files:
    """Keeps, shows and removes files. A caller sees only his own; another's is ``not_found``.

    The id of a finished image or video job stands for its (first) result and can be read like a file's.
    """

    def __init__(
        self,
        store: FileStore,
        vault: Vault,
        inputs: Inputs,
        generations: Generations,
        now: Now,
        retention_s: float,
    ) -> None:
        self._store = store
        self._vault = vault
        self._inputs = inputs
        self._generations = generations
        self._now = now
        self._retention_s = retention_s

    async def add(
        self,
        content: LocalFile | AsyncIterable[bytes],
        caller: Caller,
        *,
        name: str,
        purpose: str,
        keep_s: float | None = None,
        param: str,
    ) -> StoredFile:
        """Check a picture or a clip by its content and keep it for ``keep_s`` (None: as the settings say).

        Raises:
            GatewayError(invalid_request): neither, damaged or too large; ``param`` is named.
        """
        file_id = new_id(_PREFIX.rstrip("_"), self._now)
        blob = await self._inputs.store_file(f"{FOLDER}/{file_id}", content, param=param)
        now_s = self._now()
        file = StoredFile(
            id=file_id,
            owner=caller.licence_id,
            name=name,
            purpose=purpose,
            created_at=now_s,
            expires_at=now_s + (self._retention_s if keep_s is None else keep_s),
            blob=blob,
        )
        await self._store.put(file)
        return file

    async def get(self, file_id: str, caller: Caller) -> StoredFile:
        """Return the file, or a finished result as one.

        Raises:
            GatewayError(not_found): unknown, deleted, expired or another's.
            GatewayError(not_ready, expired): the job's result, see ``Generations.output``.
        """
        if not file_id.startswith(_PREFIX):
            return await self._result(file_id, caller)
        file = await self._store.get(file_id)
        if file is None or file.owner != caller.licence_id or not self._is_kept(file):
            raise _unknown(file_id)
        return file

    async def page(
        self, caller: Caller, *, after: str | None, limit: int, ascending: bool, purpose: str | None = None
    ) -> FilePage:
        """Return a piece of the caller's files by creation time, those of ``purpose`` only if it is given.

        Raises:
            GatewayError(not_found): ``after`` is not one of them.
        """
        found: list[StoredFile] = []
        while True:
            page = await self._store.page(
                caller.licence_id, after=after, limit=limit + 1, ascending=ascending
            )
            if page is None:
                message = f"'after' names no file of yours: '{(after or '')[:80]}'."
                raise GatewayError(ErrorKind.NOT_FOUND, message, param="after")
            found += [file for file in page.files if purpose in (None, file.purpose) and self._is_kept(file)]
            if len(found) > limit or not page.has_more or not page.files:
                return FilePage(files=tuple(found[:limit]), has_more=len(found) > limit)
            after = page.files[-1].id

    async def delete(self, file_id: str, caller: Caller) -> None:
        """Remove the file; requests that named it keep their copies.

        Raises:
            GatewayError(not_found): unknown or another's.
            GatewayError(unsupported): it is a result, which goes with its job.
        """
        file = await self.get(file_id, caller)
        if not file_id.startswith(_PREFIX):
            message = f"'{file_id}' is the result of a job and goes with it; only uploaded files are deleted."
            raise GatewayError(ErrorKind.UNSUPPORTED, message, param="file_id")
        await self._store.remove(file_id)
        await self._vault.delete(file.blob.name)

    async def input_of(self, file_id: str, caller: Caller, *, param: str, kind: MediaKind) -> Blob:
        """Return what ``file_id`` in a request stands for; jobs must copy it, the file may go before them.

        Args:
            kind: what is needed there: a picture (``IMAGE``) or a clip (``VIDEO``).

        Raises:
            GatewayError(invalid_request): no such file, not finished, or of the other kind; ``param`` is
                named.
        """
        try:
            file = await self.get(file_id, caller)
        except GatewayError as error:
            if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.NOT_READY, ErrorKind.EXPIRED):
                raise
            message = f"'{param}' names a file that cannot be used: {error.message}"
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param) from error
        found = MediaKind.IMAGE if file.blob.media_type.startswith("image/") else MediaKind.VIDEO
        if found is not kind:
            message = f"'{param}' must name a {_WORDS[kind]}; the file '{file_id}' is a {_WORDS[found]}."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
        return file.blob

    async def _result(self, job_id: str, caller: Caller) -> StoredFile:
        try:
            job = (await self._generations.get(job_id, caller)).job
        except GatewayError as error:
            raise (_unknown(job_id) if error.kind is ErrorKind.NOT_FOUND else error) from error
        variant = _RESULTS.get(job.kind)
        if variant is None:
            raise _unknown(job_id)
        output = await self._generations.output(job_id, variant, 0, caller)
        created_at = job.completed_at if job.completed_at is not None else job.created_at
        return StoredFile(
            id=job_id,
            owner=job.owner,
            name=f"{job_id}.{output.blob.media_type.partition('/')[2]}",
            purpose=_RESULT_PURPOSE,
            created_at=created_at,
            expires_at=job.expires_at if job.expires_at is not None else created_at,
            blob=output.blob,
        )

    def _is_kept(self, file: StoredFile) -> bool:
        return file.expires_at > self._now()


def _unknown(file_id: str) -> GatewayError:
    return GatewayError(ErrorKind.NOT_FOUND, f"No file with id '{file_id[:80]}' exists.", param="file_id")
