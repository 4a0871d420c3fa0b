"""Render the videos and pictures that the simulator serves.

Everything here is pure: the same spec gives the same decoded picture on the same machine. All functions may
be called from several threads at once.

A video is built for speed. Seconds differ only in their first picture, so each second is one IDR picture of
its own followed by 29 P-pictures that every video of that size shares: they skip the whole picture except a
small lane at the bottom, which they fill from left to right. Those packets, and the packets of the tone, are
encoded once and kept.
"""

import functools
import heapq
import io
import math
from array import array
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Literal

import av
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from PIL import Image

from sora_gateway.simulator.scenery import (
    LANE,
    PANEL,
    TRACK,
    ImageSpec,
    VideoSpec,
    digest,
    lane_of,
    opening_of,
    panel_of,
    scene_of,
    spec_at,
    still_of,
)

__all__ = [
    "AUDIO_RATE_HZ",
    "FRAMES_PER_SECOND",
    "ImageSpec",
    "VideoSpec",
    "render_image",
    "render_thumbnail",
    "render_video",
]

FRAMES_PER_SECOND = 30
AUDIO_RATE_HZ = 48_000

_AAC_SAMPLES = 1_024  # in one packet
_CHORDS_HZ = ((196, 294, 392), (220, 330, 440), (247, 370, 494), (262, 392, 523), (294, 440, 587))
_NARROW_LUMA = [round(16 + value * 219 / 255) for value in range(256)]
_NARROW_CHROMA = [round(128 + (value - 128) * 224 / 255) for value in range(256)]


def render_video(spec: VideoSpec) -> bytes:
    """Return an mp4 of exactly ``spec.seconds``: H.264 (yuv420p, 30 fps) and AAC, playable while it loads.

    Raises:
        ValueError: the size is odd or not positive, there are no seconds, or ``first_frame`` is no picture.
    """
    _check(spec)
    tone = _tone_packets(spec.seconds, digest(spec.prompt, spec.seed)[0] % len(_CHORDS_HZ))
    file = io.BytesIO()
    # FFmpeg's faststart rewrites a finished file, which it cannot do in memory; reserved room does the same.
    reserved = 4_096 + 24 * (spec.seconds * FRAMES_PER_SECOND + len(tone))
    with av.open(file, "w", format="mp4", options={"moov_size": str(reserved)}) as container:
        picture = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        _configure_picture(picture.codec_context, spec.width_px, spec.height_px)
        sound = container.add_stream("aac", rate=AUDIO_RATE_HZ)
        _configure_sound(sound.codec_context)
        container.start_encoding()
        pictures = _pictures(_video_packets(spec, picture.codec_context), picture)
        sounds = _sounds(tone, sound, spec.seconds * AUDIO_RATE_HZ)
        for packet in heapq.merge(pictures, sounds, key=_starts_at):
            container.mux_one(packet)
    return file.getvalue()


