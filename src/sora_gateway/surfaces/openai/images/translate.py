"""Read requests of the Images API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import RESPONSE_FORMATS
from sora_gateway.domain.parameters import merge_sources, resolve_image
from sora_gateway.domain.values import listed, plain, show, whole
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import references, without
from sora_gateway.surfaces.openai.values import flag
from sora_gateway.web.forms import Form

VARIATION_PROMPT = (
    "Make a variation of this picture: the same subject, composition and style, with new details."
)
"""What is asked of the backend for a variation: it changes pictures by words only."""

MAX_PARTIAL_IMAGES = 3

_REFERENCES = ("image", "images", "input_reference")
_ANSWERING = ("response_format", "stream", "partial_images")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An image request and how its answer shall look.

    ``partial_images`` is how many events before the last one a stream may have. ``revised_prompt`` is the
    prompt where it is not the caller's.
    """

    draft: Draft
    as_url: bool
    is_streamed: bool
    partial_images: int = 0
    revised_prompt: str | None = None


def translate_generation(form: Form) -> Asked:
    """Return what a request to make images asks for.

    Raises:
        GatewayError(invalid_request): a field that shapes the answer is wrong.
    """
    fields = merge_sources(without(form.fields, _REFERENCES), form.query)
    answering = {name: _given(form, name) for name in _ANSWERING}
    return Asked(
        draft=Draft(
            fields=without(fields, _ANSWERING),
            references=references(form, _REFERENCES),
            resolve=resolve_image,
        ),
        as_url=_response_format(answering["response_format"]) == "url",
        is_streamed=flag(answering, "stream"),
        partial_images=_partial_images(answering["partial_images"]),
    )


def translate_edit(form: Form) -> Asked:
    """Return what a request to change pictures asks for.

    Raises:
        GatewayError(invalid_request): no picture, or as ``translate_generation``.
    """
    return _with_picture(translate_generation(form), "the picture to change")


def translate_variation(form: Form) -> Asked:
    """Return what a request to vary a picture asks for; without a prompt it is ``VARIATION_PROMPT``.

    Raises:
        GatewayError(invalid_request): no picture, or as ``translate_generation``.
        GatewayError(unsupported): a stream, for which OpenAI has no events.
    """
    asked = _with_picture(translate_generation(form), "the picture to vary")
    if asked.is_streamed:
        message = "'stream' is true, but variations are not streamed: leave it out, or use /v1/images/edits."
        raise GatewayError(ErrorKind.UNSUPPORTED, message, param="stream")
    prompt = asked.draft.fields.get("prompt")
    if prompt is not None and (not isinstance(prompt, str) or prompt.strip()):
        return asked
    fields = {**asked.draft.fields, "prompt": VARIATION_PROMPT}
    return replace(asked, draft=replace(asked.draft, fields=fields), revised_prompt=VARIATION_PROMPT)


def _with_picture(asked: Asked, what: str) -> Asked:
    if not asked.draft.references:
        raise _refused("image", f"'image' is missing: send {what}, as a file, URL or base64.")
    return asked


def _given(form: Form, name: str) -> Any:
    """Return a field of the body or the query; nothing and empty text are the same."""
    found = [source[name] for source in (form.fields, form.query) if source.get(name) not in (None, "")]
    if len(found) > 1 and plain(found[0]) != plain(found[1]):
        message = (
            f"'{name}' is {show(found[0])} in the body and {show(found[1])} in the query: give it once, "
            "or the same in both."
        )
        raise _refused(name, message)
    return found[0] if found else None


def _response_format(value: object) -> object:
    if value is not None and value not in RESPONSE_FORMATS:
        raise _refused(
            "response_format", f"'response_format' is {show(value)}; allowed are {listed(RESPONSE_FORMATS)}."
        )
    return value


def _partial_images(value: object) -> int:
    number = 0 if value is None else whole(value)
    if number is None or not 0 <= number <= MAX_PARTIAL_IMAGES:
        raise _refused(
            "partial_images", f"'partial_images' is {show(value)}; 0 to {MAX_PARTIAL_IMAGES} are allowed."
        )
    return number


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
