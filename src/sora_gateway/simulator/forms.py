"""Read multipart forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from sora_gateway.simulator.endpoint import Call
from sora_gateway.simulator.errors import invalid


@asynccontextmanager
async def open_form(call: Call) -> AsyncIterator[FormData]:
    """Read the form of ``call`` and let go of its files in the end.

    Raises:
        RefusalError: 400 ``invalid_request``, the body is no form.
    """
    try:
        form = await call.request.form()
    except MultiPartException as error:
        raise invalid(f"The form cannot be read: {error.message}", "file") from None
    try:
        yield form
    finally:
        await form.close()


async def file_of(call: Call, form: FormData) -> tuple[str, bytes]:
    """Return name (maybe empty) and bytes of the part ``file``.

    Raises:
        RefusalError: 400 ``invalid_request``, there is none or it is too large.
    """
    part = form.get("file")
    if not isinstance(part, UploadFile):
        raise invalid("The part `file` is missing.", "file")
    data = await part.read()
    if len(data) > call.backend.scenario.limits.max_upload_bytes:
        raise invalid("The file is too large.", "file")
    return part.filename or "", data
