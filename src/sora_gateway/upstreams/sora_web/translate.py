"""Turn requests into bodies, and answers to calls into what the gateway understands. Pure.

What an answer to a create call means (``submission``). The question is always: is it certain that no task
exists? Only then may another account be asked.

=======================================  =========  ======================================================
answer                                   outcome    reason
=======================================  =========  ======================================================
2xx with an id                           Accepted   the protocol's own promise (sections 5.1 and 6.3)
2xx without a readable id                Ambiguous  something was accepted, nobody can say what
3xx                                      Refused    an edge layer sends browsers elsewhere; not followed
408                                      Ambiguous  some layer gave up waiting, perhaps behind the backend
other 4xx, JSON or page                  Refused    the backend or its edge turned the call away
any status with ``cf-mitigated``         Refused    the edge challenged; the backend never saw the call
5xx with a code of section 11.1          Refused    the application names its reason for not doing it
other 5xx (page, empty, unknown code)    Ambiguous  a crash or a lost inner answer may follow a creation
=======================================  =========  ======================================================
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from sora_gateway.domain.accounts import AccountFacts, Balance, Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.remote import Accepted, Ambiguous, Refused, Submission
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.upstreams.sora_web import mentions, storyboard
from sora_gateway.upstreams.sora_web.capabilities import PICTURES
from sora_gateway.upstreams.sora_web.errors import LONGEST_REST_S, content_error, is_turned_away, to_error
from sora_gateway.upstreams.sora_web.fields import as_object, number, path_part, text
from sora_gateway.upstreams.sora_web.wire import (
    Answer,
    BalanceObject,
    Carrier,
    Created,
    Received,
    UnreadableError,
    Uploaded,
)
from sora_gateway.upstreams.sora_web.wire_account import Me, Subscriptions

FRAMES_PER_SECOND = 30
MARKER_PREFIX = "sg-"
"""A title that begins so was written by a gateway: ours if it is the ticket's, somebody else's otherwise."""

REMIX_TARGET = "remix_target"
"""The name under which ``prepare`` keeps what a remix is made of: a post's id, or a draft's."""

SOURCE_TITLE = "source_title"
"""The name under which ``prepare`` keeps the title of the video that is extended."""

_IMAGE_SIZES = {
    "360": {Aspect.SQUARE: (360, 360), Aspect.LANDSCAPE: (540, 360), Aspect.PORTRAIT: (360, 540)},
    "480": {Aspect.SQUARE: (480, 480), Aspect.LANDSCAPE: (720, 480), Aspect.PORTRAIT: (480, 720)},
}
_LEGACY_SIZES = {Aspect.LANDSCAPE: (854, 480), Aspect.PORTRAIT: (480, 854)}
_STYLES = {"vintage": "nostalgic"}


# --- requests -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCall:
    """A creation: where to, and what. ``total_s`` is how long an extension makes its video, else None."""

    path: str
    body: Mapping[str, Any]
    total_s: int | None = None


def create_call(
    request: GenerationRequest, prepared: Mapping[str, str], marker: str | None, preset: str
) -> CreateCall:
    """Return the create call for ``request``, its pictures and its source named by ``prepared``.

    Raises:
        KeyError: ``prepared`` lacks something.
        ValueError: there is no such call.
    """
    if request.kind is MediaKind.CHARACTER:
        raise ValueError("a character is no task")
    if request.extend is not None:
        return _extension(request, request.extend)
    uploads = [prepared[upload_key(index)] for index in range(len(request.inputs))]
    match request.family:
        case Family.IMAGE:
            return CreateCall(path="/video_gen", body=_image_body(request, uploads, preset))
        case Family.VIDEO:
            return CreateCall(path="/video_gen", body=_legacy_body(request, uploads))
        case Family.VIDEO2:
            body = _video_body(request, uploads, marker) | _remix_fields(request, prepared)
            if not request.storyboard:
                return CreateCall(path="/nf/create", body=body)
            return CreateCall(path="/nf/create/storyboard", body=_as_storyboard(body, request))


def upload_key(index: int) -> str:
    """Return the name under which ``prepare`` keeps the id of the picture at ``index``."""
    return f"upload_{index}"


def placeholders(request: GenerationRequest) -> dict[str, str]:
    """Return what stands for the results of ``prepare`` where nothing is prepared."""
    uploads = {upload_key(index): f"<upload {index + 1}>" for index in range(len(request.inputs))}
    return uploads | ({REMIX_TARGET: f"<post of {request.remix.job_id}>"} if request.remix else {})


def file_name(media_type: str) -> str:
    """Return a neutral name for a picture."""
    return f"image.{PICTURES.get(media_type, 'png')}"


def fingerprint(request: GenerationRequest, preset: str) -> str:
    """Return a digest of the create call without marker and upload ids."""
    call = create_call(request, placeholders(request), None, preset)
    asked = json.dumps([call.path, call.body], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _video_body(request: GenerationRequest, uploads: list[str], marker: str | None) -> dict[str, Any]:
    # Sora web protocol, section 6.1: the smallest body that worked for three clients, and the title.
    style = (request.style or "").lower() or None
    return {
        "kind": "video",
        "prompt": mentions.spaced(_mentioning(request), request.mentions),
        "title": marker,
        "orientation": request.aspect.value,
        "size": "large" if request.hd else "small",
        "n_frames": FRAMES_PER_SECOND * (request.duration_s or 0),
        "model": "sy_ore" if request.hd or request.pro else "sy_8",
        "inpaint_items": [{"kind": "upload", "upload_id": upload} for upload in uploads],
        "style_id": _STYLES.get(style, style) if style else None,
    }


def _mentioning(request: GenerationRequest) -> str:
    return mentions.with_mentions(request.prompt, request.mentions)


def _remix_fields(request: GenerationRequest, prepared: Mapping[str, str]) -> dict[str, Any]:
    # Sora web protocol, section 6.4: the normal body and three keys more.
    target = prepared[REMIX_TARGET] if request.remix is not None else request.remix_post
    return {} if target is None else {"remix_target_id": target, "cameo_ids": [], "cameo_replacements": {}}


def _extension(request: GenerationRequest, source: Source) -> CreateCall:
    # Sora web protocol, section 6.6: it has no field that could carry a marker.
    body = {
        "user_prompt": mentions.spaced(_mentioning(request), request.mentions),
        "extension_duration_s": request.duration_s,
        "enable_rewrite": True,
    }
    path = f"/project_y/profile/drafts/{path_part(source.result_id)}/long_video_extension"
    return CreateCall(path=path, body=body, total_s=request.total_s)


def _as_storyboard(body: dict[str, Any], request: GenerationRequest) -> dict[str, Any]:
    absent = (
        "storyboard_id",
        "remix_target_id",
        "metadata",
        "cameo_ids",
        "cameo_replacements",
        "audio_caption",
        "audio_transcript",
        "video_caption",
    )
    timeline = storyboard.timeline(_mentioning(request), request.duration_s or 0)
    prompt = mentions.spaced(timeline.text(), request.mentions)
    return body | {"prompt": prompt} | dict.fromkeys(absent)


def _image_body(request: GenerationRequest, uploads: list[str], preset: str) -> dict[str, Any]:
    width, height = _IMAGE_SIZES[preset][request.aspect]
    return {
        "type": "image_gen",
        "operation": "remix" if uploads else "simple_compose",
        "prompt": request.prompt,
        "width": width,
        "height": height,
        "n_variants": request.n,
        "n_frames": 1,
        "inpaint_items": [
            {"type": "image", "frame_index": 0, "upload_media_id": upload} for upload in uploads
        ],
    }


def _legacy_body(request: GenerationRequest, uploads: list[str]) -> dict[str, Any]:
    width, height = _LEGACY_SIZES[request.aspect]
    return {
        "type": "video_gen",
        "operation": "simple_compose",
        "prompt": request.prompt,
        "width": width,
        "height": height,
        "n_variants": 1,
        "n_frames": FRAMES_PER_SECOND * (request.duration_s or 0),
        "is_storyboard": bool(uploads),
        "inpaint_items": [
            {
                "type": "image",
                "frame_index": 0,
                "upload_media_id": upload,
                "x": 0,
                "y": 0,
                "width": width,
                "height": height,
            }
            for upload in uploads
        ],
    }


# --- answers ------------------------------------------------------------------------------------------------


def submission(answer: Answer, kind: MediaKind, now_s: float) -> Submission:
    """Return what a complete answer to a create call means; see the table above."""
    if answer.is_success:
        try:
            created = Created.model_validate(answer.json())
        except (UnreadableError, ValidationError):
            return Ambiguous(error=unclear("The backend accepted something, but its answer names no task."))
        return Accepted(remote_id=created.id, balance=_balance_for(kind, created, now_s))
    if not is_turned_away(answer):
        return Ambiguous(error=unclear(f"The backend answered with status {answer.status} and no reason."))
    error, until = to_error(answer, now_s)
    return Refused(error=error, until=until, balance=_balance_for(kind, carrier(answer), now_s))


def about_post(outcome: Submission, post_id: str) -> Submission:
    """Return what came of a remix of a shared video: that the backend has no such is the caller's to mend."""
    if not isinstance(outcome, Refused) or outcome.error.param != _TARGET_FIELD:
        return outcome
    message = f"The shared video '{post_id}' is not known to the backend, or may not be remixed."
    return replace(outcome, error=GatewayError(ErrorKind.INVALID_REQUEST, message, param=_TARGET_FIELD))


