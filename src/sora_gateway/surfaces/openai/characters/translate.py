"""Read requests about characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.character_fields import CharacterWish, read_name, read_timestamps
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import listed, plain, show
from sora_gateway.web.forms import Form, Upload
from sora_gateway.web.starting import ClipFields

_SOURCES = ("url", "file", "video", "from_task")
_FIELDS = (*_SOURCES, "timestamps", "name", "dry_run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A character that is wanted, and the one thing to make it of.

    That is a text or a finished video (in ``wish``), a file (``upload``) or the id of one (``file_id``).
    ``names`` are the caller's words for the fields.
    """

    wish: CharacterWish
    upload: Upload | None
    file_id: str | None
    name: str | None
    names: ClipFields
    fields: Mapping[str, Any]


def translate_character(form: Form) -> Asked:
    """Return which character is wanted.

    Raises:
        GatewayError(invalid_request): not exactly one source, or a value is not usable.
    """
    fields = _merged(form)
    param = _one_source(fields, form.files)
    start_s, end_s = read_timestamps(fields.get("timestamps"), "timestamps")
    upload = form.files[param][0] if form.files.get(param) else None
    url, task_id, file_id = (None, None, None) if upload is not None else _source(param, fields[param])
    return Asked(
        wish=CharacterWish(url=url, from_task=task_id, start_s=start_s, end_s=end_s),
        upload=upload,
        file_id=file_id,
        name=read_name(fields.get("name")),
        names=ClipFields(url=param, task=param, timestamps="timestamps"),
        fields=fields,
    )


def _merged(form: Form) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in _FIELDS:
        body, query = form.fields.get(name), form.query.get(name)
        if body not in (None, "") and query not in (None, "") and plain(body) != plain(query):
            message = f"'{name}' is {show(body)} in the body and {show(query)} in the query: give it once."
            raise _refused(name, message)
        value = query if body in (None, "") else body
        if value not in (None, ""):
            merged[name] = value
    return merged


def _one_source(fields: Mapping[str, Any], files: Mapping[str, tuple[Upload, ...]]) -> str:
    given = [name for name in _SOURCES for _ in (*files.get(name, ()), *([0] if name in fields else []))]
    if len(given) == 1:
        return given[0]
    if not given:
        message = (
            f"Nothing says what to make the character of: give one of {listed(_SOURCES)} - the URL or base64 "
            "of a video, a video as a file, or the id of a finished one."
        )
        raise _refused("url", message)
    message = f"{listed(given)} each say what to make the character of: give exactly one."
    raise _refused(given[1], message)


def _source(param: str, value: Any) -> tuple[str | None, str | None, str | None]:
    """Return the text, the finished video's id, or the file's id that ``value`` is."""
    match param, value:
        case "from_task", str(text) if text.strip():
            return None, text.strip(), None
        case (("file" | "video"), {"file_id": str(text)}) if text.strip():
            return None, None, text.strip()
        case "file", str(text) if text.startswith("file_"):
            return None, None, text
        case "video", {"id": str(text)} if text.strip():
            return None, text.strip(), None
        case "video", str(text) if text.startswith("video_"):
            return None, text, None
        case (("url" | "file" | "video"), (str(text) | {"url": str(text)})) if text.strip():
            return text.strip(), None, None
        case _:
            raise _refused(param, f"'{param}' is {show(value)}; {_EXPECTED[param]}.")


_EXPECTED = {
    "url": "write the URL of a video, or a video as a data URL or base64",
    "file": 'send a video as a file, or {"file_id": "file_..."}',
    "video": 'send a video as a file, or {"id": "video_..."} for a finished one',
    "from_task": "write the id of a finished video, video_...",
}


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
