"""Files as OpenAI shows them."""

from __future__ import annotations

from dataclasses import replace

from openai.types import FileObject

from sora_gateway.ports.stores import FilePage
from sora_gateway.surfaces.openai.files.render import render_deleted, render_file, render_page
from tests.contracts.test_file_store import FILE


def test_a_file() -> None:
    """The SDK's strict model takes it; times are whole seconds."""
    shown = render_file(FILE)
    assert shown == {
        "id": "file_1",
        "object": "file",
        "bytes": 3,
        "created_at": 5,
        "expires_at": 1000,
        "filename": "猫.png",
        "purpose": "vision",
        "status": "processed",
        "status_details": None,
    }
    FileObject.model_validate(shown, strict=True)


def test_a_page() -> None:
    """The first and the last id are told, none of an empty one."""
    other = replace(FILE, id="file_2")
    page = render_page(FilePage(files=(FILE, other), has_more=True))
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("file_1", "file_2", True)
    assert [file["id"] for file in page["data"]] == ["file_1", "file_2"]
    empty = render_page(FilePage(files=(), has_more=False))
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_a_deletion() -> None:
    """As the SDK's ``FileDeleted``."""
    assert render_deleted("file_1") == {"id": "file_1", "object": "file", "deleted": True}