_TARGET_FIELD = "remix_target_id"


def unclear(message: str) -> GatewayError:
    """Return the error of a submission that may have made a task."""
    return GatewayError(ErrorKind.SUBMISSION_UNKNOWN, message)


def carrier(answer: Answer) -> Carrier:
    """Return whatever quota the answer carries."""
    try:
        return Carrier.model_validate(as_object(answer.json()) or {})
    except UnreadableError:
        return Carrier()


def _balance_for(kind: MediaKind, answer: Carrier, now_s: float) -> Balance | None:
    # The object counts videos, whatever was asked for.
    return balance(answer.rate_limit_and_credit_balance, now_s) if kind is MediaKind.VIDEO else None


def balance(quota: BalanceObject | None, now_s: float) -> Balance | None:
    """Return the quota, bought videos included."""
    if quota is None:
        return None
    remaining = quota.estimated_num_videos_remaining
    bought = quota.estimated_num_purchased_videos_remaining or 0
    resets_in_s = quota.access_resets_in_seconds
    return Balance(
        videos_remaining=None if remaining is None else max(0, int(remaining) + int(bought)),
        resets_at=now_s + min(resets_in_s, LONGEST_REST_S) if resets_in_s and resets_in_s > 0 else None,
        is_exhausted=quota.rate_limit_reached,
    )


