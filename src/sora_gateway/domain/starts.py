"""Find the video that a text names: what a remix starts from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import show

# What stands before the id in a link is bounded: else a text of nothing but "http://" would take minutes.
_POST = r"(?:https?://[^\s<>\"')]{1,300}?/p/)?(?<![\w-])(?P<post>s_[a-f0-9]{32})(?![\w-])[^\s<>\"')]*"
_JOB = (
    r"(?:https?://[^\s<>\"')]{1,300}?/(?:files|videos)/)?(?<![\w-])(?P<job>video_[0-9a-z]{26})(?![0-9a-z-])"
    r"(?:/[^\s<>\"')]*|\?[^\s<>\"')]*)?"
)
_NAME = re.compile(f"{_POST}|{_JOB}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The video that a request changes, or with ``extends`` carries on.

    It is a job of the caller's, or a post at the backend that somebody shared. ``param`` is the field that
    named it.
    """

    param: str
    job_id: str | None = None
    post_id: str | None = None
    extends: bool = False


def find_start(text: str, *, param: str) -> tuple[Start, str] | None:
    """Return the first video that ``text`` names, and the text without its name; None: it names none.

    A name is a job's id, a link to its content or events, or a link to a shared post or its id. Every name of
    that video goes, with the markdown or the tag around it, as our own answers write them.
    """
    found = _NAME.search(text)
    if found is None:
        return None
    name = _named(found)
    again: re.Match[str] | None = found
    while again is not None and _named(again) == name:
        text, at = _without(text, again)
        again = _NAME.search(text, at)  # from there on: a text of nothing but names would take seconds
    return Start(param=param, job_id=name[0], post_id=name[1]), text


def _named(found: re.Match[str]) -> tuple[str | None, str | None]:
    return found["job"], found["post"]


_WRAPPERS = (
    (re.compile(r"\[[^\[\]\n]{0,200}\]\($"), re.compile(r"\)")),
    (re.compile(r"<video\b[^<>]{0,200}[\"']$"), re.compile(r"[\"'][^<>]{0,200}>(?:\s*</video>)?")),
)


def _without(text: str, found: re.Match[str]) -> tuple[str, int]:
    """Return the text without the name, and where it stood."""
    before, after = text[: found.start()], text[found.end() :]
    for opening, closing in _WRAPPERS:
        opened, closed = opening.search(before[-300:]), closing.match(after)
        if opened and closed:
            before, after = before[: len(before) - len(opened[0])], after[closed.end() :]
            break
    before = before.strip()
    return f"{before} {after.lstrip()}".strip(), len(before)


def read_start(value: object, *, param: str) -> Start | None:
    """Return the video that a field names, None where it is absent.

    Raises:
        GatewayError(invalid_request): it names none.
    """
    if value in (None, ""):
        return None
    found = find_start(value, param=param) if isinstance(value, str) else None
    if found is None or found[1]:
        raise GatewayError(
            ErrorKind.INVALID_REQUEST,
            f"'{param}' is {show(value)}; write the id of a video (video_...) or the link of a shared one.",
            param=param,
        )
    return found[0]
