"""Hostile inputs, and the answer that each must get. One row is one request; add rows freely.

Names in braces are filled in by the test: ``{video}``, ``{picture}``, ``{file}``, ``{response}`` and
``{operation}`` are ids of Ann's, ``{link}`` opens her picture without a key, ``{trap}`` is the port of a
server on loopback that nobody may call. Unless a row says otherwise, Bob sends it, who owns nothing.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.functional.stage import clip, picture

JSON = {"Content-Type": "application/json"}
VIDEO = "sora_video2"
REFUSED = frozenset({400})
NOT_THERE = frozenset({404})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One request. ``body`` may be made when it is needed; ``statuses`` are the allowed answers.

    ``code`` and ``param`` are those of the answer's error, if they are given; ``absent`` may not stand in any
    header of the answer.
    """

    name: str
    path: str = "/sora/v1/videos"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    body: bytes | Callable[[], bytes] = b""
    statuses: frozenset[int] = REFUSED
    code: str = ""
    param: str = ""
    sender: str = "bob"
    absent: str = "x-injected"
    is_chunked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Bytes as they go over the wire, each piece after ``pause_s``. No status: the connection is closed."""

    name: str
    pieces: tuple[bytes, ...]
    statuses: frozenset[int] = REFUSED
    pause_s: float = 0.0


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _asked(**changes: Any) -> bytes:
    return _json({"model": VIDEO, "prompt": "hostile", **changes})


# Where a URL would lead into the operator's own network.

_LOOPBACKS = (
    *("127.0.0.1", "localhost", "LOCALHOST.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1"),
    *("0177.0.0.1", "017700000001", "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "127。0。0。1"),
    *("①②⑦.⓪.⓪.①", "127.0.0.1%00.example.com", "127.0.0.1%2eexample.com", "%31%32%37.0.0.1"),
)
_NEIGHBOURS = (
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.170.2"),
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]", "100.100.100.200"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "255.255.255.255", "224.0.0.1", "[ff02::1]"),
    *("metadata.google.internal", "192.0.2.1", "198.18.0.1", "[2001:db8::1]"),
)
_URLS = (
    *(f"http://{host}:{{trap}}/picture.png" for host in _LOOPBACKS),
    *(f"http://{host}/latest/meta-data/" for host in _NEIGHBOURS),
    *("http://user:pass@127.0.0.1:{trap}/", "http://example.com@127.0.0.1:{trap}/"),
    *("http://127.0.0.1:{trap}#@example.com/", "http://127.0.0.1:{trap}\\@example.com/"),
    *(
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:99999999999/",
        "http://127.0.0.1:-1/",
    ),
    *(
        "http://127.0.0.1:{trap}/\r\nX-Injected: yes",
        "http://127.0.0.1:{trap}\r\n/",
        "\thttp://127.0.0.1:{trap}/",
    ),
    *(
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://127.0.0.1:{trap}/_GET",
        "ftp://127.0.0.1:{trap}/",
    ),
    *("dict://127.0.0.1:{trap}/", "unix:///run/secret.sock", "javascript:alert(1)", "jar:http://127.0.0.1!/"),
    *(
        "http:///etc/passwd",
        "http://",
        "http://[",
        "http://[::1",
        "//127.0.0.1:{trap}/",
        "http:127.0.0.1:{trap}",
    ),
    *(
        "http://a" + "a" * 300 + "/",
        "http://127.0.0.1:{trap}/" + "a" * 10_000,
        "http://\ud7ff\u0000/",
        "\\\\host\\x",
    ),
)


def _urls() -> Iterator[Hostile]:
    for url in _URLS:
        yield Hostile(
            name=f"url {url[:60]!r}", body=_asked(input_reference={"image_url": url}), param="input_reference"
        )
    url = "http://127.0.0.1:{trap}/picture.png"
    part = {"type": "image_url", "image_url": {"url": url}}
    source = {"type": "image", "source": {"type": "url", "url": url}}
    item = {"type": "input_image", "image_url": url}
    text = {"type": "text", "text": "hostile"}
    data = {"fileData": {"fileUri": url, "mimeType": "image/png"}}
    bodies: dict[str, Any] = {
        "/v1/images/edits": {"model": "sora_image", "prompt": "hostile", "images": [{"image_url": url}]},
        "/v1/images/variations": {"model": "sora_image", "image": url},
        "/v1/chat/completions": {"model": VIDEO, "messages": [{"role": "user", "content": [text, part]}]},
        "/v1/messages": {
            "model": VIDEO,
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [text, source]}],
        },
        "/v1/responses": {"model": "sora_image", "input": [{"role": "user", "content": [item]}]},
        "/v1beta/models/sora_image:generateContent": {"contents": [{"parts": [{"text": "hostile"}, data]}]},
        "/v1/characters": {"name": "hostile", "character_url": url, "character_timestamps": "0,2"},
    }
    for path, body in bodies.items():
        yield Hostile(name=f"url on {path}", path=path, body=_json(body))


# What is too large, states it or hides it.


def _png(width: int, height: int, *chunks: tuple[bytes, bytes], data: bytes = b"") -> bytes:
    """Return a PNG whose header claims so much, with chunks before its data."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", data or zlib.compress(b"\0")), (b"IEND", b""))
    framed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _zeros(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(size >> 20)), packer.flush()])


