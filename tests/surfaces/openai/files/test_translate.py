"""Requests of the Files API as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.ports.media import LocalFile
from sora_gateway.surfaces.openai.files.translate import (
    PAGE,
    Listing,
    translate_listing,
    translate_upload,
)
from sora_gateway.web.forms import Form, Upload

CAME_IN = LocalFile(path=Path("spool"), size_bytes=1, digest="0" * 64)


def form(name: str = "cat.png", count: int = 1, **fields: Any) -> Form:
    """Return a form with files."""
    uploads = tuple(Upload(name, CAME_IN) for _ in range(count))
    return Form(fields=fields, files={"file": uploads} if uploads else {})


def test_upload() -> None:
    """Any purpose will do; without a time the settings decide."""
    sent = translate_upload(form(purpose="我的"))
    assert (sent.name, sent.purpose, sent.keep_s) == ("cat.png", "我的", None)
    assert translate_upload(form()).purpose == "user_data"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("", "file"),
        ("a\r\nb.png", "ab.png"),
        ("\ud800.png", "?.png"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
    ],
)
def test_names(name: str, kept: str) -> None:
    """A name is only ever shown, and always can be."""
    assert translate_upload(form(name)).name == kept


@pytest.mark.parametrize("seconds", ["3600", 3600, "2592000"])
def test_times(seconds: object) -> None:
    """An hour to thirty days."""
    sent = translate_upload(form(expires_after={"anchor": "created_at", "seconds": seconds}))
    assert sent.keep_s == float(str(seconds))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (form(count=0), "file"),
        (form(count=2), "file"),
        (Form(fields={"file": "data:image/png;base64,AAAA"}), "file"),
        (form(purpose="x" * 65), "purpose"),
        (form(purpose=["a", "b"]), "purpose"),
        (form(expires_after="3600"), "expires_after"),
        (form(expires_after={"seconds": "3600"}), "expires_after"),
        (form(expires_after={"anchor": "now", "seconds": "3600"}), "expires_after"),
        (form(expires_after={"anchor": "created_at", "seconds": "3599"}), "expires_after"),
        (form(expires_after={"anchor": "created_at", "seconds": "2592001"}), "expires_after"),
        (form(expires_after={"anchor": "created_at", "seconds": "soon"}), "expires_after"),
    ],
)
def test_refusals(given: Form, param: str) -> None:
    """The field is named."""
    with pytest.raises(GatewayError) as caught:
        translate_upload(given)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, param)


def test_listing() -> None:
    """OpenAI's range is taken, a page stays small."""
    assert translate_listing({}) == Listing(after=None, limit=PAGE, ascending=False, purpose=None)
    wanted = translate_listing({"limit": "3", "order": "asc", "after": "file_1", "purpose": "vision"})
    assert wanted == Listing(after="file_1", limit=3, ascending=True, purpose="vision")
    assert translate_listing({"limit": "10000"}).limit == PAGE


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": "0"}, "limit"), ({"limit": "10001"}, "limit"), ({"order": "up"}, "order")],
)
def test_wrong_listings(query: dict[str, str], param: str) -> None:
    """What is allowed is said."""
    with pytest.raises(GatewayError, match="allowed") as caught:
        translate_listing(query)
    assert caught.value.param == param
