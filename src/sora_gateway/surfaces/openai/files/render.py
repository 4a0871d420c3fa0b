"""Show files as OpenAI does."""

from __future__ import annotations

from sora_gateway.domain.files import StoredFile
from sora_gateway.ports import stores
from sora_gateway.surfaces.openai.files.wire import File, FileDeleted, FilePage


def render_file(file: StoredFile) -> File:
    """Return the file object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.blob.size_bytes,
        "created_at": int(file.created_at),
        "expires_at": int(file.expires_at),
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def render_page(page: stores.FilePage) -> FilePage:
    """Return a piece of the list."""
    files = page.files
    return {
        "object": "list",
        "data": [render_file(file) for file in files],
        "first_id": files[0].id if files else None,
        "last_id": files[-1].id if files else None,
        "has_more": page.has_more,
    }


def render_deleted(file_id: str) -> FileDeleted:
    """Return the answer to a deletion."""
    return {"id": file_id, "object": "file", "deleted": True}
