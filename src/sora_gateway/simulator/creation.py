"""Turn a checked request into a task, or refuse it: content, username, slots, quota, in that order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sora_gateway.kit.ids import new_id
from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.bodies import InpaintItem, V1Body, V1Item, VideoBody
from sora_gateway.simulator.characters import cast_of
from sora_gateway.simulator.errors import RefusalError, exhausted, invalid, refusal
from sora_gateway.simulator.fault_rules import Fate
from sora_gateway.simulator.lookups import has_links, own_draft, readable_post
from sora_gateway.simulator.outcomes import decide
from sora_gateway.simulator.parts import Part
from sora_gateway.simulator.quota import balance
from sora_gateway.simulator.records import Account, CastMember, Remixed, Task, TaskKind
from sora_gateway.simulator.rules import (
    check_text,
    image_pixels,
    legacy_seconds,
    video_pixels,
    video_price,
    video_seconds,
)
from sora_gateway.simulator.scenario import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A checked request: all that is left to ask is whether the account may have it now."""

    kind: TaskKind
    prompt: str
    seed: int | None
    seconds: int
    pixels: Pixels
    cost: int
    body: dict[str, Any]
    variants: int = 1
    parts: tuple[Part, ...] = ()
    cast: tuple[CastMember, ...] = ()
    remixed: Remixed | None = None
    extended_id: str | None = None
    fate: Fate | None = None


def create_video(
    backend: Backend,
    account: Account,
    body: VideoBody,
    raw: dict[str, Any],
    *,
    parts: tuple[Part, ...] = (),
    copies: int = 1,
    fate: Fate | None = None,
) -> tuple[Task, ...]:
    """Accept a Sora 2 video, or several of the same request: all of them or none.

    Raises:
        RefusalError: 400 for the request's faults, 404 for an unknown remix target, 429 for the account's
            limits.
    """
    if not account.settings.has_sora2:
        raise refusal("unauthorized")
    check_text(body.prompt, body.style_id, backend.scenario)
    cost = video_price(body, account.settings.plan, backend.scenario.limits)
    pixels = video_pixels(body, backend.scenario.limits)
    for item in body.inpaint_items or ():
        _check_item(backend, account, item)
    order = Order(
        kind="video",
        prompt=body.prompt,
        seed=body.seed,
        seconds=video_seconds(body.n_frames),
        pixels=pixels,
        cost=cost,
        body=raw,
        parts=parts,
        cast=cast_of(backend, account, body.prompt, body.cameo_ids or ()),
        remixed=_remixed(backend, account, body.remix_target_id),
        fate=fate,
    )
    return admit(backend, account, order, copies=copies)


def create_v1(
    backend: Backend, account: Account, body: V1Body, raw: dict[str, Any], *, fate: Fate | None = None
) -> Task:
    """Accept an image, or a video of the first generation.

    Raises:
        RefusalError: 400 for the request's faults, 429 for the account's limits.
    """
    check_text(body.prompt, None, backend.scenario)
    if body.operation not in ("simple_compose", "remix"):
        raise invalid(f"Unknown operation {body.operation!r}.", "operation")
    if body.operation == "remix" and not body.inpaint_items:
        raise invalid("A remix needs inpaint_items.", "inpaint_items")
    for item in body.inpaint_items or ():
        _check_v1_item(backend, account, item)
    is_image = body.type == "image_gen"
    if is_image and body.n_frames != 1:
        raise invalid("An image has n_frames 1.", "n_frames")
    order = Order(
        kind="image" if is_image else "legacy_video",
        prompt=body.prompt,
        seed=body.seed,
        seconds=0 if is_image else legacy_seconds(body),
        pixels=image_pixels(body.width, body.height, backend.scenario.limits)
        if is_image
        else Pixels(width_px=body.width, height_px=body.height),
        cost=1,
        body=raw,
        variants=body.n_variants,
        fate=fate,
    )
    return admit(backend, account, order)[0]


def current_balance(backend: Backend, account: Account, now: float) -> dict[str, Any]:
    """Return the account's ``rate_limit_and_credit_balance``."""
    return balance(backend.state.shelves[account.id].videos, account.settings.video_quota, now)