def _webp() -> bytes:
    frame = b"\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383)
    body = b"VP8 " + struct.pack("<I", 10) + b"\x30\x01\x00" + frame
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _jpeg() -> bytes:
    data = bytearray(picture(size=(8, 8)))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def _noise(side: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 100).save(out, "PNG", compress_level=0)
    return out.getvalue()


def _gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (8, 8)).save(out, "GIF")
    return out.getvalue().replace(b"GIF89a", b"GIF89a", 1) + b"/*<script>alert(1)</script>*/"


def _url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _form(*parts: tuple[str, bytes], boundary: str = "b") -> bytes:
    """Return a multipart body of parts with these heads, which may say anything."""
    begun = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + body + b"\r\n" for head, body in parts)
    return begun + f"--{boundary}--\r\n".encode()


def _text(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def _file(
    name: str, data: bytes, filename: str = "picture.png", kind: str = "image/png"
) -> tuple[str, bytes]:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return f"{disposition}\r\nContent-Type: {kind}", data


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
_WISH = (_text("model", VIDEO), _text("prompt", "hostile"))


def _with_file(data: bytes, filename: str = "picture.png", kind: str = "image/png") -> bytes:
    return _form(*_WISH, _file("input_reference", data, filename, kind))


def _sizes() -> Iterator[Hostile]:
    large = frozenset({413})
    yield Hostile(
        name="body over the limit, stated",
        headers={**JSON, "Content-Length": "999999999999"},
        statuses=large,
        code="request_too_large",
    )
    yield Hostile(
        name="body over the limit, not stated",
        body=lambda: b"[" + b" " * 5_000_000 + b"]",
        is_chunked=True,
        statuses=large,
        code="request_too_large",
    )
    yield Hostile(
        name="data URL over the limit",
        body=lambda: _asked(input_reference=_url(_noise(1100))),
        param="input_reference",
    )
    yield Hostile(
        name="file over the limit",
        headers=MULTIPART,
        body=lambda: _with_file(_noise(1100)),
        param="input_reference",
    )
    bombs: dict[str, Callable[[], bytes]] = {
        "50,000 x 50,000 in the header": lambda: _png(50_000, 50_000),
        "2,147,483,647 x 1 in the header": lambda: _png(2**31 - 1, 1),
        "0 x 0": lambda: _png(0, 0),
        "60,000 x 60,000 of zeros": lambda: _png(60_000, 60_000, data=_zeros(450_000_000 >> 3)),
        "a text of 200 MB": lambda: _png(8, 8, (b"zTXt", b"a\0\0" + _zeros(200 << 20))),
        "a colour profile of 200 MB": lambda: _png(8, 8, (b"iCCP", b"a\0\0" + _zeros(200 << 20))),
        "WebP of 16,383 x 16,383": _webp,
        "JPEG of 65,500 x 65,500": _jpeg,
        "cut off": lambda: picture(encoding="PNG")[:-200],
    }
    for name, make in bombs.items():
        yield Hostile(
            name=f"picture: {name}",
            headers=MULTIPART,
            body=lambda make=make: _with_file(make()),
            param="input_reference",
        )
    packed = {**JSON, "Content-Encoding": "gzip"}
    yield Hostile(name="packed body", headers=packed, body=lambda: zlib.compress(b" " * 50_000_000, wbits=31))


# What is not what it says.


def _contents() -> Iterator[Hostile]:
    page = b"<!doctype html><script>alert(document.domain)</script>"
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="file:///etc/passwd"/></svg>'
    )
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    mvg = b"push graphic-context\nviewbox 0 0 1 1\nimage over 0,0 0,0 'http://127.0.0.1:1/'\n"
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
    kinds: dict[str, bytes] = {
        "a page": page,
        "SVG": svg,
        "PostScript": eps,
        "ImageMagick's language": mvg,
        "a playlist": playlist,
        "a GIF with a script": _gif(),
        "a PNG's first bytes and a page": b"\x89PNG\r\n\x1a\n" + page,
        "a JPEG's first bytes and a page": b"\xff\xd8\xff\xe0" + page,
        "a WebP's first bytes and a page": b"RIFF\0\0\0\0WEBP" + page,
        "nothing": b"",
        "zeros": bytes(1000),
    }
    for name, data in kinds.items():
        yield Hostile(
            name=f"picture: {name}", headers=MULTIPART, body=_with_file(data), param="input_reference"
        )
    yield Hostile(name="SVG as data URL", body=_asked(input_reference=_url(svg, "image/svg+xml")))
    yield Hostile(name="data URL without comma", body=_asked(input_reference="data:image/png;base64"))
    yield Hostile(name="data URL, broken base64", body=_asked(input_reference="data:image/png;base64,%%%=="))
    film = clip(1)
    files: dict[str, bytes] = {
        **{name: data for name, data in kinds.items() if data},
        "an mp4 that is cut off": film[: len(film) // 2],
        "an mp4's first bytes and a page": b"\0\0\0\x18ftypisom" + page,
        "an mp4 of boxes in boxes": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + b"\0\0\xff\xffmoov" * 5000,
        "a WebM's first bytes and nothing": b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm",
        "a program": b"\x7fELF" + bytes(100),
        "an archive": b"PK\x03\x04" + bytes(100),
    }
    for name, data in files.items():
        body = _form(_text("purpose", "vision"), _file("file", data, "film.mp4", "video/mp4"))
        yield Hostile(name=f"file: {name}", path="/v1/files", headers=MULTIPART, body=body, param="file")


# Forms that are bombs.


def _forms() -> Iterator[Hostile]:
    def form(name: str, *parts: tuple[str, bytes], **changes: Any) -> Hostile:
        return Hostile(name=f"form: {name}", headers=MULTIPART, body=_form(*_WISH, *parts), **changes)

    yield form("10,000 fields", *(_text(f"f{number}", "x") for number in range(10_000)))
    yield form("10,000 equal fields", *(_text("input_reference[]", "x") for _ in range(10_000)))
    yield form("1,000 files", *(_file("input_reference", b"x") for _ in range(1000)))
    yield form("a name of open brackets", _text("seconds" + "[" * 5000, "x"), _text("n", "no"))
    yield form("a name nested deep", _text("a" + "[b]" * 2000, "x"))
    yield form("a name in two shapes", _text("prompt[a]", "x"), _text("prompt[]", "y"))
    yield form("a huge head", ("X: " + "a" * 500_000 + '\r\nContent-Disposition: form-data; name="n"', b"1"))
    yield form("many heads", ("X: a\r\n" * 50_000 + 'Content-Disposition: form-data; name="n"', b"1"))
    yield form("no name", ("Content-Disposition: form-data", b"x"))
    yield form("no disposition", ("X: y", b"x"))
    yield form("bytes that are no UTF-8", ('Content-Disposition: form-data; name="seconds"', b"\xff\xfe"))
    for name, kind in (
        ("no boundary", "multipart/form-data"),
        ("an empty boundary", "multipart/form-data; boundary="),
        ("a boundary of 5,000", "multipart/form-data; boundary=" + "b" * 5000),
        ("another boundary", "multipart/form-data; boundary=other"),
        ("an unknown charset", "multipart/form-data; boundary=b; charset=utf-99"),
        ("another multipart", "multipart/mixed; boundary=b"),
    ):
        body = _form(*_WISH, _text("n", "no"))
        yield Hostile(
            name=f"form: {name}", headers={"Content-Type": kind}, body=body, statuses=frozenset({400, 415})
        )
    yield Hostile(name="form: never closed", headers=MULTIPART, body=_form(*_WISH)[:-8])
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    yield Hostile(
        name="form: 100,000 fields in a line", headers=urlencoded, body=b"&".join([b"a=1"] * 100_000)
    )
    yield Hostile(name="form: a line that is no UTF-8", headers=urlencoded, body=b"prompt=\xff")
    yield Hostile(name="form: escapes that are no UTF-8", headers=urlencoded, body=b"prompt=%ff%fe&n=no")


# JSON that is none, or more than it should be.

_ROUTES: Mapping[str, Mapping[str, Any]] = {
    "/v1/videos": {"model": VIDEO, "prompt": "hostile"},
    "/v1/images/generations": {"model": "sora_image", "prompt": "hostile"},
    "/v1/chat/completions": {"model": VIDEO, "messages": [{"role": "user", "content": "hostile"}]},
    "/v1/messages": {"model": VIDEO, "max_tokens": 1, "messages": [{"role": "user", "content": "hostile"}]},
    "/v1/responses": {"model": VIDEO, "input": "hostile"},
    "/v1beta/models/sora_image:generateContent": {"contents": [{"parts": [{"text": "hostile"}]}]},
    "/v1beta/models/sora_video2:predictLongRunning": {"instances": [{"prompt": "hostile"}]},
}
"""Routes that make something, and what they would be content with."""

_CONFUSED: tuple[Any, ...] = (
    [],
    {},
    [[]],
    [{}],
    [None],
    0,
    -1,
    True,
    1e308,
    {"a": {"b": {}}},
    [{"content": 1}],
)


def _texts() -> Iterator[Hostile]:
    bodies: dict[str, bytes | Callable[[], bytes]] = {
        "100,000 open brackets": lambda: b"[" * 100_000,
        "100,000 brackets in a field": lambda: b'{"metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "100,000 objects in each other": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "NaN": b'{"seconds": NaN}',
        "Infinity": b'{"seconds": -Infinity}',
        "a number of 10,000 digits": b'{"n": ' + b"9" * 10_000 + b"}",
        "a number that is infinite": _asked().replace(b"}", b', "n": 1e400}'),
        "invalid UTF-8": b'{"prompt": "\xff\xfe"}',
        "half a surrogate": b'{"prompt": "\\ud800"}',
        "a bare NUL": b'{"prompt": "\x00"}',
        "UTF-16": '{"prompt": "x"}'.encode("utf-16"),
        "a byte order mark": b'\xef\xbb\xbf{"prompt": "x"}',
        "two objects": b"{}{}",
        "a string": b'"x"',
        "cut off": b'{"prompt": "x',
        "keys twice, the last one bad": b'{"model": "sora_video2", "prompt": "hostile", "n": 1, "n": "no"}',
        "a prompt of a megabyte": lambda: _asked(prompt="x" * 1_000_000),
        "100,000 fields and a bad one": lambda: _asked(
            n="no", **{f"f{number}": number for number in range(100_000)}
        ),
        "a size of 10,000 digits": _asked(size="9" * 5000 + "x" + "9" * 5000),
        "seconds of 10,000 digits": _asked(seconds="9" * 10_000),
        "n below zero": _asked(n=-(10**18)),
        "a model of a megabyte": lambda: _asked(model="x" * 1_000_000),
        "a model with NUL": _asked(model="sora_video2\0"),
        "a file id with a path": _asked(input_reference={"file_id": "../../etc/passwd"}),
        "a file id with NUL": _asked(input_reference={"file_id": "file_\0"}),
        "a remix of a path": _asked(remix_target_id="../../etc/passwd"),
    }
    for name, body in bodies.items():
        yield Hostile(name=f"JSON: {name}", body=body, statuses=frozenset({400, 404}))
    for name, fields in {
        "100,000 unknown fields": {f"f{number}": 1 for number in range(100_000)},
        "an unknown field that is like a token a million times": {"eyJ" * 1_000_000: 1},
        "an unknown field with line breaks and colours": {"\r\n2026-01-01 [error] \x1b[31m forged": 1},
    }.items():
        yield Hostile(name=f"JSON: {name}", body=_asked(dry_run=True, **fields), statuses=frozenset({200}))
    for path, body in _ROUTES.items():
        for name in [name for name in body if name != "max_tokens"]:
            for index, value in enumerate(_CONFUSED):
                confused = _json({**body, name: value, "dry_run": True})
                yield Hostile(name=f"shape {index} of {name} on {path}", path=path, body=confused)


def _kinds() -> Iterator[Hostile]:
    for kind in (
        "text/xml",
        "application/xml",
        "text/plain",
        "image/png",
        "*/*",
        "a" * 5000,
        "application/json/x",
        "",
    ):
        yield Hostile(
            name=f"content type {kind[:30]!r}",
            headers={"Content-Type": kind},
            body=_asked(),
            statuses=frozenset({415}),
        )


# Ids and names that are paths, or break lines.

_IDS = (
    *(
        "..",
        "../",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5cwindows",
        "%252e%252e%252f",
    ),
    *(
        "%00",
        "video_%00",
        "video_1%00.mp4",
        "%0d%0aX-Injected:%20yes",
        "%0aX-Injected:%20yes",
        "%E2%80%AE%F0%9F%92%A9",
    ),
    *(
        "%ff%fe",
        "*",
        "%7Bgw%7D",
        "[a-z]*",
        "'%20OR%201=1--",
        "$(id)",
        "%3Cscript%3E",
        "a" * 5000,
        "%",
        "%zz",
        "null",
    ),
    *("video_" + "0" * 26, "-1", "0", "%20", ".", "video_*", "constructor", "__proto__"),
)
_PLACES = (
    *("/sora/v1/videos/{id}", "/v1/videos/{id}/content", "/v1/videos/{id}/events", "/v1/files/{id}"),
    *("/v1/files/{id}/content", "/v1/responses/{id}", "/v1/characters/{id}", "/v1/models/{id}"),
    *("/v1/files/{id}/video/0.mp4?exp=9999999999&sig=x", "/v1beta/models/sora_video2/operations/{id}"),
    *("/v1beta/files/{id}:download", "/v1beta/operations/{id}"),
)


def _paths() -> Iterator[Hostile]:
    for number, given in enumerate(_IDS):
        # Each place meets several ids, each id several places.
        for place in _PLACES[number % 3 :: 3]:
            yield Hostile(
                name=f"path {place.partition('?')[0]} {given[:40]}",
                method="GET",
                path=place.replace("{id}", given),
                headers={},
                statuses=frozenset({400, 403, 404, 405})
                | ({200} if given in ("..", "../", ".", "%20") else set()),
            )
    for name in (
        "../../../etc/passwd",
        "..\\\\..\\\\x.png",
        "a" * 10_000,
        "\u202egnp.exe",
        "%00.png",
        "a;b=c.png",
        "",
    ):
        body = _with_file(b"no picture", name)
        yield Hostile(name=f"file name {name[:20]!r}", headers=MULTIPART, body=body)
    yield Hostile(
        name="line break in a file name",
        headers=MULTIPART,
        body=_form(
            *_WISH,
            ('Content-Disposition: form-data; name="input_reference"; filename="a\rX-Injected: yes"', b"x"),
        ),
    )


def _heads() -> Iterator[Hostile]:
    wrong = _asked(n="no")
    for name, headers in {
        "key of 256": {"Idempotency-Key": "k" * 256},
        "key of 8,000": {"Idempotency-Key": "k" * 8000},
        "method in another header": {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"},
        "forwarded for a page": {"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "evil.example"},
        "forwarded for many": {"X-Forwarded-For": ", ".join(["1.2.3.4"] * 2000)},
        "forwarded for nobody": {
            "X-Forwarded-For": "<script>",
            "Forwarded": 'for="_x";proto=\x0b'.strip("\x0b"),
        },
        "attempt 10**30": {"x-stainless-retry-count": "1" + "0" * 30},
        "attempt -1": {"x-stainless-retry-count": "-1"},
        "patience of NaN": {"x-stainless-read-timeout": "nan", "x-server-timeout": "-inf"},
        "wait of 10**5000": {"Prefer": "wait=1" + "0" * 5000},
        "expect a miracle": {"Expect": "200-ok"},
        "an own request id": {"X-Request-Id": "req_mine"},
        "an upgrade": {"Connection": "Upgrade", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"},
    }.items():
        yield Hostile(name=f"header: {name}", headers={**JSON, **headers}, body=wrong, absent="req_mine")
    odd = {"a": [[[]]] * 100, "b": "9" * 9000, "c": "\u0663", "e": {str(at): at for at in range(500)}}
    for name, value in {"Idempotency-Key": "hostile", "x-stainless-retry-count": "1"}.items():
        endless = wrong.replace(b"}", b', "m": -1e400}')
        for body in (_asked(n="no", metadata=odd), endless, wrong):
            headers = {**JSON, name: value}
            yield Hostile(name=f"repeated by {name}, {len(body)} bytes", headers=headers, body=body)
    for host in ("[", "[::1", "a b", "evil.example:99999999", "\xff", "a@b", "../..", "x" * 3000, ""):
        for path in ("/v1/files/x/video/nothing", "/v1/nowhere/", "/v1/videos/none"):
            yield Hostile(
                name=f"host {host[:20]!r} on {path}",
                method="GET",
                path=path,
                headers={"Host": host},
                statuses=NOT_THERE | REFUSED,
            )
    for method, path, status in (
        ("TRACE", "/sora/v1/videos", 405),
        ("BREW", "/sora/v1/videos", 400),
        ("PUT", "/sora/v1/videos/{video}", 405),
        ("PATCH", "/sora/v1/videos/{video}", 405),
        ("DELETE", "/sora/v1/videos", 405),
        ("OPTIONS", "/sora/v1/videos", 405),
        ("PROPFIND", "/", 405),
        ("GET", "/v1/videos?limit=" + "9" * 5000, 400),
        ("GET", "/v1/videos?limit=%D9%A3", 400),
        ("GET", "/v1/videos?limit=1e3", 400),
        ("GET", "/v1/videos?order=desc;drop", 400),
        ("GET", "/v1/videos?after=" + "a" * 5000, 404),
        ("GET", "/v1/videos?after=%00", 404),
        ("GET", "/v1/files?limit=-1", 400),
        ("GET", "/" + "a" * 20_000, 404),
        ("GET", "/v1/" + "../" * 1000 + "etc/passwd", 404),
        ("GET", "/v1beta/models?pageSize=" + "9" * 5000, 400),
        ("GET", "/v1beta/models?pageToken=" + "9" * 5000, 400),
    ):
        allowed = frozenset({status, 404}) if path == "/" else frozenset({status})
        yield Hostile(name=f"{method} {path[:40]}", method=method, path=path, headers={}, statuses=allowed)


_FORGED = (
    "eyJhbGciOiJub25lIn0."
    + base64.urlsafe_b64encode(b'{"sub":"admin","exp":9999999999}').decode().strip("=")
    + "."
)


def _keys() -> Iterator[Hostile]:
    for name, key in {
        "none": "",
        "wrong": "sg-wrong",
        "a wild card": "sg-*",
        "of 8,000": "sg-" + "a" * 8000,
        "with bytes": "sg-\xff\xfe",
        "a forged token": _FORGED,
        "a refresh token": "rt_hostile0123456789abcdef",
        "ours in capitals": "SG-WRONG",
        "a cookie": "__Secure-next-auth.session-token=hostile0123456789",
        "a list": "sg-a,sg-b",
        "a basic one": "Basic YTpi",
    }.items():
        headers = {"Authorization": f"Bearer {key}".strip()}
        yield Hostile(
            name=f"key: {name}",
            method="GET",
            path="/v1/videos",
            headers=headers,
            sender="",
            statuses=frozenset({401}),
        )
    yield Hostile(
        name="key: wrong, in the query",
        method="GET",
        path="/v1/models?key=sg-hostile-in-the-query-0123456789",
        headers={},
        sender="",
        statuses=frozenset({401}),
    )


# What is Ann's, asked for by Bob.


def _foreign() -> Iterator[Hostile]:
    for method, path in (
        *(
            ("GET", f"/sora/v1/videos/{{video}}{end}")
            for end in ("", "/content", "/events", "/content?variant=thumbnail")
        ),
        ("HEAD", "/v1/videos/{video}/content"),
        ("POST", "/v1/videos/{video}/cancel"),
        ("DELETE", "/v1/videos/{video}"),
        ("GET", "/v1/videos/{picture}"),
        ("GET", "/v1/videos?after={video}"),
        ("GET", "/v1/files/{file}"),
        ("GET", "/v1/files/{file}/content"),
        ("DELETE", "/v1/files/{file}"),
        ("GET", "/v1/files/{picture}/content"),
        ("GET", "/v1/files/{video}/content"),
        ("GET", "/v1/files?after={file}"),
        ("GET", "/v1/responses/{response}"),
        ("POST", "/v1/responses/{response}/cancel"),
        ("GET", "/v1beta/models/sora_video2/operations/{operation}"),
        ("GET", "/v1beta/operations/{operation}"),
        ("GET", "/v1beta/files/{video}:download?alt=media"),
        ("GET", "/v1/characters/{video}"),
        ("DELETE", "/v1/characters/{video}"),
    ):
        headers = {} if method != "POST" else JSON
        yield Hostile(
            name=f"Ann's: {method} {path}", method=method, path=path, headers=headers, statuses=NOT_THERE
        )
    for path, body in {
        "/v1/videos/{video}/remix": {"prompt": "hostile"},
        "/v1/videos/edits": {"prompt": "hostile", "video": {"id": "{video}"}},
        "/v1/videos/extensions": {"prompt": "hostile", "seconds": "10", "video": {"id": "{video}"}},
        "/v1/videos": {"model": VIDEO, "prompt": "hostile", "remix_target_id": "{video}"},
        "/v1/images/edits": {"model": "sora_image", "prompt": "hostile", "images": [{"file_id": "{file}"}]},
        "/v1/characters": {"name": "hostile", "from_task": "{video}", "character_from_task": "{video}"},
    }.items():
        yield Hostile(name=f"Ann's: POST {path}", path=path, body=_json(body), statuses=frozenset({400, 404}))
    for name, value in {"a file": {"file_id": "{file}"}, "a picture": {"file_id": "{picture}"}}.items():
        yield Hostile(
            name=f"Ann's: {name} as reference",
            body=_asked(input_reference=value),
            statuses=frozenset({400, 404}),
        )
    for method, path in (
        ("GET", "/v1/videos/{video}"),
        ("DELETE", "/v1/videos/{video}"),
        ("POST", "/v1/images/generations"),
    ):
        yield Hostile(
            name=f"without permission: {method} {path}",
            method=method,
            path=path,
            body=_asked() if method == "POST" else b"",
            sender="chatter",
            statuses=frozenset({403}),
        )


def _links() -> Iterator[Hostile]:
    bad = frozenset({403, 404})
    for name, path in {
        "as it is, without its signature": "/v1/files/{picture}/image/0?exp={exp}",
        "another job": "/v1/files/{video}/image/0?exp={exp}&sig={sig}",
        "another variant": "/v1/files/{picture}/thumbnail/0?exp={exp}&sig={sig}",
        "a variant in capitals": "/v1/files/{picture}/IMAGE/0?exp={exp}&sig={sig}",
        "another index": "/v1/files/{picture}/image/1?exp={exp}&sig={sig}",
        "an index below zero": "/v1/files/{picture}/image/-1?exp={exp}&sig={sig}",
        "an index of 5,000 digits": "/v1/files/{picture}/image/" + "9" * 5000 + "?exp={exp}&sig={sig}",
        "an index in other digits": "/v1/files/{picture}/image/%D9%A0?exp={exp}&sig=x",
        "an id in capitals": "/v1/files/{PICTURE}/image/0?exp={exp}&sig={sig}",
        "extended": "/v1/files/{picture}/image/0?exp=9999999999&sig={sig}",
        "an expiry with a sign": "/v1/files/{picture}/image/0?exp=%2B{exp}&sig={sig}",
        "an expiry with a blank": "/v1/files/{picture}/image/0?exp=%20{exp}&sig={sig}",
        "an expiry in other digits": "/v1/files/{picture}/image/0?exp=%D9%A9%D9%A9&sig={sig}",
        "an expiry of 5,000 digits": "/v1/files/{picture}/image/0?exp=" + "9" * 5000 + "&sig={sig}",
        "a signature cut off": "/v1/files/{picture}/image/0?exp={exp}&sig={sig[:-1]}",
        "a signature in capitals": "/v1/files/{picture}/image/0?exp={exp}&sig={SIG}",
        "a signature with padding": "/v1/files/{picture}/image/0?exp={exp}&sig={sig}%3D",
        "a signature of other bytes": "/v1/files/{picture}/image/0?exp={exp}&sig=%ff%00%E2%82%AC",
        "a second signature": "/v1/files/{picture}/image/0?exp={exp}&sig={sig}&sig=x",
        "a path in the job": "/v1/files/..%2f{picture}/image/0?exp={exp}&sig={sig}",
        "NUL after the job": "/v1/files/{picture}%00/image/0?exp={exp}&sig={sig}",
    }.items():
        yield Hostile(name=f"link: {name}", method="GET", path=path, headers={}, sender="", statuses=bad)


def _ranges() -> Iterator[Hostile]:
    whole, part, none = frozenset({200}), frozenset({206}), frozenset({416})
    for given, statuses in {
        "bytes=0-0,2-3": whole,
        "bytes=" + ",".join(f"{number}-{number}" for number in range(3000)): whole,
        "bytes=-0": none,
        "bytes=-999999999999999999": part,
        "bytes=0-999999999999999999": part,
        "bytes=" + "9" * 40 + "-": whole,
        "bytes=999999999999999999-": none,
        "bytes=5-1": whole,
        "bytes=--1": whole,
        "bytes=a-b": whole,
        "items=0-1": whole,
        "bytes=0x0-0x1": whole,
        "bytes=\xb2-\xb3": whole,
        "": whole,
    }.items():
        headers = {"Range": given}
        yield Hostile(
            name=f"range {given[:30]!r}",
            method="GET",
            path="/v1/files/{file}/content",
            headers=headers,
            sender="ann",
            statuses=statuses,
        )
    for given in ("-1", "abc", "9" * 30, "9" * 5000, "0x1", "1;x", "\xb2", "1.5", "*", "0"):
        headers = {"Last-Event-ID": given}
        yield Hostile(
            name=f"last event {given[:20]!r}",
            method="GET",
            path="/v1/videos/{video}/events",
            headers=headers,
            sender="ann",
            statuses=frozenset({200, 204}),
        )
    yield Hostile(
        name="last event in the query",
        method="GET",
        path="/v1/videos/{video}/events?last_event_id=%D9%A3" + "9" * 5000,
        headers={},
        sender="ann",
        statuses=frozenset({200, 204}),
    )


HOSTILE: tuple[Hostile, ...] = (
    *_urls(),
    *_sizes(),
    *_contents(),
    *_forms(),
    *_texts(),
    *_kinds(),
    *_paths(),
    *_heads(),
    *_keys(),
    *_foreign(),
    *_links(),
    *_ranges(),
)


# What is no request at all, or one that never ends.


def _request(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


_LARGE = frozenset({431})
_CLOSED: frozenset[int] = frozenset()
_POST = "POST /v1/videos HTTP/1.1\nHost: x\nContent-Type: application/json\nAuthorization: Bearer {bob}"

RAW: tuple[Raw, ...] = (
    Raw(name="noise", pieces=(bytes(range(256)) * 10,)),
    Raw(name="TLS", pieces=(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),)),
    Raw(name="HTTP/2", pieces=(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",)),
    Raw(name="HTTP/0.9", pieces=(b"GET /healthz\r\n\r\n",), statuses=frozenset({200, 400})),
    Raw(name="HTTP/9.9", pieces=(_request("GET /healthz HTTP/9.9\nHost: x"),)),
    Raw(name="a path that is no path", pieces=(_request("GET healthz HTTP/1.1\nHost: x"),)),
    Raw(name="a tunnel", pieces=(_request("CONNECT 127.0.0.1:22 HTTP/1.1\nHost: x"),)),
    Raw(
        name="raw bytes in the path",
        pieces=(b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",),
        statuses=frozenset({400, 404}),
    ),
    Raw(
        name="another host in the path",
        pieces=(_request("GET http://127.0.0.1:1/nowhere HTTP/1.1\nHost: x"),),
        statuses=NOT_THERE,
    ),
    Raw(name="one star", pieces=(_request("OPTIONS * HTTP/1.1\nHost: x"),), statuses=frozenset({400, 404})),
    Raw(name="NUL in a header", pieces=(_request("GET /healthz HTTP/1.1\nHost: x\nX: a\0b"),)),
    Raw(name="a blank in a header's name", pieces=(_request("GET /healthz HTTP/1.1\nHost: x\nX Y: a"),)),
    Raw(
        name="a folded header",
        pieces=(_request("GET /healthz HTTP/1.1\nHost: x\nX: a\n  b"),),
        statuses=frozenset({200, 400}),
    ),
    Raw(name="two lengths", pieces=(_request(f"{_POST}\nContent-Length: 2\nContent-Length: 5", b"{}"),)),
    Raw(name="a length below zero", pieces=(_request(f"{_POST}\nContent-Length: -1"),)),
    Raw(name="a length with a sign", pieces=(_request(f"{_POST}\nContent-Length: +2", b"{}"),)),
    Raw(name="a length of 40 digits", pieces=(_request(f"{_POST}\nContent-Length: {'9' * 40}"),)),
    Raw(
        name="a length and chunks",
        pieces=(
            _request(
                f"{_POST}\nContent-Length: 4\nTransfer-Encoding: chunked", b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"
            ),
        ),
    ),
    Raw(
        name="an unknown coding",
        pieces=(_request(f"{_POST}\nTransfer-Encoding: chunked, identity", b"0\r\n\r\n"),),
    ),
    Raw(
        name="a chunk without size",
        pieces=(_request(f"{_POST}\nTransfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),),
    ),
    Raw(
        name="a chunk of 2**70",
        pieces=(_request(f"{_POST}\nTransfer-Encoding: chunked", b"f" * 18 + b"\r\n{}"),),
    ),
    Raw(
        name="a header of 100 KB",
        pieces=(_request(f"GET /healthz HTTP/1.1\nHost: x\nX: {'a' * 100_000}"),),
        statuses=_LARGE,
    ),
    Raw(
        name="20,000 headers",
        pieces=(_request("GET /healthz HTTP/1.1\nHost: x" + "\nX: a" * 20_000),),
        statuses=_LARGE,
    ),
    Raw(
        name="a path of 100 KB",
        pieces=(_request(f"GET /{'a' * 100_000} HTTP/1.1\nHost: x"),),
        statuses=_LARGE,
    ),
    Raw(
        name="a header without end",
        pieces=(b"GET / HTTP/1.1\r\nX: ", *[b"a" * 10_000] * 10),
        pause_s=0.02,
        statuses=_LARGE,
    ),
    Raw(name="nothing", pieces=(), statuses=_CLOSED),
    Raw(name="half a line", pieces=(b"GET /hea",)),
    Raw(
        name="a head that trickles",
        pieces=(b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *[b"X: a\r\n"] * 30),
        pause_s=0.1,
    ),
    Raw(name="empty lines that trickle", pieces=(*[b"\r\n"] * 30,), pause_s=0.1, statuses=_CLOSED | REFUSED),
    Raw(name="a body that never comes", pieces=(_request(f"{_POST}\nContent-Length: 50"),)),
    Raw(name="a body that stops", pieces=(_request(f"{_POST}\nContent-Length: 50", b'{"model": '),)),
    Raw(
        name="a body that trickles",
        pieces=(_request(f"{_POST}\nContent-Length: 5000"), *[b" "] * 90),
        pause_s=0.05,
    ),
    Raw(
        name="chunks that never end",
        pieces=(_request(f"{_POST}\nTransfer-Encoding: chunked"), *[b"1\r\n \r\n"] * 90),
        pause_s=0.05,
    ),
    Raw(
        name="a form that stops",
        pieces=(
            _request(
                f"{_POST.replace('application/json', MULTIPART['Content-Type'])}\nContent-Length: 500",
                b"--b\r\n",
            ),
        ),
    ),
)
