"""Keep records that belong to an owner: by id, by creation time, by a name and by when they are due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import Codec
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load

_PUT = load("owned_put")
_REMOVE = load("owned_remove")
_NAMED = load("owned_named")
_PAGE = load("page")
_DUE = load("due")


class Owned(Protocol):
    """What every such record has; the owner and the creation time of an id never change."""

    @property
    def id(self) -> str:
        """Unique among the records of the kind."""

    @property
    def owner(self) -> str:
        """The licence that it belongs to."""

    @property
    def created_at(self) -> float:
        """Unix seconds."""


T = TypeVar("T", bound=Owned)


@dataclass(frozen=True, slots=True)
class OwnedPage(Generic[T]):
    """A piece of an owner's list, and whether more follows."""

    records: tuple[T, ...]
    has_more: bool


class OwnedRecords(Generic[T]):
    """Records of one kind; ``room`` names their keys. Every write is one script and may be repeated."""

    def __init__(self, connection: Connection, room: str, codec: Codec[T]) -> None:
        self._connection = connection
        self._room = room
        self._codec = codec
        self._shared = tuple(keys.records(room, part) for part in ("", "names", "named", "due"))

    async def put(self, record: T, *, name: str | None = None, due_at: float | None = None) -> None:
        """Add it or replace it whole, with its name and the time at which it is due.

        A name leads to the record that took it last; an earlier name of this one leads nowhere any more.
        """
        await self._connection.run(
            _PUT,
            (*self._shared, keys.records_of(self._room, record.owner)),
            (
                record.id,
                self._codec.encode(record),
                repr(record.created_at),
                name or "",
                "" if due_at is None else repr(due_at),
            ),
        )

    async def get(self, record_id: str) -> T | None:
        """Return it."""
        text = await self._connection.call("HGET", self._shared[0], record_id)
        return None if text is None else self._codec.decode(text)

    async def named(self, names: Sequence[str]) -> Mapping[str, T]:
        """Return the records that bear one of ``names``, in one round trip."""
        if not names:
            return {}
        found = await self._connection.run(_NAMED, self._shared[:2], names)
        return {
            name: self._codec.decode(text)
            for name, text in zip(names, found, strict=True)
            if text is not None
        }

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool
    ) -> OwnedPage[T] | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them. Two round trips."""
        args = (after or "", "up" if ascending else "down", limit + 1)
        ids = await self._connection.run(_PAGE, (keys.records_of(self._room, owner),), args)
        if ids is None:
            return None
        # One may go between the two reads; it is left out then.
        return OwnedPage(records=tuple((await self._find(ids[:limit])).values()), has_more=len(ids) > limit)

    async def remove(self, record_id: str) -> bool:
        """Remove it; tell whether it was there (after a lost answer perhaps False)."""
        record = await self.get(record_id)
        if record is None:
            return False
        names = (*self._shared, keys.records_of(self._room, record.owner))
        return bool(await self._connection.run(_REMOVE, names, (record_id,)))

    async def due(self, limit: int) -> Sequence[T]:
        """Return records whose time has come by store time, at most ``limit``, the longest due first."""
        ids = await self._connection.run(_DUE, (self._shared[3],), (limit,))
        return list((await self._find(ids)).values())

    async def _find(self, ids: Sequence[str]) -> dict[str, T]:
        if not ids:
            return {}
        texts = await self._connection.call("HMGET", self._shared[0], *ids)
        return {
            record_id: self._codec.decode(text)
            for record_id, text in zip(ids, texts, strict=True)
            if text is not None
        }
