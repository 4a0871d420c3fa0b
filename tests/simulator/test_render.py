"""The pictures and videos of the simulator are real, quick to make, and show what was asked for."""

import io
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from PIL import Image

from sora_gateway.simulator.parts import Part
from sora_gateway.simulator.render import (
    AUDIO_RATE_HZ,
    FRAMES_PER_SECOND,
    ImageSpec,
    VideoSpec,
    render_image,
    render_thumbnail,
    render_video,
)
from sora_gateway.simulator.scenery import Guest, panel_of, scene_of, spec_at
from tests.simulator.conftest import colour_of, distance, picture

SPEC = VideoSpec(
    prompt="A paper boat drifts down a rain-soaked street", seconds=5, width_px=360, height_px=640
)
SCENE = VideoSpec(prompt="a boat", seconds=6, width_px=360, height_px=640)
PARTS = (Part(prompt="a fox", seconds=2, note="shot 1 of 2"), Part(prompt="it runs", seconds=2))
_SKY = (0.0, 0.0, 0.03, 0.01)
RED, BLUE = (220, 60, 40), (40, 90, 220)


def halves(size: tuple[int, int] = (800, 600), encoding: str = "png") -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    file = io.BytesIO()
    image.save(file, encoding, quality=95)
    return file.getvalue()


def frames(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data)) as container:
        container.streams.video[0].codec_context.options = {"err_detect": "explode"}
        return list(container.decode(video=0))


def near(colour: tuple[int, ...], other: tuple[int, ...], tolerance: int = 24) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, other, strict=True))


def _share(image: Image.Image, colour: tuple[int, int, int]) -> float:
    pixels = list(image.get_flattened_data())
    return sum(distance(pixel, colour) < 12 for pixel in pixels) / len(pixels)


@pytest.mark.parametrize("seconds", [5, 10, 15, 20, 25])
def test_a_video_lasts_exactly_as_long_as_asked(seconds: int) -> None:
    """Both tracks, the container and the number of frames agree on the length."""
    with av.open(io.BytesIO(render_video(replace(SPEC, seconds=seconds)))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert container.duration == seconds * av.time_base
        assert video.duration * video.time_base == seconds
        assert audio.duration * audio.time_base == seconds
        assert video.frames == seconds * FRAMES_PER_SECOND
        assert video.average_rate == FRAMES_PER_SECOND
        assert (video.start_time, audio.start_time) == (0, 0)


@pytest.mark.parametrize(
    "size", [(720, 1280), (1280, 720), (480, 480), (854, 480), (1024, 1792), (170, 302), (64, 36), (2, 2)]
)
def test_any_even_size_is_kept(size: tuple[int, int]) -> None:
    """Every frame decodes without an error, in the size asked for, from the smallest upwards."""
    decoded = frames(render_video(replace(SPEC, width_px=size[0], height_px=size[1], first_frame=halves())))
    assert len(decoded) == 5 * FRAMES_PER_SECOND
    assert {(f.width, f.height, f.format.name) for f in decoded} == {(*size, "yuv420p")}


def test_time_stamps_never_go_back_and_each_second_starts_with_a_key_frame() -> None:
    """A player can seek to any second, and a muxer may copy the packets as they are."""
    with av.open(io.BytesIO(render_video(SPEC))) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        container.seek(0)
        sounds = [p.dts for p in container.demux(audio=0) if p.size]
    times = [p.pts * p.time_base for p in packets]
    assert times == [Fraction(n, FRAMES_PER_SECOND) for n in range(5 * FRAMES_PER_SECOND)]
    assert [p.dts for p in packets] == [p.pts for p in packets]
    assert [t for t, p in zip(times, packets, strict=True) if p.is_keyframe] == [0, 1, 2, 3, 4]
    assert all(a < b for a, b in itertools.pairwise(sounds))


def test_a_player_can_start_before_the_file_is_complete() -> None:
    """The index comes before the media (faststart)."""
    data, at, boxes = render_video(SPEC), 0, []
    while at < len(data):
        boxes.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4])
    assert at == len(data)
    assert boxes[0] == b"ftyp"
    assert boxes.index(b"moov") < boxes.index(b"mdat")


def test_the_tone_is_audible_and_soft() -> None:
    """AAC in every second, well above silence and well below clipping."""
    with av.open(io.BytesIO(render_video(SPEC))) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        sound = b"".join(bytes(f.planes[0])[: f.samples * 4] for f in container.decode(audio=0))
    samples = memoryview(sound).cast("f")
    assert len(samples) == pytest.approx(5 * AUDIO_RATE_HZ, abs=1_024)
    for second in range(5):
        peak = max(abs(v) for v in samples[second * AUDIO_RATE_HZ : (second + 1) * AUDIO_RATE_HZ : 7])
        assert 0.1 < peak < 0.8


def test_time_passes_visibly() -> None:
    """The count changes each second; within a second only the lane below it moves."""
    decoded = frames(render_video(SPEC))
    panels = [f.to_image().crop((0, 510, 360, 640)).tobytes() for f in decoded]
    assert len({panels[n] for n in range(0, 150, FRAMES_PER_SECOND)}) == 5
    assert len(set(panels[30:60])) == FRAMES_PER_SECOND
    upper = [f.to_image().crop((0, 0, 360, 606)).tobytes() for f in decoded]
    assert len(set(upper[30:60])) == 1


