"""Read requests of the prediction kind: ``instances`` and ``parameters``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.surfaces.gemini.keys import snaked
from sora_gateway.surfaces.gemini.references import Reference, limited, reference_of
from sora_gateway.surfaces.gemini.wishes import Wish, wish_of
from sora_gateway.web.forms import Form

_UNSUPPORTED: Mapping[str, tuple[str, str]] = {
    "last_frame": ("lastFrame", "videos towards a last frame"),
    "video": ("video", "extensions of videos"),
    "mask": ("mask", "changes of a part only"),
}
_MASK = "REFERENCE_TYPE_MASK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The one thing to make, and the pictures to make it of."""

    wish: Wish
    references: tuple[Reference, ...]


def read_instance(form: Form, model: str) -> Instance:
    """Return what a prediction asks for.

    Raises:
        GatewayError(invalid_request): not exactly one instance, or something in it is wrong.
        GatewayError(unsupported): it asks for what this server does not make.
    """
    body = snaked(form.fields)
    instance = _only(body.get("instances"))
    for name, (theirs, what) in _UNSUPPORTED.items():
        if instance.get(name):
            raise GatewayError(
                ErrorKind.UNSUPPORTED,
                f"'{theirs}' is not supported: this server does not make {what}. Leave it out.",
                param=theirs,
            )
    rest = {name: value for name, value in body.items() if name != "instances"}
    prompt = instance.get("prompt")
    return Instance(
        wish=wish_of(model, prompt, rest, body.get("parameters"), form.query),
        references=limited(_references(instance), "referenceImages"),
    )


def _only(instances: object) -> dict[str, Any]:
    if isinstance(instances, dict):
        return instances
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], dict):
        raise _refused("instances", "'instances' must be a list with one object, which has the 'prompt'.")
    return instances[0]


def _references(instance: Mapping[str, Any]) -> list[Reference]:
    found = [reference_of(instance["image"], "image")] if instance.get("image") else []
    others = instance.get("reference_images") or []
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