def upload_id(answer: Answer) -> str:
    """Return the id of an upload that was answered with success.

    Raises:
        GatewayError(content_refused): the backend says that it will not use the file.
        GatewayError(upstream_unreachable): the answer names none.
    """
    try:
        uploaded = Uploaded.model_validate(answer.json())
    except (UnreadableError, ValidationError):
        raise unreadable() from None
    require_usable(uploaded)
    return uploaded.id


def require_usable(received: Received) -> None:
    """Let a file pass that the backend will use.

    Raises:
        GatewayError(content_refused): it will not.
    """
    if received.user_error_message is not None:
        raise content_error(received.user_error_message)
    if received.contains_realistic_person:
        raise content_error("The backend uses no pictures and clips that show a real person.")


def unreadable() -> GatewayError:
    """Return the error of an answer that could be read by nobody."""
    return GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "The backend's answer could not be understood.")


def facts(me: Answer, plans: Answer | None, quota: Balance | None, token: str) -> AccountFacts:
    """Put together what ``/me``, ``/billing/subscriptions`` (None: it does not exist) and the quota say.

    Raises:
        GatewayError(upstream_unreachable): an answer could not be understood.
    """
    claims = token_claims(token)
    try:
        owner = Me.model_validate(me.json())
        plan = plan_of(Subscriptions.model_validate(plans.json())) if plans else None
    except (UnreadableError, ValidationError):
        raise unreadable() from None
    return AccountFacts(
        backend_id=owner.id,
        email=owner.email or claims.email,
        plan=plan or plan_named(claims.plan or ""),
        expires_at=claims.expires_at,
        videos_remaining=quota.videos_remaining if quota else None,
        quota_resets_at=quota.resets_at if quota else None,
    )


def plan_of(subscriptions: Subscriptions) -> Plan:
    """Return the plan in force; none listed means free."""
    plan = subscriptions.data[0].plan if subscriptions.data else None
    return plan_named(plan.id or plan.title or "") if plan else Plan.FREE


def plan_named(name: str) -> Plan:
    """Return the plan that is a part of ``name`` (section 3.2: ``chatgpt_plus``, ``chatgptplusplan``)."""
    ranked = (Plan.PRO, Plan.BUSINESS, Plan.TEAM, Plan.PLUS)
    return next((plan for plan in ranked if plan.value in name.lower()), Plan.FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says about itself; nobody verified it."""

    expires_at: float | None = None
    email: str | None = None
    plan: str | None = None
    user_id: str | None = None


def token_claims(token: str) -> Claims:
    """Read the claims of a JWT (section 1.1) without verification; anything else has none."""
    try:
        segment = token.split(".")[1]
        value = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return Claims()
    claims = as_object(value) or {}
    profile = as_object(claims.get("https://api.openai.com/profile")) or {}
    owner = as_object(claims.get("https://api.openai.com/auth")) or {}
    return Claims(
        expires_at=number(claims.get("exp")),
        email=text(profile.get("email")),
        plan=text(owner.get("chatgpt_plan_type")),
        user_id=text(owner.get("chatgpt_user_id")),
    )