def test_shared_pictures_leave_no_trace() -> None:
    """What is predicted for one picture fits every other: the lane is as bright in the last second."""
    decoded = frames(render_video(replace(SPEC, seconds=25, prompt="雨" * 50)))
    lanes = [decoded[second * 30 + 29].to_image().crop((22, 612, 338, 616)) for second in (0, 7, 24)]
    for lane in lanes:
        assert all(near(lane.getpixel((x, 2)), (228, 232, 242), 12) for x in range(4, 312, 4))


def test_parts_follow_one_another() -> None:
    """The picture changes where a part ends, and nowhere else; the length is that of the whole."""
    parts = (Part(prompt="a fox", seconds=1.5), Part(prompt="it runs", seconds=3.5))
    decoded = frames(render_video(replace(SPEC, parts=parts)))
    upper = [decoded[at].to_image().crop((0, 60, 360, 480)).tobytes() for at in range(0, 150, 30)]
    assert len(decoded) == 150
    assert len(set(upper)) == 2
    assert upper[0] != upper[1] == upper[4]


@pytest.mark.parametrize("encoding", ["png", "jpeg", "webp"])
def test_the_uploaded_picture_opens_the_video_and_stays_as_an_inset(encoding: str) -> None:
    """It fills the first second, cut to the frame, and can be found in the frames after it."""
    decoded = frames(render_video(replace(SPEC, first_frame=halves(encoding=encoding))))
    for frame in (decoded[0].to_image(), decoded[29].to_image()):
        for y in (4, 320, 636):
            assert near(frame.getpixel((90, y)), RED)
            assert near(frame.getpixel((270, y)), BLUE)
    later = decoded[30].to_image()
    pixels = list(later.resize((90, 160), Image.Resampling.NEAREST).get_flattened_data())
    assert sum(near(p, RED) for p in pixels) > len(pixels) * 0.04
    assert sum(near(p, BLUE) for p in pixels) > len(pixels) * 0.04
    assert not near(later.getpixel((350, 320)), BLUE)


def test_the_word_mark_is_drawn_on_request_only() -> None:
    """It is in the lower right corner, also over an uploaded picture."""
    spec = replace(SPEC, first_frame=halves())
    plain, marked = (
        frames(render_video(replace(spec, watermark=flag)))[0].to_image().crop((270, 560, 360, 640))
        for flag in (False, True)
    )
    assert max(high for _, high in plain.getextrema()[:1]) < 100
    assert all(high > 230 for _, high in marked.getextrema())


def test_the_same_spec_gives_the_same_video_and_another_seed_another_one() -> None:
    """Four threads at once agree with each other as well."""
    with ThreadPoolExecutor(4) as pool:
        videos = list(pool.map(render_video, [replace(SPEC, seconds=2)] * 8))
    decoded = [[bytes(plane) for f in frames(video) for plane in f.planes] for video in videos]
    assert all(other == decoded[0] for other in decoded[1:])
    assert frames(render_video(replace(SPEC, seed=1)))[0].to_image() != frames(videos[0])[0].to_image()


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "\x00\x07\n\t\r\x1b[31m",
        "雨后的街道，霓虹灯倒影。" * 9_000,
        "word " * 20_000,
        "x" * 100_000,
        "👩‍👩‍👧‍👦🇩🇪🫠️ \ud83d e\u0301\u0301 שלום नमस्ते \U0010ffff",
    ],
)
def test_no_prompt_is_too_strange_or_too_long(prompt: str) -> None:
    """Long prompts end with an ellipsis, and no prompt costs more than a moment."""
    started = time.process_time()
    data = render_video(replace(SPEC, prompt=prompt))
    assert time.process_time() - started < 2
    assert len(frames(data)) == 150


def test_ten_seconds_stay_below_two_megabytes() -> None:
    """Even with a picture of pure noise as the first frame."""
    noise = Image.effect_noise((720, 1280), 90)
    file = io.BytesIO()
    noise.save(file, "jpeg")
    spec = replace(SPEC, seconds=10, width_px=720, height_px=1280)
    assert len(render_video(spec)) < 1_500_000
    assert len(render_video(replace(spec, first_frame=file.getvalue()))) < 3_500_000


def test_a_part_takes_the_place_of_the_prompt() -> None:
    """Each second is a spec of its own; the last part is held."""
    spec = replace(SCENE, parts=PARTS, captions=("remix of s_1",))
    shown = [spec_at(spec, second) for second in range(6)]
    assert [item.prompt for item in shown] == ["a fox"] * 2 + ["it runs"] * 4
    assert shown[0].captions == ("shot 1 of 2", "remix of s_1")
    assert shown[2].captions == ("remix of s_1",)
    assert shown[0] == shown[1]
    assert spec_at(SCENE, 3) is SCENE


