"""First-generation calls: uploads, images, old videos (Sora web protocol, sections 4 and 5)."""

from __future__ import annotations

import asyncio
import io
import secrets
from typing import Any

from PIL import Image, UnidentifiedImageError
from starlette.datastructures import FormData

from sora_gateway.kit.ids import new_id
from sora_gateway.simulator.bodies import V1Body, parse
from sora_gateway.simulator.creation import create_v1
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.forms import file_of, open_form
from sora_gateway.simulator.records import Upload, UploadKind
from sora_gateway.simulator.views_v1 import generation_path, upload_path, upload_view, v1_task

_FORMATS = {"PNG": ("png", "image/png"), "JPEG": ("jpeg", "image/jpeg"), "WEBP": ("webp", "image/webp")}
_KINDS = {"images": {"image"}, "videos": {"legacy_video"}}


async def upload_media(call: Call) -> Answer:
    """``POST /uploads`` (section 4.1)."""
    async with open_form(call) as form:
        upload = await _keep(call, form, "media")
    if upload.is_refused:
        raise refusal("content_refused", call.backend.scenario.pictures.refusal)
    return json_answer(upload_view(call.backend, upload, call.now))


async def upload_file(call: Call) -> Answer:
    """``POST /project_y/file/upload`` (section 4.2)."""
    async with open_form(call) as form:
        upload = await _keep(call, form, "file")
    return json_answer(
        {
            "file_id": upload.id,
            "asset_pointer": f"sediment://{upload.id}",
            "url": call.backend.links.sign(upload_path(upload), call.now),
            "size": upload.size_bytes,
            "contains_realistic_person": upload.is_refused,
            "user_error_message": call.backend.scenario.pictures.refusal if upload.is_refused else None,
        }
    )


async def create(call: Call) -> Answer:
    """``POST /video_gen`` (sections 5.1 and 5.2)."""
    raw = call.json()
    task = create_v1(call.backend, call.account, parse(V1Body, raw), raw, fate=call.fate)
    return json_answer(v1_task(call.backend, call.backend.state.tasks[task.id], call.now))


async def get_task(call: Call) -> Answer:
    """``GET /video_gen/{task}`` (section 5.4)."""
    entry = call.backend.state.tasks.get(call.params["task"])
    if entry is None or entry.task.account_id != call.account.id or entry.task.kind == "video":
        raise refusal("not_found")
    if entry.schedule.is_gone(call.now):
        raise refusal("not_found")
    return json_answer(v1_task(call.backend, entry, call.now))


async def recent_tasks(call: Call) -> Answer:
    """``GET /v2/recent_tasks`` (section 5.4)."""
    return _page(call, call.query.get("before"), {"image", "legacy_video"})


async def list_tasks(call: Call) -> Answer:
    """``GET /v2/list_tasks`` (section 5.4)."""
    kinds = _KINDS.get(call.query.get("task_type_filter", ""), {"image", "legacy_video"})
    return _page(call, call.query.get("after"), kinds)


async def download(call: Call) -> Answer:
    """``GET /generations/{gen}/download`` (section 5.3): a fresh signed link."""
    found = call.backend.state.generations.get(call.params["gen"])
    if found is None or found[0].task.account_id != call.account.id:
        raise refusal("not_found")
    entry, index = found
    if entry.schedule.links_at is None or call.now < entry.schedule.links_at:
        raise refusal("not_found")
    return json_answer({"url": call.backend.links.sign(generation_path(entry.task, index), call.now)})


def _page(call: Call, before: str | None, kinds: set[str]) -> Answer:
    shelf = call.backend.state.shelves[call.account.id]
    entries, has_more = shelf.v1_page(call.now, before=before, limit=call.number("limit", 20), kinds=kinds)
    tasks: list[dict[str, Any]] = [v1_task(call.backend, entry, call.now) for entry in entries]
    return json_answer(
        {"task_responses": tasks, "last_id": tasks[-1]["id"] if tasks else None, "has_more": has_more}
    )


async def _keep(call: Call, form: FormData, kind: UploadKind) -> Upload:
    """Check a picture, keep its bytes, remember it."""
    part_name, data = await file_of(call, form)
    width, height, extension, mime_type = await asyncio.to_thread(_inspect, data)
    filename = str(form.get("file_name") or part_name or "image.png")
    upload = Upload(
        id=f"file_00000000{secrets.token_hex(12)}" if kind == "file" else new_id("media", call.backend.clock),
        account_id=call.account.id,
        kind=kind,
        filename=filename,
        mime_type=mime_type,
        extension=extension,
        width_px=width,
        height_px=height,
        size_bytes=len(data),
        created_at=call.now,
        use_case=str(form["use_case"]) if "use_case" in form else None,
        is_refused=call.backend.scenario.pictures.refused_name_contains in filename,
    )
    await asyncio.to_thread((call.backend.uploads_dir / upload.id).write_bytes, data)
    call.backend.state.add_upload(upload)
    return upload


def _inspect(data: bytes) -> tuple[int, int, str, str]:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            extension, mime_type = _FORMATS[picture.format or ""]
            return picture.width, picture.height, extension, mime_type
    except (UnidentifiedImageError, OSError, KeyError, ValueError, Image.DecompressionBombError):
        raise invalid("The file is no PNG, JPEG or WebP picture.", "file") from None


ROUTES = (
    Route(method="POST", template="/uploads", handler=upload_media),
    Route(method="POST", template="/project_y/file/upload", handler=upload_file),
    Route(method="POST", template="/video_gen", handler=create, needs_sentinel=True),
    Route(method="GET", template="/video_gen", handler=recent_tasks),
    Route(method="GET", template="/video_gen/{task}", handler=get_task),
    Route(method="GET", template="/v2/recent_tasks", handler=recent_tasks),
    Route(method="GET", template="/v2/list_tasks", handler=list_tasks),
    Route(method="GET", template="/generations/{gen}/download", handler=download),
)
