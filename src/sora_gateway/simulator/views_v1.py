"""Print first-generation tasks (images, old videos) and uploads as the backend does.

Sora web protocol, sections 4.1 (uploads) and 5.3 (task object).
"""

from __future__ import annotations

from typing import Any

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.clock import to_iso
from sora_gateway.simulator.records import Account, Task, Upload
from sora_gateway.simulator.shelf import Entry
from sora_gateway.simulator.state import file_id
from sora_gateway.simulator.timeline import effective_outcome
from sora_gateway.simulator.views_nf import moderation


def v1_task(backend: Backend, entry: Entry, now: float) -> dict[str, Any]:
    """Return the task object of section 5.3."""
    task, body = entry.task, entry.task.body
    standing = entry.schedule.standing(now)
    is_over = now >= entry.schedule.ends_at
    is_unsafe = is_over and effective_outcome(task) == "unsafe"
    has_result = entry.schedule.result_at is not None and now >= entry.schedule.result_at and not is_unsafe
    return {
        "id": task.id,
        "user": task.account_id,
        "created_at": to_iso(task.created_at),
        "status": standing.status,
        "progress_pct": standing.progress,
        "progress_pos_in_queue": None,
        "estimated_queue_wait_time": None,
        "queue_status_message": None,
        "priority": 1,
        "type": "image_gen" if task.kind == "image" else "video_gen",
        "prompt": task.prompt,
        "n_variants": len(task.generation_ids),
        "n_frames": body.get("n_frames", 1),
        "height": body.get("height"),
        "width": body.get("width"),
        "model": body.get("model"),
        "operation": body.get("operation"),
        "inpaint_items": body.get("inpaint_items") or [],
        "is_storyboard": bool(body.get("is_storyboard")),
        "preset_id": None,
        "caption": None,
        "actions": body.get("actions"),
        "interpolation": None,
        "sdedit": None,
        "remix_config": None,
        "quality": None,
        "size": None,
        "seed": body.get("seed"),
        "generations": [_generation(backend, entry, index, now) for index in range(len(task.generation_ids))]
        if has_result
        else [],
        "num_unsafe_generations": len(task.generation_ids) if is_unsafe else 0,
        "title": title_of(task),
        "moderation_result": moderation(task.id, is_blocked=is_unsafe),
        "failure_reason": (task.outcome_text or "The generation failed.")
        if standing.status == "failed"
        else None,
        "needs_user_review": False,
    }


def title_of(task: Task) -> str:
    """Return the title the backend gives a first-generation task."""
    return " ".join(task.prompt.split()[:3]).title() or "Untitled"


def generation_path(task: Task, index: int) -> str:
    """Return the media path of a generation's full file."""
    key = file_id(task.generation_ids[index], is_marked=False)
    if task.kind == "image":
        return f"/az/vg-assets/{key}/img_0.png"
    return f"/az/files/{key}/raw"


def upload_view(backend: Backend, upload: Upload, now: float) -> dict[str, Any]:
    """Return the answer of ``POST /uploads``."""
    url = backend.links.sign(upload_path(upload), now)
    return {
        "id": upload.id,
        "type": "image",
        "created_at": to_iso(upload.created_at),
        "filename": upload.filename,
        "extension": upload.extension,
        "mime_type": upload.mime_type,
        "url": url,
        "width": upload.width_px,
        "height": upload.height_px,
        "duration_sec": None,
        "n_frames": 1,
        "size_bytes": upload.size_bytes,
        "thumbnail_url": url,
    }


def upload_path(upload: Upload) -> str:
    """Return the media path of an upload."""
    return f"/az/vg-assets/{upload.id}/{upload.id}.{upload.extension}"


def _generation(backend: Backend, entry: Entry, index: int, now: float) -> dict[str, Any]:
    task = entry.task
    owner = backend.state.accounts[task.account_id]
    is_ready = entry.schedule.links_at is not None and now >= entry.schedule.links_at
    return {
        "id": task.generation_ids[index],
        "task_id": task.id,
        "created_at": to_iso(entry.schedule.ends_at),
        "deleted_at": None,
        "seed": task.seed + index,
        "can_download": is_ready,
        "download_status": "ready" if is_ready else "processing",
        "is_favorite": False,
        "is_liked": False,
        "is_public": False,
        "is_archived": False,
        "is_featured": None,
        "like_count": 0,
        "has_feedback": None,
        "cloudflare_metadata": None,
        "cf_thumbnail_url": None,
        **(_links(backend, task, index, now) if is_ready else {"url": None, "encodings": None}),
        "width": task.width_px,
        "height": task.height_px,
        "n_frames": task.body.get("n_frames", 1),
        "prompt": task.prompt,
        "title": title_of(task),
        "operation": task.body.get("operation"),
        "model": task.body.get("model"),
        "quality": None,
        "user": _user(owner),
        "moderation_result": moderation(task.id),
        "paragen_status": None,
        "task_type": "image_gen" if task.kind == "image" else "video_gen",
        "preset_id": None,
        "remix_config": None,
    }


def _links(backend: Backend, task: Task, index: int, now: float) -> dict[str, Any]:
    key = file_id(task.generation_ids[index], is_marked=False)
    is_image = task.kind == "image"

    def rendition(name: str, shrink: int, ssim: float) -> dict[str, Any]:
        path = f"/az/vg-assets/{key}/{name}.webp" if is_image else f"/az/files/{key}/drvs/{name}/raw"
        return {
            "path": backend.links.sign(path, now),
            "size": None,
            "width": task.width_px // shrink,
            "height": task.height_px // shrink,
            "duration_secs": None if is_image else float(task.seconds),
            "ssim": ssim,
        }

    source = rendition("source", 1, 1.0) | {"path": backend.links.sign(generation_path(task, index), now)}
    thumbnail = f"/az/vg-assets/{key}/thumb.webp" if is_image else f"/az/files/{key}/drvs/thumbnail/raw"
    main = f"/az/vg-assets/{key}/img_0.webp" if is_image else f"/az/files/{key}/drvs/md/raw"
    return {
        "url": backend.links.sign(main, now),
        "encodings": {
            "source": source,
            "md": rendition("md", 2, 0.98),
            "ld": rendition("ld", 4, 0.95),
            "thumbnail": {"path": backend.links.sign(thumbnail, now), "size": None},
            "spritesheet": None,
            "gif": None,
            "source_wm": None,
        },
    }


def _user(owner: Account) -> dict[str, Any]:
    return {"id": owner.id, "username": owner.username}
