"""Bodies in three types become one shape; what is wrong is said."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.media import Vault
from sora_gateway.web.forms import MAX_FIELDS, MAX_TEXT_BYTES, Form, digest_of, nest, parse_json, read_form

BOUNDARY = "b0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def vault(tmp_path: Path) -> LocalVault:
    vault = LocalVault(tmp_path)
    await vault.open()
    return vault


def _request(
    body: bytes,
    content_type: str | None,
    query: str = "",
    piece_bytes: int = 64 * 1024,
    vault: Vault | None = None,
) -> Request:
    pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)] or [b""]

    async def receive() -> Message:
        piece = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(b"content-type", content_type.encode())] if content_type is not None else []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/videos",
        "query_string": query.encode(),
        "headers": headers,
        "app": SimpleNamespace(state=SimpleNamespace(services=SimpleNamespace(vault=vault))),
    }
    return Request(scope, receive)


def _part(name: str, value: bytes | str, filename: str | None = None, media_type: str | None = None) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename is not None else ""
    head += f"\r\nContent-Type: {media_type}" if media_type else ""
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def _multipart(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


async def _read(body: bytes, content_type: str | None, query: str = "", vault: Vault | None = None) -> Form:
    async with read_form(_request(body, content_type, query, vault=vault)) as form:
        return form


async def _refusal(body: bytes, content_type: str | None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await _read(body, content_type)
    return caught.value


@pytest.mark.parametrize(
    ("items", "tree"),
    [
        ([("a", "1")], {"a": "1"}),
        ([("a[b]", "1"), ("a[c]", "2")], {"a": {"b": "1", "c": "2"}}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[][id]", "1"), ("a[][id]", "2")], {"a": [{"id": "1"}, {"id": "2"}]}),
        ([("a[][id]", "1"), ("a[][x]", "2")], {"a": [{"id": "1", "x": "2"}]}),
        ([("a[b][c]", "1")], {"a": {"b": {"c": "1"}}}),
        ([("a", "1"), ("a", "1")], {"a": "1"}),
        ([("a", "1"), ("a", "2"), ("a", "3")], {"a": ["1", "2", "3"]}),
        ([("a[0]", "137"), ("a[1]", "80")], {"a": {"0": "137", "1": "80"}}),
        ([("a]b", "1"), ("[c]", "2"), ("", "3")], {"a]b": "1", "[c]": "2", "": "3"}),
        ([], {}),
    ],
)
def test_brackets(items: list[tuple[str, str]], tree: dict[str, Any]) -> None:
    """Names as both SDKs write maps, lists and lists of maps."""
    assert nest(items) == tree


@pytest.mark.parametrize(
    "items",
    [
        [("a", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a", "2")],
        [("a[b]", "1"), ("a[]", "2")],
        [("a[]", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a[b][c]", "2")],
        [("a" + "[b]" * 10, "1")],
        [("a[" * 3 + "]" * 3, "1"), ("a" + "[]" * 2000, "1")],
    ],
)
def test_brackets_that_contradict(items: list[tuple[str, str]]) -> None:
    """One name in two shapes, or too deep, is refused by its name."""
    with pytest.raises(GatewayError) as caught:
        nest(items)
    assert caught.value.param == "a"


async def test_json() -> None:
    """A JSON object is the fields as they are."""
    body = json.dumps({"prompt": "画小猫", "n": 2, "x": {"y": [1]}}).encode()
    for content_type in ("application/json", "application/json; charset=utf-8", "application/vnd.x+json"):
        form = await _read(body, content_type, "seconds=15&key=secret&a[]=1")
        assert form.fields == {"prompt": "画小猫", "n": 2, "x": {"y": [1]}}
        assert form.query == {"seconds": "15", "a": ["1"]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"prompt": }', "line 1 column 12"),
        (b'{"prompt": "x"', "line 1 column 14"),
        (b'\n{"prompt": NaN}', "line 2 column 12"),
        (b'{"prompt": "\\ud800"}', "line 1"),
        (b'{"prompt": "\xff"}', "line 1"),
        (b"[1, 2]", "JSON object"),
        (b'"text"', "JSON object"),
        (b"[" * 100_000, "recursion"),
        (b'{"a":' * 100_000, "recursion"),
    ],
)
async def test_json_that_is_broken(body: bytes, words: str) -> None:
    """400 that says where; depth bombs are met by the parser's own bound."""
    error = await _refusal(body, "application/json")
    assert error.kind is ErrorKind.INVALID_REQUEST
    assert words in error.message
    assert len(error.message) < 200


async def test_urlencoded() -> None:
    """Escaped and raw UTF-8, plus signs, brackets and empty values."""
    form = await _read("prompt=画+小%E7%8C%AB&n=2&a[b]=1&empty=".encode(), FORM)
    assert form.fields == {"prompt": "画 小猫", "n": "2", "a": {"b": "1"}, "empty": ""}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"prompt": "x"}', "looks like JSON"),
        (b"prompt=\xff\xfe", "UTF-8 at byte 7"),
        (b"&".join(b"a%d=1" % index for index in range(MAX_FIELDS + 1)), "more than"),
    ],
)
async def test_urlencoded_that_is_broken(body: bytes, words: str) -> None:
    """curl's default type around JSON is the commonest mistake: it is named."""
    assert words in (await _refusal(body, FORM)).message


