"""Resolve a request to carry a finished video on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import OPENAI_DURATIONS_S, Family, parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY, DEFAULTS, Policy, Resolved, resolve_remix
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.values import boolean, listed, plain, show, whole

EXTENSIONS_S = (10, 15)
"""By how much the backend carries a video on; other wishes are served by the next longer one."""

_KEPT = ("size", "hd", "style", "storyboard", "character_url", "character_from_task", "characters")
"""Fields that an extension cannot change, in the order in which they are refused."""

_NOTHING: tuple[object, ...] = (None, "", [], ())


def resolve_extension(
    fields: Mapping[str, object], base: GenerationRequest, *, policy: Policy = DEFAULT_POLICY
) -> Resolved:
    """Resolve an extension of the video that ``base`` made; it looks like that one.

    ``seconds`` is how much is added, 10 or 15; less is served by the next longer, reported in ``asked``.

    Raises:
        GatewayError(invalid_request): no or another length, or a field that an extension cannot have.
        GatewayError(invalid_model): the model's name asks for another video than ``base`` made.
    """
    given = {name: value for name, value in fields.items() if value not in _NOTHING}
    for name in _KEPT:
        if name in given and not _says_the_same(name, given[name], base):
            raise _refused(
                name, f"'{name}' is {show(given[name])}, but an extension looks like its video: leave it out."
            )
    _check_model(given.get("model"), base, policy)
    if base.private:
        # The extension shows the whole of it.
        if boolean(given.get("private")) is False:
            raise _refused("private", "'private' is false, but the video to be carried on is private.")
        given["private"] = True
    asked_s, added_s = _length(given)
    rest = {
        name: value for name, value in given.items() if name not in {"model", "seconds", "duration", *_KEPT}
    }
    # The duration is checked here: that of a new video has other values.
    resolved = resolve_remix({**rest, "duration": EXTENSIONS_S[0]}, base, policy=policy)
    request = replace(
        resolved.request,
        model=str(given.get("model", resolved.request.model)),
        duration_s=added_s,
        plan=base.plan,
        asked={**resolved.request.asked, **({"seconds": str(asked_s)} if asked_s != added_s else {})},
    )
    return replace(resolved, request=request)


def _says_the_same(name: str, value: object, base: GenerationRequest) -> bool:
    if name == "size":
        return value == base.size
    if name == "hd":
        return plain(value) == plain(base.hd)
    return plain(value) == plain(DEFAULTS[name])


def _check_model(name: object, base: GenerationRequest, policy: Policy) -> None:
    if name is None:
        return
    if not isinstance(name, str):
        raise _refused("model", f"'model' must be text, not {show(name)}.")
    model = parse_model_name(name, policy.aliases)
    says_more = (
        model.family is not Family.VIDEO2
        or model.orientation not in (None, base.aspect)
        or model.duration_s is not None
        or model.storyboard
        or (model.hd and not base.hd)
        or (model.pro and not base.pro)
    )
    if says_more:
        raise GatewayError(
            ErrorKind.INVALID_MODEL,
            f"The model {show(name)} asks for another video than the one to be carried on; "
            f"leave it out, or write {Family.VIDEO2.value}.",
            param="model",
        )


def _length(given: Mapping[str, object]) -> tuple[int, int]:
    """Return how many seconds were asked for, and how many are added."""
    names = [name for name in ("seconds", "duration") if name in given]
    if not names:
        raise _refused("seconds", f"'seconds' is missing: say how much to add, {listed(EXTENSIONS_S)}.")
    name = names[0]
    asked_s = whole(given[name])
    if len({whole(given[each]) for each in names}) > 1:
        raise _refused(
            "seconds",
            f"'seconds' is {show(given['seconds'])} and 'duration' is {show(given['duration'])}: "
            "they contradict each other, give one.",
        )
    longer = [added_s for added_s in EXTENSIONS_S if asked_s is not None and added_s >= asked_s]
    if asked_s is None or not longer or asked_s not in {*EXTENSIONS_S, *OPENAI_DURATIONS_S}:
        raise _refused(
            name,
            f"'{name}' is {show(given[name])}; an extension adds {listed(EXTENSIONS_S)} seconds "
            "(4 and 8 are served by 10, 12 by 15).",
        )
    return asked_s, longer[0]


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