def render_thumbnail(spec: VideoSpec) -> bytes:
    """Return a webp of the video half way through, at most 640 pixels on its longer side.

    Raises:
        ValueError: as for ``render_video``.
    """
    _check(spec)
    scene = scene_of(spec_at(spec, spec.seconds // 2))
    panel = panel_of(spec, spec.seconds // 2)
    scene.paste(panel, (0, spec.height_px - panel.height))
    scene.thumbnail((640, 640))
    return _encoded(scene, "webp")


def render_image(spec: ImageSpec, encoding: Literal["png", "webp", "jpeg"] = "png") -> bytes:
    """Return a still picture of the prompt and its references.

    Raises:
        ValueError: the size is not positive, or a reference is no picture.
    """
    if spec.width_px < 1 or spec.height_px < 1:
        raise ValueError(f"no picture has {spec.width_px}x{spec.height_px} pixels")
    return _encoded(still_of(spec), encoding)


def _check(spec: VideoSpec) -> None:
    if spec.seconds < 1:
        raise ValueError(f"no video lasts {spec.seconds} s")
    if min(spec.width_px, spec.height_px) < 2 or spec.width_px % 2 or spec.height_px % 2:
        raise ValueError(f"H.264 needs even sides, not {spec.width_px}x{spec.height_px}")


def _encoded(image: Image.Image, encoding: Literal["png", "webp", "jpeg"]) -> bytes:
    options: dict[str, dict[str, int]] = {
        "png": {"compress_level": 3},
        "webp": {"quality": 82, "method": 2},
        "jpeg": {"quality": 88},
    }
    file = io.BytesIO()
    image.save(file, encoding, **options[encoding])
    return file.getvalue()


def _configure_picture(context: VideoCodecContext, width_px: int, height_px: int) -> None:
    context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
    context.framerate = Fraction(FRAMES_PER_SECOND)
    context.time_base = Fraction(1, FRAMES_PER_SECOND)
    context.flags |= Flags.global_header
    # One thread, one reference, no look-ahead, no deblocking: a packet depends on nothing but its picture.
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "qp": "22",
        "forced-idr": "1",
        "x264-params": "threads=1:keyint=30:scenecut=0:ref=1:weightp=0:colormatrix=smpte170m",
    }


def _configure_sound(context: AudioCodecContext) -> None:
    context.sample_rate, context.layout, context.format = AUDIO_RATE_HZ, "mono", "fltp"
    context.time_base = Fraction(1, AUDIO_RATE_HZ)
    context.bit_rate = 64_000
    context.flags |= Flags.global_header


def _planes(image: Image.Image) -> tuple[Image.Image, ...]:
    """Return Y, Cb and Cr in the narrow range of television, colour at half the resolution."""
    luma, blue, red = image.convert("YCbCr").split()
    return luma.point(_NARROW_LUMA), blue.reduce(2).point(_NARROW_CHROMA), red.reduce(2).point(_NARROW_CHROMA)


def _frame(planes: tuple[Image.Image, ...], pts: int, *, is_key: bool) -> VideoFrame:
    frame = VideoFrame(*planes[0].size, "yuv420p")
    for target, source in zip(frame.planes, planes, strict=True):
        padded = Image.new("L", (target.line_size, target.height))
        padded.paste(source, (0, 0))
        target.update(padded.tobytes())
    frame.pts = pts
    frame.pict_type = PictureType.I if is_key else PictureType.NONE
    return frame


def _video_packets(spec: VideoSpec, context: VideoCodecContext) -> Iterator[bytes]:
    """Yield the H.264 packets: for each second its own IDR picture, then the shared P-pictures."""
    size = (spec.width_px, spec.height_px)
    shown = spec_at(spec, 0)
    scene = _planes(scene_of(shown))
    for second in range(spec.seconds):
        if (current := spec_at(spec, second)) != shown:
            shown, scene = current, _planes(scene_of(current))
        if second == 0 and spec.first_frame is not None:
            planes, is_moving = _planes(opening_of(spec, spec.first_frame)), False
        else:
            planes, is_moving = scene, True
            for plane, part in zip(planes, _planes(panel_of(spec, second)), strict=True):
                plane.paste(part, (0, plane.height - part.height))
        yield from map(bytes, context.encode(_frame(planes, second, is_key=True)))
        yield from _motion_packets(size, is_moving=is_moving)


@functools.lru_cache(maxsize=64)
def _motion_packets(size: tuple[int, int], *, is_moving: bool) -> tuple[bytes, ...]:
    """Return the P-pictures of a second: they keep what the IDR picture shows and fill the lane."""
    context = av.CodecContext.create("libx264", "w")
    _configure_picture(context, *size)
    image = Image.new("RGB", size, PANEL)
    lane = lane_of(size)
    packets: list[bytes] = []
    for index in range(FRAMES_PER_SECOND):
        if lane and is_moving:
            end = lane[0] + (lane[2] - lane[0]) * index // (FRAMES_PER_SECOND - 1)
            image.paste(TRACK, lane)
            image.paste(LANE, (lane[0], lane[1], end, lane[3]))
        packets += map(bytes, context.encode(_frame(_planes(image), index, is_key=index == 0)))
    return tuple(packets[1:])


@functools.lru_cache(maxsize=64)
def _tone_packets(seconds: int, chord: int) -> tuple[bytes, ...]:
    """Return the AAC packets of a soft tone that is struck once each second."""
    context = av.CodecContext.create("aac", "w")
    _configure_sound(context)
    frame = av.AudioFrame("flt", "mono", AUDIO_RATE_HZ)
    frame.sample_rate = AUDIO_RATE_HZ
    frame.planes[0].update(_second_of_tone(chord))
    packets: list[bytes] = []
    for second in range(seconds):
        frame.pts = second * AUDIO_RATE_HZ
        packets += map(bytes, context.encode(frame))
    packets += map(bytes, context.encode(None))
    return tuple(packets[: math.ceil(seconds * AUDIO_RATE_HZ / _AAC_SAMPLES) + 1])


def _second_of_tone(chord: int) -> bytes:
    """Return one second whose end meets its start: whole waves, and a swell from silence to silence."""
    samples = array("f")
    for index in range(AUDIO_RATE_HZ):
        at = index / AUDIO_RATE_HZ
        waves = sum(math.sin(math.tau * hz * at) for hz in _CHORDS_HZ[chord])
        samples.append(
            waves * (0.16 * min(1.0, at * 80) * math.exp(-6 * at) + 0.02 * (1 - math.cos(math.tau * at)))
        )
    return samples.tobytes()


def _pictures(data: Iterable[bytes], stream: Stream) -> Iterator["Packet[Stream]"]:
    """Yield the packets of the video, one frame each."""
    for index, picture in enumerate(data):
        packet = _packet(picture, stream, index, Fraction(1, FRAMES_PER_SECOND))
        packet.duration = 1
        packet.is_keyframe = index % FRAMES_PER_SECOND == 0
        yield packet


def _sounds(data: Iterable[bytes], stream: Stream, samples: int) -> Iterator["Packet[Stream]"]:
    """Yield the packets of the tone; the first is the encoder's priming, the last ends with the video."""
    for index, sound in enumerate(data, start=-1):
        packet = _packet(sound, stream, index * _AAC_SAMPLES, Fraction(1, AUDIO_RATE_HZ))
        packet.duration = min(_AAC_SAMPLES, samples - index * _AAC_SAMPLES)
        packet.is_keyframe = True
        yield packet


def _packet(data: bytes, stream: Stream, at: int, time_base: Fraction) -> "Packet[Stream]":
    packet: Packet[Stream] = Packet(data)
    packet.stream, packet.time_base, packet.pts, packet.dts = stream, time_base, at, at
    return packet


def _starts_at(packet: "Packet[Stream]") -> float:
    return float((packet.pts or 0) * packet.time_base)
