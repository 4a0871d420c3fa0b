"""Read what a request asks for: JSON, multipart or urlencoded, into one shape."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import boolean, whole
from sora_gateway.ports.media import LocalFile, Spool
from sora_gateway.web.deps import services_of

MAX_TEXT_BYTES = 32 * 1024 * 1024
"""Of one text field: reference pictures arrive there as data URLs."""

MAX_FIELDS = 1000
MAX_FILES = 32
_WRITTEN_AT_ONCE = 512 * 1024
_LONG_TEXT = 4096
_MAX_DEPTH = 5
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_PLAIN_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_JSON = re.compile(r"^application/(?:[\w.+-]+\+)?json$")
_AUTH_QUERY = "key"


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """A file of a form. ``name`` is the last part of the path that the client sent, good for messages."""

    name: str
    file: LocalFile


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
        async with AsyncExitStack() as spools:
            yield _form(await _multipart(request, spools), query)
        return
    yield Form(fields=_fields(await _body(request), media_type), query=query)


async def _body(request: Request) -> bytearray:
    """Return the body, of which the request keeps no copy: pictures may be in it."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
    return body


def _fields(body: bytearray, media_type: str) -> dict[str, Any]:
    if not body or body.isspace():
        return {}
    if _JSON.match(media_type):
        return parse_json(body)
    if media_type == "application/x-www-form-urlencoded":
        return nest(_urlencoded(body))
    given = f"'{media_type}'" if media_type else "missing"
    raise GatewayError(
        ErrorKind.UNSUPPORTED_MEDIA_TYPE,
        f"The Content-Type is {given}; send application/json, multipart/form-data or "
        "application/x-www-form-urlencoded.",
    )


def parse_json(body: bytes | bytearray) -> dict[str, Any]:
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


def _urlencoded(body: bytes | bytearray) -> list[tuple[str, str]]:
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


class _Part(UploadFile):
    """A file on its way to disk: it is written many pieces at a time, near the place where it may stay."""

    def __init__(self, filename: str, headers: Headers, request: Request, spools: AsyncExitStack) -> None:
        super().__init__(BytesIO(), filename=filename, headers=headers)
        self._request = request
        self._spools = spools
        self._spool: Spool | None = None
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0

    async def write(self, data: bytes) -> None:
        """Take the next piece."""
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _WRITTEN_AT_ONCE:
            await self._flush()

    async def seek(self, offset: int) -> None:
        """Take note that the file is whole: the parser goes back to its beginning then."""
        self.kept = (await self._flush()).file()

    async def _flush(self) -> Spool:
        if self._spool is None:
            vault = services_of(self._request).vault
            self._spool = await self._spools.enter_async_context(vault.spool())
        if self._pieces:
            await self._spool.write(self._pieces)
        self._pieces, self._waiting_bytes = [], 0
        return self._spool


class _Parser(MultiPartParser):
    """Puts files where they may stay, and notices a form that breaks off.

    The last part of such a form would be dropped in silence.
    """

    def __init__(self, request: Request, spools: AsyncExitStack) -> None:
        self._is_whole = False
        self._request = request
        self._spools = spools
        super().__init__(
            request.headers,
            self._checked(request),
            max_files=MAX_FILES,
            max_fields=MAX_FIELDS,
            max_part_size=MAX_TEXT_BYTES,
        )

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        part = self._current_part
        if part.file is not None:
            part.file.file.close()  # it would be kept in memory first, and written by 64 KiB
            part.file = _Part(part.file.filename or "", part.file.headers, self._request, self._spools)

    def on_end(self) -> None:
        self._is_whole = True

    async def _checked(self, request: Request) -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not self._is_whole:
            raise MultiPartException("it ends before its closing boundary.")


async def _multipart(request: Request, spools: AsyncExitStack) -> list[tuple[str, str | UploadFile]]:
    try:
        return (await _Parser(request, spools).parse()).multi_items()
    except MultiPartException as error:
        raise _bad(f"The multipart form cannot be read: {error.message}") from error


def _form(items: Iterable[tuple[str, str | UploadFile]], query: Mapping[str, Any]) -> Form:
    texts: list[tuple[str, str]] = []
    files: dict[str, tuple[Upload, ...]] = {}
    for name, value in items:
        if not isinstance(value, _Part):
            texts.append((name, str(value)))
            continue
        base = name.partition("[")[0]
        filename = re.split(r"[/\\]", value.filename or "")[-1]
        files[base] = (*files.get(base, ()), Upload(filename, value.kept))
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
        case str() if len(value) > _LONG_TEXT:  # a picture in base64, maybe
            return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        case _:
            # JSON has numbers and booleans, forms have them as text: both say the same.
            flag, number = boolean(value), whole(value)
            return repr(value) if flag is None and number is None else f"{flag}{number}"
