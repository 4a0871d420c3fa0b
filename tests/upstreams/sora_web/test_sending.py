"""A form with a file is sent piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sora_gateway.ports.upstream import InputFile
from sora_gateway.upstreams.sora_web.sending import FileForm
from tests.upstreams.sora_web.support import file_of

BODY = (
    b'--B\r\nContent-Disposition: form-data; name="file_name"\r\n\r\na.png\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\nbytes\r\n--B--\r\n"
)


def _form(content: bytes | InputFile) -> FileForm:
    return FileForm(
        fields={"file_name": "a.png"}, name="a.png", media_type="image/png", content=content, boundary="B"
    )


@pytest.mark.parametrize("content", [b"bytes", file_of(b"bytes")], ids=["bytes", "file"])
async def test_the_body_is_as_long_as_it_says(content: bytes | InputFile) -> None:
    """Byte for byte, of a file as of bytes."""
    form = _form(content)
    assert b"".join([piece async for piece in form.pieces()]) == BODY
    assert form.headers == {
        "content-type": "multipart/form-data; boundary=B",
        "content-length": str(len(BODY)),
    }


async def test_the_file_is_closed_with_the_body() -> None:
    """A call that ends before all is sent leaves nothing open."""
    closed = []

    async def reading() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    pieces = _form(InputFile(pieces=reading(), size_bytes=1000)).pieces()
    await anext(pieces)
    assert await anext(pieces) == b"x"
    await pieces.aclose()
    assert closed == [True]


def test_boundaries_differ() -> None:
    """No file can have been made to hold one."""
    one, other = (FileForm(fields={}, name="a", media_type="b", content=b"") for _ in range(2))
    assert one.boundary != other.boundary
