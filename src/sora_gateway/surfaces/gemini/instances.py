"""Read requests of the prediction kind: ``instances`` and ``parameters``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.starts import Start
from sora_gateway.domain.values import show
from sora_gateway.surfaces.gemini.keys import snaked
from sora_gateway.surfaces.gemini.names import file_name_in
from sora_gateway.surfaces.gemini.references import Reference, limited, reference_of
from sora_gateway.surfaces.gemini.wishes import Wish, wish_of
from sora_gateway.web.conversation import video_at
from sora_gateway.web.forms import Form

_UNSUPPORTED: Mapping[str, tuple[str, str]] = {
    "last_frame": ("lastFrame", "videos towards a last frame"),
    "mask": ("mask", "changes of a part only"),
}
_MASK = "REFERENCE_TYPE_MASK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The one thing to make, and the pictures to make it of, or the video that it carries on."""

    wish: Wish
    references: tuple[Reference, ...]
    start: Start | None = None


def read_instance(form: Form, model: str) -> Instance:
    """Return what a prediction asks for.

    Raises:
        GatewayError(invalid_request): not exactly one instance, or something in it is wrong.
        GatewayError(unsupported): it asks for what this server does not make.
    """
    body = snaked(form.fields)
    instance = _only(body.get("instances"))
    for name, (theirs, what) in _UNSUPPORTED.items():
        if instance.get(name) not in _ABSENT:
            raise GatewayError(
                ErrorKind.UNSUPPORTED,
                f"'{theirs}' is not supported: this server does not make {what}. Leave it out.",
                param=theirs,
            )
    rest = {name: value for name, value in body.items() if name != "instances"}
    prompt = instance.get("prompt")
    references, start = limited(_references(instance), "referenceImages"), _start(instance.get("video"))
    if start is not None and references:
        param = references[0].param
        raise _refused(
            param, f"'{param}' is given, but an extension begins where its 'video' ends: give one."
        )
    return Instance(
        wish=wish_of(model, prompt, rest, body.get("parameters"), form.query, config_name="parameters"),
        references=references,
        start=start,
    )


_ABSENT: tuple[object, ...] = (None, "")


def _start(video: object) -> Start | None:
    """Return the video that is to be carried on, by the uri that its operation gave or a link of ours."""
    if video in _ABSENT:
        return None
    uri = (
        next(
            (video[name] for name in ("uri", "file_uri", "gcs_uri") if isinstance(video.get(name), str)), None
        )
        if isinstance(video, dict)
        else video
    )
    if not isinstance(uri, str):
        message = '\'video\' must be a finished video of this server: send its {"uri": "..."}, not its bytes.'
        raise GatewayError(ErrorKind.UNSUPPORTED, message, param="video")
    name = file_name_in(uri)
    if name is not None and name.kind is MediaKind.VIDEO:
        return Start(param="video", job_id=name.job_id, extends=True)
    found = video_at(uri, param="video")
    if found is None:
        raise _refused("video", f"'video' is {show(uri)}, which is no video of this server.")
    return replace(found, extends=True)


def _only(instances: object) -> dict[str, Any]:
    if isinstance(instances, dict):
        return instances
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], dict):
        raise _refused("instances", "'instances' must be a list with one object, which has the 'prompt'.")
    return instances[0]


def _references(instance: Mapping[str, Any]) -> list[Reference]:
    found = [reference_of(instance["image"], "image")] if instance.get("image") not in _ABSENT else []
    others = instance.get("reference_images", [])
    if not isinstance(others, list):
        raise _refused("referenceImages", "'referenceImages' must be a list.")
    for other in others:
        if isinstance(other, dict) and other.get("reference_type") == _MASK:
            raise GatewayError(
                ErrorKind.UNSUPPORTED, "Masks are not supported. Leave them out.", param="referenceImages"
            )
        found.append(reference_of(_inner(other), "referenceImages"))
    return found


def _inner(other: object) -> object:
    if not isinstance(other, dict):
        return other
    return other.get("image") or other.get("reference_image") or other


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
