"""Print Sora 2 tasks, drafts and posts as the backend does. Pure but for signing links.

Sora web protocol, sections 7.1 (pending), 7.2 (its v1 form), 7.3 (drafts) and 8.1 (posts).
"""

from __future__ import annotations

import json
from typing import Any

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.bodies import FRAMES_PER_SECOND
from sora_gateway.simulator.lookups import has_links
from sora_gateway.simulator.outcomes import DEFAULT_VIOLATION_TEXT, huge_bytes
from sora_gateway.simulator.records import Account, CastMember, Post, Task
from sora_gateway.simulator.rules import can_extend
from sora_gateway.simulator.scenario import Style
from sora_gateway.simulator.shelf import Entry
from sora_gateway.simulator.state import file_id
from sora_gateway.simulator.timeline import Standing, effective_outcome

SITE = "https://sora.chatgpt.com"


def style_view(style: Style) -> dict[str, Any]:
    """Return a style as ``initialize_async`` and ``creation_config`` list it."""
    image = f"https://cdn.example.org/{style.id}.jpg"
    return {"id": style.id, "display_name": style.display_name, "image_url": image, "orientation": None}


def creation_config(task: Task, styles: tuple[Style, ...]) -> dict[str, Any]:
    """Return the echo of what was asked for."""
    body = task.body
    target = task.remixed.target_id if task.remixed else None
    style = next((style_view(style) for style in styles if style.id == body.get("style_id")), None)
    return {
        "remix_target_post": {"post": {"id": target}} if target else None,
        "style": style,
        "inpaint_image": None,
        "reference_inpaint_items": None,
        "prompt": task.prompt,
        "task_id": None,
        "cameo_profiles": [_cast_view(member) for member in task.cast],
        "orientation": body.get("orientation") or "portrait",
        "n_frames": task.seconds * FRAMES_PER_SECOND,
        "storyboard_id": body.get("storyboard_id"),
        "editing_config": None,
    }


def _cast_view(member: CastMember) -> dict[str, Any]:
    return {
        "user_id": member.character_id,
        "username": member.username,
        "display_name": member.display_name,
        "can_cameo": True,
        "owner_profile": {"user_id": member.owner_id, "username": member.owner_username},
    }


def pending_json(entry: Entry, standing: Standing, styles: tuple[Style, ...]) -> bytes:
    """Return one item of the pending list, ready to send: only status, reason and progress change."""
    if entry.printed is None:
        entry.printed = _pending_parts(entry.task, styles)
    values = (standing.status, _failure(entry, standing), standing.progress)
    parts = [
        piece for part, value in zip(entry.printed, values, strict=False) for piece in (part, _dump(value))
    ]
    return b"".join((*parts, entry.printed[-1]))


def pending_v1(entry: Entry, standing: Standing, account: Account) -> dict[str, Any]:
    """Return one item of the older pending list: a v1-style task object (section 7.2)."""
    task = entry.task
    return {
        "id": task.id,
        "user": account.id,
        "created_at": task.created_at,
        "status": standing.status,
        "progress_pct": standing.progress,
        "progress_pos_in_queue": None,
        "estimated_queue_wait_time": None,
        "queue_status_message": None,
        "priority": 1,
        "type": "video_gen",
        "prompt": task.prompt,
        "title": task.body.get("title") or "New Video",
        "n_variants": 1,
        "n_frames": task.seconds * FRAMES_PER_SECOND,
        "width": task.width_px,
        "height": task.height_px,
        "model": task.body.get("model") or "sy_8",
        "operation": "simple_compose",
        "inpaint_items": task.body.get("inpaint_items") or [],
        "is_storyboard": False,
        "seed": task.seed,
        "generations": [],
        "moderation_result": moderation(task.id),
        "failure_reason": _failure(entry, standing),
    }


def task_view(entry: Entry, now: float, styles: tuple[Style, ...]) -> dict[str, Any]:
    """Return a single Sora 2 task (``/nf/tasks/{id}/v2``), finished or not."""
    standing = entry.schedule.standing(now)
    view: dict[str, Any] = json.loads(pending_json(entry, standing, styles))
    return view


def moderation(task_id: str, *, is_blocked: bool = False) -> dict[str, Any]:
    """Return a ``moderation_result``."""
    return {
        "type": "blocked" if is_blocked else "passed",
        "results_by_frame_index": {},
        "code": None,
        "is_output_rejection": is_blocked,
        "task_id": task_id,
    }


def _posted(backend: Backend, generation_id: str) -> dict[str, Any] | None:
    # What a posted draft shows is not recorded; the parts of a post that name it are the least.
    post_id = backend.state.posts_of.get(generation_id)
    return None if post_id is None else {"id": post_id, "permalink": f"{SITE}/p/{post_id}"}


