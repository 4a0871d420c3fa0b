"""Turn values of the domain into compact JSON and back; nothing else in the product stores JSON.

The form follows from the dataclasses: an object per dataclass, absent fields take the dataclass's default,
unknown ones are ignored, so that neighbouring versions of the gateway read each other's records.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.licences import Licence
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import PublicEvent
from sora_gateway.stores.redis.cipher import Cipher

T = TypeVar("T")
_Convert = Callable[[Any], Any]
_Pair = tuple[_Convert | None, _Convert | None]
"""How to write and how to read a type; None: JSON has it already."""

# ASCII only: a prompt may hold half a surrogate pair, which UTF-8 cannot carry.
_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Codec(Generic[T]):
    """Writes and reads one dataclass, which must not change. ``cipher`` is needed if it holds a ``Secret``.

    The last ``remembered`` values that were written are recognised by their text: a node hears of its own
    writes in the feed, and to read a job from JSON takes 30 µs, to recognise it less than one.
    """

    def __init__(self, kind: type[T], cipher: Cipher | None = None, *, remembered: int = 0) -> None:
        self._name = kind.__name__
        self._most = remembered
        self._written: dict[str, T] = {}
        write, read = _pair(kind, cipher)
        self._write: _Convert = write or _same
        self._read: _Convert = read or _same

    def encode(self, value: T) -> str:
        """Return ``value`` as JSON in ASCII."""
        text = _to_json(self._write(value))
        if self._most:
            self._written.pop(text, None)
            if len(self._written) >= self._most:
                del self._written[next(iter(self._written))]
            self._written[text] = value
        return text

    def decode(self, text: str) -> T:
        """Return the value that ``text`` stands for.

        Raises:
            GatewayError(internal): it was not written by this gateway or a near version of it.
        """
        written = self._written.get(text)
        if written is not None:
            return written
        try:
            value: T = self._read(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"A stored record ({self._name}) cannot be read; a newer version may have written it."
            raise GatewayError(ErrorKind.INTERNAL, message) from error
        return value


def _same(value: Any) -> Any:
    return value


def _pair(kind: Any, cipher: Cipher | None) -> _Pair:
    if kind in (str, int, bool):
        return None, None
    if kind is float:
        return None, float
    if kind is Secret:
        return _secret(cipher)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return None, {member.value: member for member in kind}.__getitem__
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_writer(kind, cipher), _dataclass_reader(kind, cipher)
    return _composite(kind, cipher)


def _composite(kind: Any, cipher: Cipher | None) -> _Pair:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union) and len(args) == 2 and type(None) in args:
        inner = args[0] if args[1] is type(None) else args[1]
        write, read = _pair(inner, cipher)
        return _unless_none(write), _unless_none(read)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        write, read = _pair(args[0], cipher)
        return _each(write), _tuple_of(read)
    if origin is frozenset:
        _, read = _pair(args[0], cipher)
        return sorted, lambda items: frozenset(map(read, items) if read else items)
    if origin in (dict, Mapping):
        return _mapping(args, cipher)
    raise TypeError(f"no JSON form is known for {kind!r}")


def _secret(cipher: Cipher | None) -> _Pair:
    if cipher is None:
        raise TypeError("a dataclass with secrets is stored with a cipher only")
    encrypt, decrypt = cipher.encrypt, cipher.decrypt
    return lambda secret: encrypt(secret.reveal()), lambda text: Secret(decrypt(text))


def _unless_none(convert: _Convert | None) -> _Convert | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


def _each(convert: _Convert | None) -> _Convert | None:
    if convert is None:
        return None
    return lambda items: [convert(item) for item in items]


def _tuple_of(convert: _Convert | None) -> _Convert:
    if convert is None:
        return tuple
    return lambda items: tuple([convert(item) for item in items])


def _mapping(args: tuple[Any, ...], cipher: Cipher | None) -> _Pair:
    _, read_key = _pair(args[0], cipher)
    write, read = _pair(args[1], cipher)
    key: _Convert = read_key or _same
    put, take = write or _same, read or _same
    return (
        lambda mapping: {name: put(value) for name, value in mapping.items()},
        lambda mapping: {key(name): take(value) for name, value in mapping.items()},
    )


def _dataclass_writer(kind: type, cipher: Cipher | None) -> _Convert:
    hints = get_type_hints(kind)
    # Only what says nothing is left out; other defaults are written, as they may change with a version.
    plan = [
        (
            field.name,
            field.default if field.default in (None, ()) else MISSING,
            _pair(hints[field.name], cipher)[0],
        )
        for field in fields(kind)
    ]

    def write(value: Any) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for name, nothing, convert in plan:
            item = getattr(value, name)
            if item is not nothing:
                written[name] = item if convert is None else convert(item)
        return written

    return write


def _dataclass_reader(kind: type, cipher: Cipher | None) -> _Convert:
    hints = get_type_hints(kind)
    plan = {field.name: _pair(hints[field.name], cipher)[1] or _same for field in fields(kind)}

    def read(stored: dict[str, Any]) -> Any:
        return kind(**{name: plan[name](item) for name, item in stored.items() if name in plan})

    return read


JOBS = Codec(Job, remembered=1024)
LICENCES = Codec(Licence)


def encode_event(event: PublicEvent) -> str:
    """Return the event as one line."""
    return f"{event.seq} {event.at!r} {event.status.value} {event.percent}"


def decode_event(line: str) -> PublicEvent:
    """Return the event that ``line`` stands for."""
    seq, at, status, percent = line.split(" ")
    return PublicEvent(seq=int(seq), at=float(at), status=Status(status), percent=int(percent))


def to_json(value: object) -> str:
    """Return plain data (a plan for a script, what is known of an orphan) as compact JSON."""
    return _to_json(value)
