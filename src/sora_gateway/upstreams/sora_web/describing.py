"""Show people which call a request would become, with words in place of what is not known yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.upstreams.sora_web.cameos import beginning
from sora_gateway.upstreams.sora_web.translate import create_call, placeholders


def described(request: GenerationRequest, preset: str) -> Mapping[str, object]:
    """Return method, path and body; uploads, posts and results of other jobs are named, not shown.

    ``before`` and ``after`` are the other calls that change something at the backend, where there are any.
    """
    if request.kind is MediaKind.CHARACTER:
        return _character(request.character or Clip())
    named = request
    if request.extend is not None:
        result = f"<result of {request.extend.job_id}>"
        named = replace(named, extend=replace(request.extend, result_id=result))
    if request.character is not None:
        named = replace(named, mentions=(*request.mentions, "<username>"))
    call = create_call(named, placeholders(named), None, preset)
    others = {"before": _before(request), "after": _character_calls(request.keeps_character)}
    shown = {name: calls for name, calls in others.items() if calls}
    return {"method": "POST", "path": unquote(call.path), "body": dict(call.body), **shown}


def _before(request: GenerationRequest) -> list[str]:
    calls = ["POST /uploads" for _ in request.inputs] + _character_calls(request.character)
    if request.remix is not None:
        calls.append(f"POST /project_y/post, unless {request.remix.job_id} is shared already")
    return calls


def _character_calls(clip: Clip | None) -> list[str]:
    if clip is None:
        return []
    path, _ = beginning(clip, "")
    return [f"POST {path}", "POST /project_y/file/upload", "POST /characters/finalize"]


def _character(clip: Clip) -> Mapping[str, object]:
    path, fields = beginning(clip, f"<result of {clip.source.job_id}>" if clip.source is not None else "")
    body = {"file": "<clip>"} | fields if clip.blob is not None else fields
    return {"method": "POST", "path": path, "body": body}