def draft_view(backend: Backend, entry: Entry, now: float) -> dict[str, Any]:
    """Return a draft with fresh links."""
    task = entry.task
    outcome = effective_outcome(task)
    created_at = entry.schedule.result_at or entry.schedule.ends_at
    common: dict[str, Any] = {
        "id": task.generation_ids[0],
        "generation_id": task.generation_ids[0],
        "task_id": task.id,
        "kind": "sora_draft",
        "generation_type": "video_gen",
        "created_at": round(created_at, 3),
        "prompt": task.prompt,
        "title": task.body.get("title"),
        "width": task.width_px,
        "height": task.height_px,
        "duration_s": float(task.seconds),
        "url": None,
        "downloadable_url": None,
        "download_urls": None,
        "encodings": None,
        "draft_reviewed": False,
        "has_children": False,
        "storyboard_id": task.body.get("storyboard_id"),
        "post": _posted(backend, task.generation_ids[0]),
        "reason_str": None,
        "markdown_reason_str": None,
        "creation_config": creation_config(task, backend.scenario.styles),
        "operations": [],
        "tags": [],
    }
    if outcome == "violation":
        text = task.outcome_text or DEFAULT_VIOLATION_TEXT
        return common | {"kind": "sora_content_violation", "reason_str": text, "markdown_reason_str": text}
    if outcome == "error":
        return common | {
            "kind": "sora_error",
            "error_reason": task.outcome_text or "internal_generation_error",
        }
    able = dict.fromkeys(("can_remix", "can_storyboard", "can_create_character"), True)
    able["can_extend"] = can_extend(task.seconds, backend.scenario.extensions)
    if not has_links(entry, now):
        return common | able
    return common | able | media_links(backend, entry, now, key="path")


def media_links(backend: Backend, entry: Entry, now: float, *, key: str) -> dict[str, Any]:
    """Return the link fields of a draft (``key="path"``) or of a post's attachment (``key="url"``).

    Sora web protocol, section 8.3: only an entitled account gets a file without the watermark.
    """
    task = entry.task
    sign = backend.links.sign
    is_pro = backend.state.accounts[task.account_id].is_pro
    marked = f"/az/files/{file_id(task.generation_ids[0], is_marked=True)}"
    best = f"/az/files/{file_id(task.generation_ids[0], is_marked=False)}" if is_pro else marked
    clean_url = sign(f"{best}/raw", now) if is_pro else None
    marked_url = sign(f"{marked}/raw", now)
    size = huge_bytes(task.prompt, backend.scenario.rendering.huge_word) or None

    def encoding(url: str, **more: Any) -> dict[str, Any]:
        return {key: url, **more}

    source = {"size": size, "duration_secs": float(task.seconds), "ssim": 0.9961}
    derived: dict[str, Any] = {"size": None, "ssim": None}
    return {
        "url": sign(f"{marked}/drvs/md/raw", now),
        "downloadable_url": clean_url or marked_url,
        "download_urls": {"watermark": marked_url, "no_watermark": clean_url, "endcard_watermark": None},
        "encodings": {
            "source": encoding(clean_url or marked_url, **source),
            "source_wm": encoding(marked_url, **source),
            "endcard_wm": None,
            "thumbnail": encoding(sign(f"{best}/drvs/thumbnail/raw", now), **derived),
            "unfurl": encoding(sign(f"{best}/drvs/link_thumbnail/raw", now), **derived),
            "md": encoding(sign(f"{marked}/drvs/md/raw", now), size=None, ssim=0.990),
            "ld": encoding(sign(f"{marked}/drvs/ld/raw", now), size=None, ssim=0.988),
            "gif": None,
        },
    }


def post_view(backend: Backend, post: Post, caller: Account, now: float) -> dict[str, Any]:
    """Return a post as section 8.1 prints it."""
    entry, _ = backend.state.generations[post.generation_id]
    task = entry.task
    owner = backend.state.accounts[post.account_id]
    is_owner = owner.id == caller.id
    target = task.remixed.target_id if task.remixed else ""
    parent = target if target.startswith("s_") else None
    attachment = {
        "id": f"{post.id}-attachment-0",
        "kind": post.kind,
        "generation_id": post.generation_id,
        "generation_type": "video_gen",
        "task_id": task.id,
        **media_links(backend, entry, now, key="url"),
        "width": task.width_px,
        "height": task.height_px,
        "duration_s": float(task.seconds),
        "n_frames": task.seconds * FRAMES_PER_SECOND,
        "prompt": task.prompt if is_owner else None,
        "title": task.body.get("title"),
        "output_blocked": False,
        "has_captions": False,
        "can_create_character": True,
    }
    return {
        "post": {
            "id": post.id,
            "is_owner": is_owner,
            "permalink": f"{SITE}/p/{post.id}",
            "posted_at": round(post.posted_at, 2),
            "text": post.text,
            "caption": None,
            "attachments": [attachment],
            "permissions": {
                "can_read": True,
                "can_write": is_owner,
                "can_delete": is_owner,
                "can_remix": True,
                "share_setting": post.share_setting,
            },
            "parent_post_id": parent,
            "root_post_id": None,
            "remix_count": 0,
            "like_count": 0,
            "srt_url": None,
            "vtt_url": None,
            "tombstoned_at": None,
        },
        "profile": {"user_id": owner.id, "username": owner.username},
        "reposter_profile": None,
    }


def _failure(entry: Entry, standing: Standing) -> str | None:
    if standing.status != "failed":
        return None
    return entry.task.outcome_text or "The generation failed."


def _pending_parts(task: Task, styles: tuple[Style, ...]) -> tuple[bytes, ...]:
    return (
        b'{"id":' + _dump(task.id) + b',"task_type":"video_gen","status":',
        b',"failure_reason":',
        b',"prompt":'
        + _dump(task.prompt)
        + b',"title":'
        + _dump(task.body.get("title"))
        + b',"progress_pct":',
        b',"generations":[],"creation_config":' + _dump(creation_config(task, styles)) + b"}",
    )


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
