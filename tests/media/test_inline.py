"""Data URLs and bare base64 are decoded; ordinary words are not mistaken for them."""

from __future__ import annotations

import base64
import os
import textwrap
import time
import tracemalloc
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media.inline import decode_inline
from tests.media.samples import picture

PNG = picture("PNG", (24, 24))
MEDIA = {
    "png": PNG,
    "jpeg": picture("JPEG", (24, 24)),
    "webp": picture("WEBP", (24, 24)),
    "gif": picture("GIF", (24, 24)),
    "mp4": b"\0\0\0\x20ftypisom" + bytes(range(200)),
    "webm": b"\x1a\x45\xdf\xa3" + bytes(range(200)),
}


@pytest.mark.parametrize("data", MEDIA.values(), ids=MEDIA.keys())
def test_every_way_to_write_it(data: bytes) -> None:
    """Both alphabets, with or without padding, line ends or a header, give the same bytes."""
    standard = base64.b64encode(data).decode()
    url_safe = base64.urlsafe_b64encode(data).decode()
    lines = base64.encodebytes(data).decode()
    forms = [
        standard,
        url_safe,
        standard.rstrip("="),
        url_safe.rstrip("="),
        lines,
        lines.replace("\n", "\r\n"),
        f"  {standard}\n",
        f"data:image/png;base64,{standard}",
        f"data:;base64,{standard}",
        f"data:text/plain;charset=utf-8;base64,{url_safe}",
        f"DATA:IMAGE/PNG;BASE64,{standard}",
        f" data:image/png;base64,{lines}",
        f"data:image/png;base64,{quote(standard, safe='')}",
        f"data:image/png,{quote(data)}",
        f"data:,{quote(data, safe='')}",
    ]
    for form in forms:
        assert decode_inline(form) == data, form[:40]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat",
        "AAAA",
        "/9j/",
        "iVBORw0KGgo",
        "R0lGODlh",
        "a cat on a skateboard in the rain, filmed from below",
        "https://example.com/cat.png",
        "http://example.com/9j/4AAQSkZJRgABAQAAAQABAAD",
        "job_01k0000000000000000000000z",
        "file-abcdefghijklmnopqrstuvwx",
        "/home/user/pictures/cat-with-a-long-name.png",
        "database: yes",
        base64.b64encode(b"just some text that is long enough to be anything").decode(),
        "猫" * 40,
        "\ud800" * 40,
    ],
)
def test_other_texts_are_none(text: str) -> None:
    """Words, URLs, ids and base64 of something else are left to whoever knows them."""
    assert decode_inline(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data:image/png;base64", "comma"),
        ("data:", "comma"),
        ("data:" + "x" * 600 + ",abc", "comma"),
        ("data:image/png;base64,", "empty"),
        ("data:,", "empty"),
        ("data:image/png;base64,A", "base64"),
        ("data:image/png;base64,ab!d", "base64"),
        ("data:image/png;base64,猫猫猫猫", "base64"),
        ("data:image/png;base64,AAAA=AAA", "base64"),
        ("data:image/png;base64,%zz%", "base64"),
        ("data:image/png;base64,https://example.com/a.png", "base64"),
        (base64.b64encode(PNG).decode()[:100] + "!" + base64.b64encode(PNG).decode()[100:], "base64"),
    ],
)
def test_broken_ones_are_refused(text: str, words: str) -> None:
    """What clearly is meant as inline data but broken is an invalid_request that names the field."""
    with pytest.raises(GatewayError, match=words) as raised:
        decode_inline(text, param="input_reference")
    assert (raised.value.kind, raised.value.param) == (ErrorKind.INVALID_REQUEST, "input_reference")


@pytest.mark.parametrize("header", ["", "data:image/png;base64,", "data:image/png,"])
def test_the_limit(header: str) -> None:
    """As much as the limit passes, one byte more does not."""
    body = quote(PNG) if header.endswith("png,") else base64.b64encode(PNG).decode()
    assert decode_inline(header + body, limit_bytes=len(PNG)) == PNG
    with pytest.raises(GatewayError, match="larger than") as raised:
        decode_inline(header + body, limit_bytes=len(PNG) - 3, param="image")
    assert (raised.value.kind, raised.value.param) == (ErrorKind.INVALID_REQUEST, "image")


def test_the_length_is_judged_before_decoding() -> None:
    """A hundred megabytes of base64 are refused in no time."""
    text = "data:image/png;base64," + "A" * 100_000_000
    start = time.perf_counter()
    with pytest.raises(GatewayError, match="larger than"):
        decode_inline(text, limit_bytes=1000)
    assert time.perf_counter() - start < 0.5


@given(st.text())
def test_any_text_is_safe(text: str) -> None:
    """Whatever is written gives bytes, None or a GatewayError, never another error."""
    for form in (text, "data:" + text, "data:;base64," + text):
        with suppress(GatewayError):
            decode_inline(form)


@given(st.binary(min_size=1))
def test_any_bytes_come_back(data: bytes) -> None:
    """A data URL is taken whatever it carries: the content is judged later."""
    assert decode_inline("data:x/y;base64," + base64.b64encode(data).decode()) == data
    assert decode_inline("data:x/y," + quote(data)) == data


@pytest.mark.parametrize("before", ["", "data:image/png;base64,"])
@pytest.mark.parametrize("length", [196_607, 196_608, 196_609, 500_000])
def test_long_texts(before: str, length: int) -> None:
    """However long and however they are written, the bytes are the same; padding ends the text."""
    data = b"\x89PNG\r\n\x1a\n" + os.urandom(length - 8)
    text = base64.b64encode(data).decode()
    spellings = [text, text.rstrip("="), "\n".join(textwrap.wrap(text, 76)), text.replace("+", "-")]
    assert {decode_inline(before + spelling) for spelling in spellings} == {data}
    padded = base64.b64encode(data[:196_607]).decode()
    assert len(padded) % (256 * 1024) == 0
    with pytest.raises(GatewayError, match="not valid base64"):
        decode_inline(before + padded + text)


def test_a_long_text_is_not_copied() -> None:
    """Beside the text there is the result and little more."""
    text = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8 * 2**20)).decode()
    tracemalloc.start()
    try:
        assert decode_inline(text) is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * 2**20