def test_the_steps_below_have_the_colours_of_their_parts() -> None:
    """So one sees where the cut is."""
    panels = panel_of(replace(SCENE, parts=PARTS), 5), panel_of(SCENE, 5)
    counts = [
        len({panel.getpixel((x, y)) for x in range(20, 340) for y in range(panel.height)}) for panel in panels
    ]
    assert counts[0] > counts[1]


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (170, 302)])
def test_guests_are_chips(size: tuple[int, int]) -> None:
    """One for each, the avatar as it was uploaded; names that are too long for one row take several."""
    guests = tuple(
        Guest(name=f"{colour}_with_a_long_name"[:20], picture=picture(colour))
        for colour in ("red", "blue", "lime")
    )
    spec = replace(SCENE, width_px=size[0], height_px=size[1])
    plain, scene = scene_of(spec), scene_of(replace(spec, guests=guests))
    for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0)):
        assert _share(plain, colour) == 0
        assert _share(scene, colour) > 0.002


def test_captions_are_small_print() -> None:
    """They change the lower part of the picture only, and are cut to one line."""
    box = (0, 0, 360, 200)
    plain = scene_of(SCENE)
    scene = scene_of(replace(SCENE, captions=("remix of s_1", "x" * 999, "")))
    assert scene != plain
    assert scene.crop(box).tobytes() == plain.crop(box).tobytes()


def test_a_look_is_borrowed() -> None:
    """Another prompt with the colours of the first."""
    other = replace(SCENE, prompt="a whale")
    sky = [colour_of(scene_of(spec), _SKY) for spec in (SCENE, replace(other, look=("a boat", 0)), other)]
    assert distance(sky[0], sky[1]) < 3
    assert distance(sky[0], sky[2]) > 10


@pytest.mark.parametrize("size", [(2, 2), (64, 36), (16, 160)])
def test_no_frame_is_too_small(size: tuple[int, int]) -> None:
    """Chips and small print never fail, they only cannot be read."""
    guests = tuple(Guest(name="x" * 20, picture=picture()) for _ in range(3))
    spec = replace(
        SCENE,
        width_px=size[0],
        height_px=size[1],
        guests=guests,
        captions=("remix",),
        first_frame=picture(),
        parts=PARTS,
        watermark=True,
    )
    scene = scene_of(spec_at(spec, 0))
    file = io.BytesIO()
    scene.save(file, "png")
    assert scene.size == size


@pytest.mark.parametrize(
    "change", [{"width_px": 361}, {"height_px": 0}, {"seconds": 0}, {"first_frame": b"not a picture"}]
)
def test_what_cannot_be_rendered_is_refused(change: dict[str, object]) -> None:
    """The caller learns it from a ValueError."""
    with pytest.raises(ValueError, match=r"no video|even|no picture"):
        render_video(replace(SPEC, **change))


def test_a_thumbnail_is_a_small_webp_of_the_same_shape() -> None:
    """At most 640 pixels long, never enlarged."""
    with Image.open(io.BytesIO(render_thumbnail(replace(SPEC, width_px=720, height_px=1280)))) as image:
        assert (image.format, image.size) == ("WEBP", (360, 640))
    with Image.open(io.BytesIO(render_thumbnail(replace(SPEC, width_px=100, height_px=60)))) as image:
        assert image.size == (100, 60)


@pytest.mark.parametrize("encoding", ["png", "webp", "jpeg"])
@pytest.mark.parametrize("size", [(1024, 1024), (1536, 1024), (1024, 1536), (33, 17)])
def test_a_picture_has_the_size_and_encoding_asked_for(size: tuple[int, int], encoding: str) -> None:
    """Odd sizes are fine for pictures."""
    data = render_image(ImageSpec(prompt="雨", width_px=size[0], height_px=size[1]), encoding)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.format.lower(), image.size) == (encoding, size)


@pytest.mark.parametrize("size", [(768, 768), (1152, 768), (768, 1152)])
def test_the_first_reference_dominates_and_the_others_are_tiles(size: tuple[int, int]) -> None:
    """At least a third of the picture shows the first reference."""
    references = (halves(), halves((64, 64)), halves((10, 300)))
    plain, one, three = (
        Image.open(
            io.BytesIO(render_image(ImageSpec(prompt="", width_px=size[0], height_px=size[1], references=r)))
        )
        for r in ((), references[:1], references)
    )
    shares = []
    for image in (plain, one, three):
        pixels = list(image.resize((96, 96), Image.Resampling.NEAREST).get_flattened_data())
        shares.append(sum(near(p, RED) or near(p, BLUE) for p in pixels) / len(pixels))
    assert shares[0] < 0.1
    assert shares[1] > 0.33
    assert shares[2] > shares[1] + 0.01


@pytest.mark.slow
def test_one_core_renders_five_videos_a_second() -> None:
    """Ten seconds in 720x1280 each, a different prompt each time."""
    spec = replace(SPEC, seconds=10, width_px=720, height_px=1280)
    render_video(spec)
    started = time.process_time()
    for seed in range(20):
        render_video(replace(spec, prompt=f"{spec.prompt}, take {seed}", seed=seed))
    assert 20 / (time.process_time() - started) >= 5
