"""Look into the clips that callers send: mp4, QuickTime and WebM. Blocking: ``derive`` runs this in threads.

As in ``videos``, only the one demuxer that the first bytes ask for is let near a file, and no other file is
opened for it.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media import pictures, videos
from sora_gateway.ports.media import MediaFacts

MAX_SECONDS = 120.0
MAX_PIXELS = 36_000_000
"""Of one picture: 8K and a little more."""

_MOST_PACKETS = 100_000
_MISSING_END_S = 0.5  # as in videos
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = b"\x1a\x45\xdf\xa3"
_DEMUXERS = {"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm"}
_BROKEN = (av.FFmpegError, OSError, ValueError, LookupError, OverflowError)


def type_of(head: bytes) -> str | None:
    """Return the media type of the clip that ``head`` begins, None if it is none that is taken."""
    if head[4:12] == b"ftypqt  " or head[4:8] in _QUICKTIME_BOXES:
        return "video/quicktime"
    if videos.is_mp4(head):
        return "video/mp4"
    return "video/webm" if head.startswith(_EBML) and b"webm" in head else None


def probe(path: Path) -> MediaFacts:
    """Decode the first picture, read the rest without decoding, and return the facts.

    The size is the one it is shown in, after turning it as the file says.

    Raises:
        GatewayError(invalid_request): no mp4, QuickTime or WebM video, damaged, cut off, or longer than
            ``MAX_SECONDS``.
    """
    with path.open("rb") as file:
        head = file.read(64)
    media_type = type_of(head)
    if media_type is None:
        raise _refused(
            f"The file is not an mp4, QuickTime or WebM video: its content looks like"
            f" {pictures.describe(head)}."
        )
    options = {"protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", format=_DEMUXERS[media_type], options=options) as container:
            if not container.streams.video:
                raise _refused("The file has sound, but no video in it.")
            return _facts(container, container.streams.video[0], media_type)
    except _BROKEN as error:
        raise _damaged() from error


def _facts(container: InputContainer, stream: VideoStream, media_type: str) -> MediaFacts:
    stated_s = _stated_s(stream)
    if stated_s is not None and stated_s > MAX_SECONDS:
        raise _too_long(stated_s)
    context: VideoCodecContext | None = stream.codec_context
    if context is None:
        raise _refused("The video's codec is not known here; send H.264 in an mp4 file.")
    context.options = {"max_pixels": str(MAX_PIXELS)}
    if context.width * context.height > MAX_PIXELS:
        raise _refused(
            f"The video is too large ({context.width}x{context.height} pixels); at most {MAX_PIXELS:,} pixels"
            " are allowed. Scale it down."
        )
    first = next(container.decode(stream), None)
    if first is None:
        raise _refused("The video has no pictures in it.")
    if first.width * first.height > MAX_PIXELS:
        raise _refused(f"The video is too large ({first.width}x{first.height} pixels). Scale it down.")
    end_s = _end_s(container, stream)
    if stated_s is not None and end_s < stated_s - _MISSING_END_S:
        raise _refused(
            f"The video is cut off: it ends after {end_s:.1f} of {stated_s:.1f} seconds. Send it anew."
        )
    is_on_its_side = first.rotation % 180 != 0
    return MediaFacts(
        media_type=media_type,
        width_px=first.height if is_on_its_side else first.width,
        height_px=first.width if is_on_its_side else first.height,
        duration_s=stated_s if stated_s is not None else end_s,
    )


def _stated_s(stream: VideoStream) -> float | None:
    """Return how long the file says the video is; WebM files say it of picture and sound together only."""
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None


def _end_s(container: InputContainer, stream: VideoStream) -> float:
    """Return when the last picture ends, counted from the first, without decoding any."""
    base = stream.time_base or Fraction(1, 1000)
    rate = stream.average_rate or stream.guessed_rate
    usual = 1 / (rate * base) if rate else 0
    container.seek(0)
    starts, ends = [], []
    for count, packet in enumerate(container.demux(stream)):
        if packet.pts is None:
            continue
        starts.append(packet.pts)
        ends.append(packet.pts + (packet.duration or usual))
        if count >= _MOST_PACKETS:
            raise _refused("The video has too many pictures in it; send a shorter one.")
        if (packet.pts - starts[0]) * base > MAX_SECONDS:
            raise _too_long(float((packet.pts - starts[0]) * base))
    return float((max(ends) - min(starts)) * base) if ends else 0.0


def _too_long(seconds: float) -> GatewayError:
    return _refused(
        f"The video is too long ({seconds:.0f} seconds); at most {MAX_SECONDS:.0f} seconds are allowed."
    )


def _damaged() -> GatewayError:
    return _refused("The video is damaged or cut off and cannot be decoded. Send it anew.")


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message)