async def test_multipart(vault: LocalVault) -> None:
    """Fields in any order, files in the order they came, names without their folders."""
    body = _multipart(
        _part("input_reference[]", b"\x89PNG one", "C:\\pictures\\一.png", "image/png"),
        _part("prompt", "画小猫"),
        _part("input_reference[]", b"\x89PNG two", "/home/me/two.png"),
        _part("characters[][id]", "char_1"),
        _part("file", b"x", ""),
    )
    async with read_form(_request(body, MULTIPART, piece_bytes=7, vault=vault)) as form:
        assert form.fields == {"prompt": "画小猫", "characters": [{"id": "char_1"}]}
        first, second = form.files["input_reference"]
        assert (first.name, second.name) == ("一.png", "two.png")
        files = [upload.file.path.read_bytes() for upload in (first, second)]
        assert files == [b"\x89PNG one", b"\x89PNG two"]
        assert form.files["file"][0].name == ""


async def test_large_texts_are_taken() -> None:
    """Data URLs of reference pictures come in text fields far over the framework's 1 MB."""
    text = "data:image/png;base64," + "A" * (3 * 2**20)
    form = await _read(_multipart(_part("input_reference", text)), MULTIPART)
    assert form.fields["input_reference"] == text
    assert MAX_TEXT_BYTES == 32 * 2**20


@pytest.mark.parametrize("size_bytes", [0, 1, 2 * 2**20 + 1])
async def test_files_lie_near_the_vault_and_go_with_the_block(vault: LocalVault, size_bytes: int) -> None:
    """What came, whole, with its length and digest; what is to stay has been kept by then."""
    data = os.urandom(size_bytes)
    body = _multipart(_part("image", data, "a/large.png"), _part("prompt", "x"))
    async with read_form(_request(body, MULTIPART, vault=vault)) as form:
        (upload,) = form.files["image"]
        assert upload.name == "large.png"
        assert (upload.file.size_bytes, upload.file.digest) == (size_bytes, hashlib.sha256(data).hexdigest())
        assert upload.file.path.read_bytes() == data
        assert form.fields == {"prompt": "x"}
    assert not upload.file.path.exists()


async def test_files_of_a_form_that_breaks_off_go_too(vault: LocalVault) -> None:
    """Nothing is left of a request that ends too early, or whose vault is gone."""
    body = _part("a", b"x" * 2**20, "a.png") + _part("b", b"x" * 2**20, "b.png")
    with pytest.raises(GatewayError, match="closing boundary"):
        await _read(body, MULTIPART, vault=vault)
    assert await vault.sweep(-60) == 0


async def test_a_body_is_held_once(vault: LocalVault) -> None:
    """Of JSON with a large picture in it there is the text and, while it is parsed, the body."""
    text = "A" * (8 * 2**20)
    request = _request(json.dumps({"image": text}).encode(), "application/json")
    del text
    tracemalloc.start()
    try:
        async with read_form(request) as form:
            held, peak = tracemalloc.get_traced_memory()
            assert len(form.fields["image"]) == 8 * 2**20
    finally:
        tracemalloc.stop()
    assert held < 9 * 2**20
    assert peak < 20 * 2**20


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"--x", "multipart/form-data", "boundary"),
        (_part("prompt", "x"), MULTIPART, "closing boundary"),
        (_part("image", "x", "f.png"), MULTIPART, "closing boundary"),
        (b"garbage", MULTIPART, "multipart"),
        (
            _multipart(*[_part(f"a{index}", "1") for index in range(MAX_FIELDS + 1)]),
            MULTIPART,
            "Too many fields",
        ),
        (_multipart(*[_part("a", "1", "f") for _ in range(33)]), MULTIPART, "Too many files"),
    ],
)
async def test_multipart_that_is_broken(body: bytes, content_type: str, words: str) -> None:
    """400 in our words, never the parser's own answer."""
    error = await _refusal(body, content_type)
    assert error.kind is ErrorKind.INVALID_REQUEST
    assert words in error.message


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", None, "nonsense"])
async def test_other_types_are_refused(content_type: str | None) -> None:
    """415 that names the three types."""
    error = await _refusal(b"prompt", content_type)
    assert error.kind is ErrorKind.UNSUPPORTED_MEDIA_TYPE
    assert "multipart/form-data" in error.message
    assert (content_type or "missing") in error.message


@pytest.mark.parametrize("content_type", ["application/json", FORM, None, "text/plain"])
async def test_empty_body_is_an_empty_form(content_type: str | None) -> None:
    """Everything may stand in the query."""
    form = await _read(b"", content_type, "prompt=x")
    assert (form.fields, form.query) == ({}, {"prompt": "x"})


def test_digest_tells_requests_apart() -> None:
    """Order of keys and spelling of numbers and booleans do not count; values, route and files do."""
    form = Form(fields={"a": 1, "b": [True, {"c": None}]}, query={"d": "1"})
    same = Form(fields={"b": ["true", {"c": None}], "a": "1"}, query={"d": "1"})
    assert digest_of("r", form, ["f"]) == digest_of("r", same, ["f"])
    others = [
        digest_of("r", Form(fields={"a": "2", "b": [True, {"c": None}]}, query={"d": "1"}), ["f"]),
        digest_of("r", Form(fields=form.fields), ["f"]),
        digest_of("r", form, ["g"]),
        digest_of("r", form),
        digest_of("s", form, ["f"]),
        digest_of("r", Form(fields={"a": "x" * 5000})),
        digest_of("r", Form(fields={"a": "x" * 5001})),
    ]
    assert len({digest_of("r", form, ["f"]), *others}) == 8


def test_parse_json_wants_an_object() -> None:
    """The bound of depth is the parser's; ordinary depth is fine."""
    assert parse_json(b'{"a": [[[[[1]]]]]}') == {"a": [[[[[1]]]]]}
