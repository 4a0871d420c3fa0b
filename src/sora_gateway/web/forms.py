"""Read what a request asks for: JSON, multipart or urlencoded, into one shape."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import boolean, whole

MAX_TEXT_BYTES = 32 * 1024 * 1024
"""Of one text field: reference pictures arrive there as data URLs."""

MAX_FIELDS = 1000
MAX_FILES = 32
_PIECE_BYTES = 256 * 1024
_MAX_DEPTH = 5
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_PLAIN_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_JSON = re.compile(r"^application/(?:[\w.+-]+\+)?json$")
_AUTH_QUERY = "key"


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """A file of a form. ``name`` is the last part of the path that the client sent, good for messages."""

    name: str
    _file: UploadFile

    @property
    def size_bytes(self) -> int:
        """How long the file is."""
        return self._file.size or 0

    async def read(self) -> bytes:
        """Return the whole file."""
        await self._file.seek(0)
        return await self._file.read()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file in pieces, in constant memory."""
        await self._file.seek(0)
        while piece := await self._file.read(_PIECE_BYTES):
            yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A parsed request. Brackets in names are resolved: ``a[b]=1`` is ``{"a": {"b": "1"}}``.

    ``files`` holds the files by name without brackets, in the order they came; ``query`` the parameters of
    the URL but the key.
    """

    fields: Mapping[str, Any]
    files: Mapping[str, tuple[Upload, ...]] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)


def _bad(message: str, param: str | None = None) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)


@asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[Form]:
    """Parse the request by its Content-Type; files live as long as the block.

    An empty body is a form without fields, whatever its type.

    Raises:
        GatewayError(invalid_request): the body is not what its type says; the message says where.
        GatewayError(unsupported_media_type): neither JSON nor a form.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    query = nest(item for item in request.query_params.multi_items() if item[0] != _AUTH_QUERY)
    if media_type == "multipart/form-data":
        items = await _multipart(request)
        try:
            yield _form(items, query)
        finally:
            await _close(items)
        return
    body = await request.body()
    if not body.strip():
        yield Form(fields={}, query=query)
    elif _JSON.match(media_type):
        yield Form(fields=parse_json(body), query=query)
    elif media_type == "application/x-www-form-urlencoded":
        yield Form(fields=nest(_urlencoded(body)), query=query)
    else:
        given = f"'{media_type}'" if media_type else "missing"
        raise GatewayError(
            ErrorKind.UNSUPPORTED_MEDIA_TYPE,
            f"The Content-Type is {given}; send application/json, multipart/form-data or "
            "application/x-www-form-urlencoded.",
        )


def parse_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; depth is bounded by the parser.

    Raises:
        GatewayError(invalid_request): no JSON, too deep, or no object.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise _bad(f"The body is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise _bad('The body must be a JSON object, like {"prompt": "..."}.')
    return value


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    if body.lstrip()[:1] in (b"{", b"["):
        raise _bad(
            "The body looks like JSON, but the Content-Type is application/x-www-form-urlencoded; "
            "send 'Content-Type: application/json'."
        )
    try:
        text = body.decode()
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise _bad(f"The form is not UTF-8 at byte {error.start}.") from error
    except ValueError as error:
        raise _bad(f"The form has more than {MAX_FIELDS} fields.") from error


class _WholeParser(MultiPartParser):
    """Notices a form that breaks off, whose last part would be dropped in silence."""

    def __init__(self, request: Request) -> None:
        self._is_whole = False
        super().__init__(
            request.headers,
            self._checked(request),
            max_files=MAX_FILES,
            max_fields=MAX_FIELDS,
            max_part_size=MAX_TEXT_BYTES,
        )

    def on_end(self) -> None:
        self._is_whole = True

    async def _checked(self, request: Request) -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not self._is_whole:
            raise MultiPartException("it ends before its closing boundary.")


async def _multipart(request: Request) -> list[tuple[str, str | UploadFile]]:
    try:
        return (await _WholeParser(request).parse()).multi_items()
    except MultiPartException as error:
        raise _bad(f"The multipart form cannot be read: {error.message}") from error


async def _close(items: Iterable[tuple[str, str | UploadFile]]) -> None:
    for _, value in items:
        if isinstance(value, UploadFile):
            await value.close()


def _form(items: Iterable[tuple[str, str | UploadFile]], query: Mapping[str, Any]) -> Form:
    texts: list[tuple[str, str]] = []
    files: dict[str, tuple[Upload, ...]] = {}
    for name, value in items:
        if isinstance(value, str):
            texts.append((name, value))
            continue
        base = name.partition("[")[0]
        filename = re.split(r"[/\\]", value.filename or "")[-1]
        files[base] = (*files.get(base, ()), Upload(filename, value))
    return Form(fields=nest(texts), files=files, query=query)


def nest(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Resolve bracket names as the SDKs write them.

    ``a[b]`` is a key of a map, ``a[]`` an item of a list, ``a[][b]`` a map in a list (a key that the last
    one has already begins the next). A plain name that comes again with another value becomes a list.

    Raises:
        GatewayError(invalid_request): one name is used in two shapes, or nested too deep.
    """
    tree: dict[str, Any] = {}
    for name, text in items:
        plain = _PLAIN_NAME.match(name)
        if plain is None:
            tree[name] = text
            continue
        keys = [plain[1], *_BRACKETS.findall(plain[2])]
        if len(keys) > _MAX_DEPTH:
            raise _bad(f"The field name '{name[:80]}' is nested too deep.", plain[1])
        try:
            _put(tree, keys, text)
        except (TypeError, AttributeError) as error:
            raise _bad(
                f"'{plain[1]}' is given in two shapes, the second as '{name[:80]}'.", plain[1]
            ) from error
    return tree


def _put(node: dict[str, Any], keys: list[str], text: str) -> None:
    key, rest = keys[0], keys[1:]
    if not rest:
        _put_text(node, key, text)
    elif rest[0] == "":
        items = node.setdefault(key, [])
        if not isinstance(items, list):
            raise TypeError(key)
        _append(items, rest[1:], text)
    else:
        inner = node.setdefault(key, {})
        if not isinstance(inner, dict):
            raise TypeError(key)
        _put(inner, rest, text)


def _put_text(node: dict[str, Any], key: str, text: str) -> None:
    match node.get(key):
        case None:
            node[key] = text
        case str(before):
            if before != text:
                node[key] = [before, text]
        case list(several):
            several.append(text)
        case _:
            raise TypeError(key)


def _append(items: list[Any], rest: list[str], text: str) -> None:
    if not rest:
        items.append(text)
        return
    last = items[-1] if items else None
    if not isinstance(last, dict) or rest[0] in last:
        last = {}
        items.append(last)
    _put(last, rest, text)


def digest_of(route: str, form: Form, files: Iterable[str] = ()) -> str:
    """Return a digest of what was asked: fields and files, never the bytes they came in.

    JSON and multipart spellings of one request are equal.
    """
    digest = hashlib.sha256()
    for part in (route, _canonical(form.fields), _canonical(form.query), *files):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _canonical(value: Any) -> str:
    match value:
        case Mapping():
            return "{" + ",".join(f"{key!r}:{_canonical(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(_canonical(item) for item in value) + "]"
        case _:
            # JSON has numbers and booleans, forms have them as text: both say the same.
            flag, number = boolean(value), whole(value)
            return repr(value) if flag is None and number is None else f"{flag}{number}"
