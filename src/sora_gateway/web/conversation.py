"""Find what the last wish of a conversation starts from: a video that it names, or what was made before."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import MediaKind, Variant
from sora_gateway.domain.model_names import Family, parse_model_name
from sora_gateway.domain.parameters import MAX_PROMPT_CHARS
from sora_gateway.domain.starts import Start, find_start
from sora_gateway.web.outputs import output_of
from sora_gateway.web.pictures import read_whole
from sora_gateway.web.state import Services

_EMBEDDED = re.compile(
    r"<video\b[^<>]{0,200}?\bsrc=\"(?P<src>[^\"\s<>]{1,2000})\"[^<>]{0,200}>(?:\s{0,9}</video>)?"
    r"|!?\[[^\[\]]{0,200}\]\((?P<target>[^()\s]{1,2000})\)"
)
_LINK = re.compile(
    r"/files/(?P<job_id>(?P<kind>image|video)_[0-9a-z]{26})/(?P=kind)/(?P<index>\d{1,4})"
    r"(?:\.[a-z0-9]{1,5})?(?:\?(?P<query>[^\s<>\"')\]]{0,2000}))?",
    re.ASCII,
)
_INLINE = "data:image/"
_DRAWN = re.compile(r"!\[[^\[\]]{0,200}\]\((?P<picture>data:image/[^()\s]+)\)", re.IGNORECASE)
_MOST_LINKS = 16
_OWN_MATERIAL = ("remix_target_id", "character_url", "character_from_task")
_UNUSABLE = frozenset(
    {ErrorKind.NOT_FOUND, ErrorKind.INVALID_REQUEST, ErrorKind.UNSUPPORTED, ErrorKind.EXPIRED}
    | {ErrorKind.NOT_READY, ErrorKind.GENERATION_FAILED, ErrorKind.CANCELLED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One of our links to a result, whether it is still good or not."""

    job_id: str
    kind: MediaKind
    index: int
    expires: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What was made before and is to be changed now: a picture (a data URL), or a video; or nothing."""

    picture: str | None = None
    start: Start | None = None


NOTHING = Material()


def named_video(text: str, *, param: str) -> tuple[Start | None, str]:
    """Return the video that ``text`` names, and the text without its name; see ``find_start``.

    The name may be repeated, and may stand in markdown or in a tag, as answers show it.

    Raises:
        GatewayError(invalid_request): the text names two videos, or says nothing but the name.
    """
    if len(text) > MAX_PROMPT_CHARS:
        return None, text  # too long for a prompt, as will be said
    start, rest = None, _EMBEDDED.sub(_bare, text)
    while (found := find_start(rest, param=param)) is not None:
        if start not in (None, found[0]):
            names = " and ".join(
                f"'{one.job_id or one.post_id}'" for one in (start, found[0]) if one is not None
            )
            raise _refused(param, f"The text names the videos {names}; one at a time can be changed.")
        start, rest = found
    if start is None:
        return None, text
    if not rest:
        raise _refused(param, "The text names a video and nothing else: say what to change.")
    return start, rest


def _bare(match: re.Match[str]) -> str:
    url = match["src"] or match["target"]
    found = find_start(url, param="")
    return url if found is not None and not found[1] else match[0]


def video_at(url: str, *, param: str) -> Start | None:
    """Return the video that ``url`` is a name or a link of, None for any other URL, data URL or base64."""
    text = url.strip()
    found = find_start(text, param=param) if len(text) <= _LONGEST_URL else None
    return found[0] if found is not None and not found[1] else None


_LONGEST_URL = 2000


def links_in(text: str) -> Iterator[Link]:
    """Yield our links in ``text``, in order."""
    for match in _LINK.finditer(text):
        query = parse_qs(html.unescape(match["query"] or ""))
        yield Link(
            job_id=match["job_id"],
            kind=MediaKind(match["kind"]),
            index=int(match["index"]),
            expires=query.get("exp", [""])[0],
            signature=query.get("sig", [""])[0],
        )


async def taken_up(
    services: Services, caller: Caller, said: Sequence[str], fields: Mapping[str, Any], *, param: str
) -> Material:
    """Return what was made last in a conversation: what "make it darker" is about.

    ``said`` is what the assistant said before, the newest first: texts, and pictures as data URLs.
    ``fields`` are those of the new request. The first picture counts, or the first of our links that still
    leads somewhere and that the model can use: a picture, or for ``sora_video2`` also a video of the
    caller's. Links that lead nowhere (expired, altered, deleted, another's, private) and damaged pictures
    are passed over, and nothing is ever fetched.
    """
    if any(fields.get(name) for name in _OWN_MATERIAL) or not isinstance(fields.get("model"), str):
        return NOTHING
    made = list(islice(_made(said), _MOST_LINKS))
    if not made:
        return NOTHING
    try:
        family = parse_model_name(fields["model"], services.policy.aliases).family
    except GatewayError:
        return NOTHING  # whoever resolves the request says it
    for one in made:
        picture = await _picture_of(services, caller, one)
        if picture is not None:
            return Material(picture=picture)
        if family is Family.VIDEO2 and (video_id := await _video_of(services, caller, one)) is not None:
            return Material(start=Start(param=param, job_id=video_id))
    return NOTHING


async def _picture_of(services: Services, caller: Caller, made: Link | str) -> str | None:
    match made:
        case str(picture):
            return picture if await _is_whole(services, picture) else None
        case Link(kind=MediaKind.IMAGE):
            return await _picture(services, caller, made)
        case Link():
            return None


def _made(said: Iterable[str]) -> Iterator[Link | str]:
    """Yield what was made, each once: our links, and pictures as they are."""
    seen: set[tuple[str, int]] = set()
    for text in said:
        if text[: len(_INLINE)].lower() == _INLINE:
            if _is_picture(text):
                yield text
            continue
        yield from filter(_is_picture, (match["picture"] for match in _DRAWN.finditer(text)))
        for link in links_in(text):
            if (link.job_id, link.index) not in seen:
                seen.add((link.job_id, link.index))
                yield link


def _is_picture(data_url: str) -> bool:
    """Tell pictures that a request can start from by how their bytes begin: those of other models vary."""
    head, _, data = data_url[:200].partition(",")
    if not head.lower().endswith(";base64"):
        return False
    try:
        start = base64.b64decode(data[:16].translate(_URL_SAFE))
    except binascii.Error:
        return False
    is_webp = start[:4] == b"RIFF" and start[8:] == b"WEBP"
    return is_webp or start.startswith((b"\x89PNG", b"\xff\xd8\xff"))


async def _is_whole(services: Services, data_url: str) -> bool:
    """Tell whether the picture can be used: a damaged one of long ago must not end the conversation."""
    try:
        data = base64.b64decode(data_url.partition(",")[2].translate(_URL_SAFE))
        await services.tools.probe_image(data)
    except (binascii.Error, GatewayError):
        return False
    return True


_URL_SAFE = str.maketrans("-_", "+/")


async def _picture(services: Services, caller: Caller, link: Link) -> str | None:
    is_signed = services.links.verify(
        link.job_id, Variant.IMAGE, link.index, link.expires, link.signature
    )  # then whoever holds the link may see the picture; without it, its owner
    holder = None if is_signed else caller
    try:
        output = await output_of(services, link.job_id, Variant.IMAGE, link.index, holder)
        data = await read_whole(services, output.blob)
    except GatewayError as error:
        if error.kind not in _UNUSABLE:
            raise
        return None
    return f"data:{output.blob.media_type};base64,{base64.b64encode(data).decode('ascii')}"


async def _video_of(services: Services, caller: Caller, made: Link | str) -> str | None:
    """Return the id of the caller's video that can be changed, None if it is none."""
    if isinstance(made, str) or made.kind is not MediaKind.VIDEO:
        return None
    try:
        job, _ = await services.generations.source(made.job_id, caller, param="")
    except GatewayError as error:
        if error.kind not in _UNUSABLE:
            raise
        return None
    return None if job.request.private else job.id


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
