"""Callers' clips: what they are is decided by content, and they must be whole and short."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from PIL import Image

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media import clips
from tests.media.samples import picture, write_sound, write_video

_CODECS = {"mp4": "libx264", "mov": "libx264", "webm": "libvpx", "matroska": "libvpx"}


def write_clip(path: Path, container_format: str, *, seconds: float = 1.0, rate: int = 10) -> Path:
    """Write a red clip of 64x48 in a format."""
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(_CODECS[container_format], rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(round(seconds * rate)):
            for packet in stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 48), "red"))):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.mark.parametrize(
    ("container_format", "media_type"),
    [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("webm", "video/webm")],
)
def test_facts(tmp_path: Path, container_format: str, media_type: str) -> None:
    """Type, size and duration come from the content; a name says nothing."""
    facts = clips.probe(write_clip(tmp_path / "clip.bin", container_format))
    assert (facts.media_type, facts.width_px, facts.height_px) == (media_type, 64, 48)
    assert facts.duration_s == pytest.approx(1.0, abs=0.11)


@pytest.mark.parametrize("options", [{"movflags": "+faststart"}, {"movflags": "frag_keyframe+empty_moov"}])
def test_layouts(tmp_path: Path, options: dict[str, str]) -> None:
    """However an mp4 is laid out."""
    facts = clips.probe(write_video(tmp_path / "v", options=options))
    assert facts.duration_s == pytest.approx(2.0, abs=0.11)


def test_turned_clips(tmp_path: Path) -> None:
    """A phone's clip that is to be turned has the size in which it is shown."""
    path = write_video(tmp_path / "v", size=(90, 160))
    data = bytearray(path.read_bytes())
    # The matrix of the track's header: a quarter turn in place of the identity.
    start = data.index(b"tkhd") + 4 + 40
    one, minus = (65536).to_bytes(4, "big"), (2**32 - 65536).to_bytes(4, "big")
    data[start : start + 20] = bytes(4) + one + bytes(4) + minus + bytes(4)
    path.write_bytes(data)
    facts = clips.probe(path)
    assert (facts.width_px, facts.height_px) == (160, 90)


def _cut(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def test_refusals(tmp_path: Path) -> None:
    """Each says what is wrong with the clip, in words for the caller, without a path."""
    text = tmp_path / "text"
    text.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    disguised = tmp_path / "disguised"
    disguised.write_bytes(b"\0\0\0\x18ftypisom" + text.read_bytes())
    still = tmp_path / "still"
    still.write_bytes(picture("PNG"))
    empty = tmp_path / "empty"
    empty.touch()
    fast = {"movflags": "+faststart"}
    cases = {
        text: "looks like text",
        still: "not an mp4",
        empty: "an empty file",
        disguised: "damaged or cut off",
        write_clip(tmp_path / "matroska", "matroska"): "Matroska",
        write_sound(tmp_path / "sound"): "no video in it",
        _cut(write_video(tmp_path / "no-index"), 0.5): "damaged or cut off",
        _cut(write_video(tmp_path / "no-end", seconds=4, keyframe_every=10, options=fast), 0.7): "cut off",
        write_clip(tmp_path / "long", "mp4", seconds=125, rate=1): "too long .125 seconds",
        write_clip(tmp_path / "long-webm", "webm", seconds=125, rate=1): "too long",
    }
    for path, words in cases.items():
        with pytest.raises(GatewayError, match=words) as raised:
            clips.probe(path)
        assert raised.value.kind is ErrorKind.INVALID_REQUEST, path
        assert str(tmp_path) not in raised.value.message


def test_broken_clips_are_refused_not_crashed_on(tmp_path: Path) -> None:
    """Whatever is cut off or overwritten gives facts or a refusal."""
    path, kinds = tmp_path / "broken", set()
    for container_format in ("mp4", "mov", "webm"):
        whole = write_clip(tmp_path / container_format, container_format).read_bytes()
        for position in range(16, len(whole), max(1, len(whole) // 60)):
            for data in (whole[:position], whole[:position] + b"\xff\xff\xff\xff" + whole[position + 4 :]):
                path.write_bytes(data)
                kinds.add(_refusal(path))
    assert kinds == {None, ErrorKind.INVALID_REQUEST}


def _refusal(path: Path) -> ErrorKind | None:
    try:
        clips.probe(path)
    except GatewayError as error:
        return error.kind
    return None
