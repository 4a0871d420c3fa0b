"""Which files there are, and what makes two of them the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sora_gateway.simulator.backend import Backend, open_backend
from sora_gateway.simulator.parts import Part
from sora_gateway.simulator.records import CastMember, Remixed
from sora_gateway.simulator.renditions import (
    image_key,
    label,
    look_of,
    open_image,
    open_video,
    video_key,
)
from sora_gateway.simulator.state import FileOf
from tests.simulator.conftest import scenario_of
from tests.simulator.test_timeline import TASK

FILE = FileOf(task=TASK, index=0, is_marked=False)
MEMBER = CastMember(
    character_id="ch_1",
    username="rusty",
    display_name="Rusty",
    owner_id="user-1",
    owner_username="one",
    picture_id="file_1",
)


@pytest.fixture
def backend() -> Iterator[Backend]:
    with open_backend(scenario_of(), media_origin="http://m") as opened:
        yield opened


def test_same_inputs_same_file() -> None:
    """Prompt, size, length, seed, first frame and watermark decide."""
    key = video_key(TASK, FILE, "source")
    assert video_key(replace(TASK, id="task_2", account_id="user-2"), FILE, "source") == key
    items = {"inpaint_items": [{"kind": "upload", "upload_id": "media_1"}]}
    others = [
        video_key(replace(TASK, **change), FILE, "source")
        for change in ({"prompt": "x"}, {"seconds": 15}, {"seed": 8}, {"width_px": 640}, {"body": items})
    ]
    others += [video_key(TASK, replace(FILE, is_marked=True), "source"), video_key(TASK, FILE, "md")]
    others += [
        video_key(replace(TASK, **change), FILE, "source")
        for change in (
            {"parts": (Part(prompt="x", seconds=10),)},
            {"remixed": Remixed(target_id="s_1", generation_id="gen_0")},
            {"cast": (MEMBER,)},
            {"cast": (replace(MEMBER, picture_id="file_2"),)},
        )
    ]
    assert len({key, *others}) == len(others) + 1
    assert image_key(TASK, 0, "img_0.png") != image_key(TASK, 1, "img_0.png")


def test_small_print() -> None:
    """Model, size and length as asked for."""
    assert label(replace(TASK, body={"model": "sy_ore", "size": "large"})) == "sy_ore large 10 s"


def test_a_remix_borrows_from_the_first_in_line(backend: Backend) -> None:
    """Through any number of remixes; of a video in parts it is the last part."""
    (account, *_) = backend.state.accounts.values()
    first = replace(
        TASK,
        account_id=account.id,
        parts=(Part(prompt="a boat", seconds=5), Part(prompt="a storm", seconds=5)),
    )
    assert look_of(backend, first) is None
    backend.state.add_task(first)
    for number in range(2, 2000):
        backend.state.add_task(
            replace(
                TASK,
                id=f"task_{number}",
                account_id=account.id,
                generation_ids=(f"gen_{number}",),
                remixed=Remixed(target_id="s_1", generation_id=f"gen_{number - 1}"),
            )
        )
    assert look_of(backend, backend.state.tasks["task_1999"].task) == ("a storm", TASK.seed)


async def test_unknown_renditions(backend: Backend) -> None:
    """None, not a guess."""
    assert await open_video(backend, FILE, "8k") is None
    assert await open_image(backend, replace(FILE, task=replace(TASK, kind="image")), "x.gif") is None


async def test_huge_pads_the_full_file_only(backend: Backend) -> None:
    """A smaller rendition stays small."""
    task = replace(TASK, prompt="[huge:9]", seconds=1, width_px=64, height_px=64)
    full = await open_video(backend, replace(FILE, task=task), "source")
    small = await open_video(backend, replace(FILE, task=task), "md")
    assert full is not None
    assert small is not None
    assert (full.size_bytes, small.padding_bytes) == (9_000_000, 0)
