"""Read the fields that ask for characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import boolean, show

SHORTEST_S = 1.0
LONGEST_S = 3.0
MAX_NAME_CHARS = 80

FIELDS = ("character_url", "character_from_task", "character_timestamps", "character_create", "characters")
"""The fields of a request that have to do with characters."""

_DEFAULT_S = (0.0, LONGEST_S)
_RANGE = re.compile(r"\s*(\d{1,5}(?:\.\d{1,3})?)\s*,\s*(\d{1,5}(?:\.\d{1,3})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterWish:
    """Which characters a request wants: made of a clip or of a finished video first, or of its own result.

    ``ids`` are characters that exist. ``start_s`` and ``end_s`` are where the clip shows the character.
    """

    url: str | None = None
    from_task: str | None = None
    creates: bool = False
    ids: tuple[str, ...] = ()
    start_s: float = 0.0
    end_s: float = LONGEST_S

    @property
    def makes_one(self) -> bool:
        """Tell whether a new character is wanted."""
        return bool(self.url or self.from_task or self.creates)

    @property
    def is_asked(self) -> bool:
        """Tell whether the request has to do with characters at all."""
        return self.makes_one or bool(self.ids)


NO_CHARACTERS = CharacterWish()


def asks_for_characters(fields: Mapping[str, object]) -> bool:
    """Tell whether any field of characters has another value than its default, be it a wrong one."""
    return any(_is_said(name, fields.get(name)) for name in FIELDS)


def _is_said(name: str, value: object) -> bool:
    if value in (None, "", [], ()):
        return False
    if name == "character_create":
        return boolean(value) is not False
    if name != "character_timestamps":
        return True
    try:
        return read_timestamps(value, name) != _DEFAULT_S
    except GatewayError:
        return True


def character_wish(fields: Mapping[str, object]) -> CharacterWish:
    """Return what the ``character_*`` fields and ``characters`` ask for; None and empty count as absent.

    Raises:
        GatewayError(invalid_request): a value is not allowed, or two contradict each other.
    """
    url, from_task = _text(fields, "character_url"), _text(fields, "character_from_task")
    if url is not None and from_task is not None:
        raise _refused(
            "character_url",
            "'character_url' and 'character_from_task' both say what to make the character of: give one.",
        )
    start_s, end_s = read_timestamps(fields.get("character_timestamps"), "character_timestamps")
    wish = CharacterWish(
        url=url,
        from_task=from_task,
        creates=_creates(fields),
        ids=_ids(fields.get("characters")),
        start_s=start_s,
        end_s=end_s,
    )
    if (start_s, end_s) != _DEFAULT_S and not wish.makes_one:
        raise _refused(
            "character_timestamps",
            f"'character_timestamps' is {start_s:g},{end_s:g}, but nothing says what to make a character of: "
            "give 'character_url', 'character_from_task' or 'character_create' too.",
        )
    return wish


def read_timestamps(value: object, param: str) -> tuple[float, float]:
    """Return start and end in seconds of ``"start,end"`` (or a list of two numbers), by default 0 and 3.

    Raises:
        GatewayError(invalid_request): another form, or they are not 1 to 3 seconds apart.
    """
    if value in (None, ""):
        return _DEFAULT_S
    text = ",".join(str(item) for item in value) if isinstance(value, list | tuple) else value
    match = _RANGE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise _refused(param, f"'{param}' is {show(value)}; write start and end in seconds, for example 0,3.")
    start_s, end_s = float(match[1]), float(match[2])
    if not SHORTEST_S <= end_s - start_s <= LONGEST_S:
        raise _refused(
            param,
            f"'{param}' is {show(value)}, {end_s - start_s:g} seconds; "
            f"start and end must be {SHORTEST_S:g} to {LONGEST_S:g} seconds apart.",
        )
    return start_s, end_s


def check_inside(start_s: float, end_s: float, duration_s: float, param: str) -> None:
    """Return if the seconds lie inside a video of ``duration_s``.

    Raises:
        GatewayError(invalid_request): they do not.
    """
    if end_s > duration_s + 0.05:
        raise _refused(
            param, f"'{param}' is {start_s:g},{end_s:g}, but the video lasts only {duration_s:.1f} seconds."
        )


def read_name(value: object, param: str = "name") -> str | None:
    """Return the display name of a character, None if there is none.

    Raises:
        GatewayError(invalid_request): no text, or too long.
    """
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= MAX_NAME_CHARS:
        raise _refused(param, f"'{param}' is {show(value)}; a name has 1 to {MAX_NAME_CHARS} characters.")
    if not value.strip().isprintable():
        raise _refused(
            param, f"'{param}' has characters that cannot be shown; write letters, digits, blanks."
        )
    return value.strip()


def _creates(fields: Mapping[str, object]) -> bool:
    value = fields.get("character_create")
    if value in (None, ""):
        return False
    flag = boolean(value)
    if flag is None:
        raise _refused("character_create", f"'character_create' is {show(value)}; true or false is allowed.")
    return flag


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not value.strip():
        raise _refused(name, f"'{name}' must be text, not {show(value)}.")
    return value.strip()


def _ids(value: object) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    items = value if isinstance(value, list | tuple) else [value]
    ids = []
    for item in items:
        match item:
            case str(name) | {"id": str(name)} if name.strip():
                ids.append(name.strip())
            case _:
                raise _refused(
                    "characters",
                    f'\'characters\' has {show(item)}; write a list of ids, as [{{"id": "character_..."}}].',
                )
    return tuple(dict.fromkeys(ids))


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