def admit(backend: Backend, account: Account, order: Order, *, copies: int = 1) -> tuple[Task, ...]:
    """Accept ``order``; several copies need one free slot and quota for all.

    Raises:
        RefusalError: 400 for refused content or a missing username, 429 for the account's limits.
    """
    now = backend.clock()
    outcome, text = decide(order.prompt, backend.scenario.directives)
    if order.fate is not None:
        outcome, text = order.fate.outcome, order.fate.text
    if outcome == "refuse":
        raise refusal("content_refused", text)
    if account.username is None:
        raise refusal("username_required")
    is_image = order.kind == "image"
    _check_slots(backend, account, now, is_image=is_image)
    _check_quota(backend, account, now, cost=order.cost * copies, is_image=is_image)
    tasks = []
    for copy in range(copies):
        task_id = new_id("task", backend.clock)
        task = Task(
            id=task_id,
            account_id=account.id,
            kind=order.kind,
            created_at=now,
            prompt=order.prompt,
            outcome=outcome,
            outcome_text=text,
            seed=_seed_of(task_id) if order.seed is None else order.seed + copy,
            seconds=order.seconds,
            width_px=order.pixels.width_px,
            height_px=order.pixels.height_px,
            cost=order.cost,
            generation_ids=tuple(new_id("gen", backend.clock) for _ in range(order.variants)),
            body=order.body,
            parts=order.parts,
            cast=order.cast,
            remixed=order.remixed,
            extended_id=order.extended_id,
        )
        backend.state.add_task(task)
        tasks.append(task)
    return tuple(tasks)


def _seed_of(task_id: str) -> int:
    return int(hashlib.sha256(task_id.encode()).hexdigest()[:8], 16) >> 1


def _check_slots(backend: Backend, account: Account, now: float, *, is_image: bool) -> None:
    own = account.settings.image_concurrency if is_image else account.settings.video_concurrency
    limits = backend.scenario.limits
    common = limits.image_concurrency if is_image else limits.video_concurrency
    most = common if own is None else own
    running = backend.state.shelves[account.id].running(now, images=is_image)
    if running >= most:
        raise refusal("too_many_concurrent_tasks", details={"num_tasks": running})


def _check_quota(backend: Backend, account: Account, now: float, *, cost: int, is_image: bool) -> None:
    shelf = backend.state.shelves[account.id]
    if is_image:
        spent = shelf.images.spent(now)
        if spent + cost > account.settings.image_quota:
            raise refusal("too_many_daily_tasks", details={"num_tasks": spent})
    elif shelf.videos.spent(now) + cost > account.settings.video_quota:
        spent_up = current_balance(backend, account, now)
        raise exhausted(spent_up | {"estimated_num_videos_remaining": 0, "rate_limit_reached": True})


def _check_item(backend: Backend, account: Account, item: InpaintItem) -> None:
    match item.kind:
        case "upload":
            _check_upload(backend, account, item.upload_id, "upload_id")
        case "file":
            _check_upload(backend, account, item.file_id, "file_id")
        case "generation":
            _check_generation(backend, account, item.generation_id)
        case "reference":
            reference = backend.state.references.get(item.reference_id or "")
            if reference is None or reference.account_id != account.id:
                raise invalid(f"Unknown reference_id {item.reference_id!r}.", "inpaint_items")


def _check_v1_item(backend: Backend, account: Account, item: V1Item) -> None:
    if item.generation_id is not None and item.upload_media_id is None:
        _check_generation(backend, account, item.generation_id)
    else:
        _check_upload(backend, account, item.upload_media_id, "upload_media_id")


def _check_upload(backend: Backend, account: Account, upload_id: str | None, field: str) -> None:
    upload = backend.state.uploads.get(upload_id or "")
    expected = "file" if field == "file_id" else "media"
    if upload is None or upload.account_id != account.id or upload.kind != expected:
        raise invalid(f"Unknown {field} {upload_id!r}.", "inpaint_items")
    if upload.is_refused:
        raise refusal("content_refused", backend.scenario.pictures.refusal)


def _check_generation(backend: Backend, account: Account, generation_id: str | None) -> None:
    found = backend.state.generations.get(generation_id or "")
    if found is None or found[0].task.account_id != account.id:
        raise invalid(f"Unknown generation_id {generation_id!r}.", "inpaint_items")


def _remixed(backend: Backend, account: Account, target: str | None) -> Remixed | None:
    """Return what a remix is made from: a post the account may read, or a finished draft of its own."""
    if target is None:
        return None
    try:
        if target.startswith("gen_"):
            entry = own_draft(backend, account, target, backend.clock())
            if has_links(entry, backend.clock()):
                return Remixed(target_id=target, generation_id=target)
        else:
            post = readable_post(backend, account, target)
            return Remixed(target_id=target, generation_id=post.generation_id)
    except RefusalError:
        pass
    raise refusal("not_found", f"Unknown remix_target_id {target!r}.", param="remix_target_id")
