"""Only whole mp4 files pass, and their sheets show the right moments."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageColor

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media import videos
from tests.media.samples import COLOURS, picture, write_sound, write_video


def nearest(pixel: object) -> str:
    assert isinstance(pixel, tuple)

    def distance(name: str) -> int:
        return sum(abs(a - b) for a, b in zip(ImageColor.getrgb(name), pixel, strict=False))

    return min([*COLOURS, "black"], key=distance)


@pytest.mark.parametrize(
    "options",
    [{}, {"movflags": "+faststart"}, {"movflags": "frag_keyframe+empty_moov"}],
    ids=["plain", "faststart", "fragmented"],
)
def test_facts(tmp_path: Path, options: dict[str, str]) -> None:
    """Size and duration come from the decoded stream, however the file is laid out."""
    facts = videos.probe(write_video(tmp_path / "v", options=options))
    assert (facts.media_type, facts.width_px, facts.height_px) == ("video/mp4", 90, 160)
    assert facts.duration_s == pytest.approx(2.0, abs=0.11)


def cut(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def test_broken_files(tmp_path: Path) -> None:
    """A text, a picture, sound only, a header only and cut files are generation_failed, with a reason."""
    text = tmp_path / "text"
    text.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    disguised = tmp_path / "disguised"
    disguised.write_bytes(b"\0\0\0\x18ftypisom" + text.read_bytes())
    still = tmp_path / "still"
    still.write_bytes(picture("PNG"))
    fast = {"movflags": "+faststart"}
    cases = {
        text: "not an mp4",
        still: "not an mp4",
        disguised: "damaged|cut off",
        write_sound(tmp_path / "sound"): "no video stream",
        cut(write_video(tmp_path / "no-index"), 0.5): "damaged or cut off",
        cut(
            write_video(tmp_path / "no-end", seconds=4, keyframe_every=10, options=fast), 0.7
        ): "ends after|cut",
        cut(write_video(tmp_path / "no-data", options=fast), 0.2): "no pictures|cut off",
    }
    for path, words in cases.items():
        with pytest.raises(GatewayError, match=words) as raised:
            videos.probe(path)
        assert raised.value.kind is ErrorKind.GENERATION_FAILED, path
        assert str(tmp_path) not in raised.value.message


def test_first_picture(tmp_path: Path) -> None:
    """The first picture is the first one, in its full size."""
    image = videos.first_picture(write_video(tmp_path / "v"))
    assert image.size == (90, 160)
    assert nearest(image.getpixel((45, 80))) == COLOURS[0]


@pytest.mark.parametrize("keyframe_every", [250, 20, 5, 1])
def test_the_sheet_shows_the_middle_of_each_part(tmp_path: Path, keyframe_every: int) -> None:
    """20 parts of a 4 s video, line by line; each cell has the colour of its moment, however it is keyed."""
    path = write_video(tmp_path / "v", seconds=4.0, rate=30, keyframe_every=keyframe_every)
    sheet = videos.spritesheet(path)
    assert sheet.size == (5 * 90, 4 * 160)
    for index in range(20):
        centre = (index % 5 * 90 + 45, index // 5 * 160 + 80)
        moment_s = (index + 0.5) * 4.0 / 20
        near = {
            COLOURS[int((moment_s + shift) / 0.5) % 8] for shift in (-0.1, 0.0, 0.1) if moment_s + shift < 4
        }
        assert nearest(sheet.getpixel(centre)) in near, index


@pytest.mark.parametrize(
    ("seconds", "size", "sheet_size"),
    [(0.3, (160, 90), (3 * 160, 90)), (0.7, (320, 180), (5 * 160, 2 * 90)), (2.0, (64, 64), (800, 640))],
)
def test_the_layout(
    tmp_path: Path, seconds: float, size: tuple[int, int], sheet_size: tuple[int, int]
) -> None:
    """Fewer pictures make a smaller grid; the longest side of a cell is 160 px; the rest is black."""
    sheet = videos.spritesheet(write_video(tmp_path / "v", seconds=seconds, size=size))
    assert sheet.size == sheet_size
    if seconds == 0.7:
        assert nearest(sheet.getpixel((4 * 160 + 80, 90 + 45))) == "black"


def test_a_sheet_of_a_fragmented_file(tmp_path: Path) -> None:
    """A file without an index over all of it still gets its sheet."""
    path = write_video(tmp_path / "v", options={"movflags": "frag_keyframe+empty_moov"}, keyframe_every=5)
    assert isinstance(videos.spritesheet(path), Image.Image)
