"""Read requests of the Images API."""

from __future__ import annotations

from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.parameters import merge_sources, resolve_image
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import references, without
from sora_gateway.surfaces.openai.values import flag
from sora_gateway.web.forms import Form

_REFERENCES = ("image", "images", "input_reference")
_ANSWERING = ("response_format", "stream", "partial_images")
_FORMATS = ("b64_json", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An image request and how its answer shall look."""

    draft: Draft
    as_url: bool
    is_streamed: bool


def translate_generation(form: Form) -> Asked:
    """Return what a request to make images asks for.

    Raises:
        GatewayError(invalid_request): a field that shapes the answer is wrong.
    """
    fields = merge_sources(without(form.fields, _REFERENCES), form.query)
    response_format = fields.get("response_format") or form.query.get("response_format") or "b64_json"
    if response_format not in _FORMATS:
        raise _refused(
            "response_format", f"'response_format' is {response_format!r}; b64_json and url are allowed."
        )
    return Asked(
        draft=Draft(
            fields=without(fields, _ANSWERING),
            references=references(form, _REFERENCES),
            resolve=resolve_image,
        ),
        as_url=response_format == "url",
        is_streamed=flag(fields, "stream"),
    )


def translate_edit(form: Form) -> Asked:
    """Return what a request to change pictures asks for.

    Raises:
        GatewayError(invalid_request): no picture, or as ``translate_generation``.
    """
    asked = translate_generation(form)
    if not asked.draft.references:
        raise _refused("image", "'image' is missing: send the picture to change, as a file, URL or base64.")
    return asked


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
