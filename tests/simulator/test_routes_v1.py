"""Uploads and first-generation tasks (Sora web protocol, sections 4 and 5; Appendix A6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import (
    Running,
    account_of,
    colour_of,
    distance,
    error_of,
    picture,
    scenario_of,
)


async def test_life_of_an_image(running: Running) -> None:
    """A6: queued with null, running with progress, succeeded with generations."""
    async with running() as sim:
        created = (await sim.image(n_variants=2)).json()
        assert (created["status"], created["type"], created["generations"]) == ("queued", "image_gen", [])
        seen: list[Any] = []
        for _ in range(2):
            (task,) = (await sim.get("/backend/v2/recent_tasks")).json()["task_responses"]
            seen.append((task["status"], task["progress_pct"]))
            sim.clock.at += 24
        assert seen == [("queued", None), ("running", 0.5)]
        (task,) = (await sim.get("/backend/v2/recent_tasks", limit=20)).json()["task_responses"]
        assert (task["status"], task["progress_pct"], len(task["generations"])) == ("succeeded", 1.0, 2)
        generation = task["generations"][0]
        assert generation["encodings"]["source"]["path"].startswith(sim.address.media_origin)
        assert (generation["width"], generation["height"]) == (1024, 1024)
        assert task["moderation_result"]["type"] == "passed"
        single = (await sim.get(f"/backend/video_gen/{task['id']}")).json()
        assert single["id"] == task["id"]
        link = (await sim.get(f"/backend/generations/{generation['id']}/download")).json()["url"]
        assert (await sim.http.get(link)).headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ((360, 360), (1024, 1024)),
        ((480, 480), (1024, 1024)),
        ((540, 360), (1536, 1024)),
        ((720, 480), (1536, 1024)),
        ((360, 540), (1024, 1536)),
    ],
)
async def test_image_size_is_a_ratio(running: Running, asked: tuple[int, int], got: tuple[int, int]) -> None:
    """C8: the numbers act like a ratio; pictures are of 1024 class."""
    async with running() as sim:
        await sim.image(width=asked[0], height=asked[1])
        sim.clock.at += 41
        (task,) = (await sim.get("/backend/v2/recent_tasks")).json()["task_responses"]
        generation = task["generations"][0]
        assert (generation["width"], generation["height"]) == got


async def test_unsafe_and_failed_images(running: Running) -> None:
    """Unsafe: succeeded without generations and a counter. Failed: a reason."""
    async with running() as sim:
        await sim.image("[unsafe]")
        sim.clock.at += 41
        await sim.image("[fail-pending]")
        sim.clock.at += 41
        failed, unsafe = (await sim.get("/backend/v2/recent_tasks")).json()["task_responses"]
        assert (failed["status"], failed["generations"]) == ("failed", [])
        assert failed["failure_reason"] == "The generation failed on our side."
        assert (unsafe["status"], unsafe["num_unsafe_generations"], unsafe["generations"]) == (
            "succeeded",
            1,
            [],
        )
        assert unsafe["moderation_result"]["is_output_rejection"]


async def test_image_limits(running: Running) -> None:
    """One at a time; `too_many_daily_tasks` with the number once the day is spent."""
    async with running(scenario_of(accounts=[account_of("plus", image_quota=2)])) as sim:
        assert (await sim.image()).status_code == 200
        answer = await sim.image()
        assert error_of(answer) == (429, "too_many_concurrent_tasks")
        assert answer.json()["error"]["details"] == {"num_tasks": 1}
        sim.clock.at += 41
        assert (await sim.image()).status_code == 200
        sim.clock.at += 41
        answer = await sim.image()
        assert error_of(answer) == (429, "too_many_daily_tasks")
        assert answer.json()["error"]["details"] == {"num_tasks": 2}
        assert (await sim.video()).status_code == 200


async def test_pages_of_tasks(running: Running) -> None:
    """`before` and `after` walk to older tasks; a filter picks the kind."""
    async with running() as sim:
        ids = []
        for number in range(3):
            ids.append((await sim.image(f"cat {number}")).json()["id"])
            sim.clock.at += 41
        page = (await sim.get("/backend/v2/recent_tasks", limit=2)).json()
        assert ([task["id"] for task in page["task_responses"]], page["has_more"]) == ([ids[2], ids[1]], True)
        rest = (await sim.get("/backend/v2/recent_tasks", before=page["last_id"])).json()
        assert ([task["id"] for task in rest["task_responses"]], rest["has_more"]) == ([ids[0]], False)
        assert len((await sim.get("/backend/v2/list_tasks", after=ids[2])).json()["task_responses"]) == 2
        empty = (await sim.get("/backend/v2/list_tasks", task_type_filter="videos")).json()
        assert empty == {"task_responses": [], "last_id": None, "has_more": False}


async def test_first_answers_omit_a_new_image(running: Running) -> None:
    """Section 5.4: absent at first is no error."""
    async with running(scenario_of(timing={"image": {"hidden_answers": 1}})) as sim:
        await sim.image()
        lists = [(await sim.get("/backend/v2/recent_tasks")).json()["task_responses"] for _ in range(2)]
        assert [len(tasks) for tasks in lists] == [0, 1]


async def test_legacy_video(running: Running) -> None:
    """Section 5.2: the width and height asked for, found in the v1 lists only."""
    async with running() as sim:
        body = {"type": "video_gen", "width": 854, "height": 480, "n_frames": 150}
        task_id = (await sim.image("a wave", **body)).json()["id"]
        assert (await sim.get("/backend/nf/pending/v2")).json() == []
        sim.clock.at += 200
        (task,) = (await sim.get("/backend/v2/list_tasks", task_type_filter="videos")).json()[
            "task_responses"
        ]
        assert (task["id"], task["type"]) == (task_id, "video_gen")
        assert (task["generations"][0]["width"], task["generations"][0]["height"]) == (854, 480)
        assert (await sim.drafts())["items"] == []


@pytest.mark.parametrize(("width", "height"), [(854, 480), (480, 854), (480, 480), (1280, 720)])
async def test_an_old_video_from_a_picture(running: Running, width: int, height: int) -> None:
    """Section 5.2: the file has the pixels asked for, and every variant begins with the picture."""
    async with running() as sim:
        media = (await sim.upload(picture("red", (300, 300)))).json()["id"]
        item = {
            "type": "image",
            "frame_index": 0,
            "upload_media_id": media,
            "x": 0,
            "y": 0,
            "width": width,
            "height": height,
        }
        created = await sim.image(
            "it moves",
            type="video_gen",
            n_frames=150,
            n_variants=2,
            width=width,
            height=height,
            is_storyboard=True,
            inpaint_items=[item],
        )
        assert created.status_code == 200, created.text
        sim.clock.at += 200
        task = (await sim.get(f"/backend/video_gen/{created.json()['id']}")).json()
        assert (task["status"], len(task["generations"])) == ("succeeded", 2)
        for generation in task["generations"]:
            frames = await sim.frames(generation["encodings"]["source"]["path"])
            assert (frames[0].size, len(frames)) == ((width, height), 5)
            assert distance(colour_of(frames[0], (0, 0, 1, 1)), (255, 0, 0)) < 12
            assert distance(colour_of(frames[1], (0, 0, 1, 1)), (255, 0, 0)) > 40
            assert (generation["width"], generation["height"]) == (width, height)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "song_gen"},
        {"operation": "dance"},
        {"operation": "remix"},
        {"n_variants": 5},
        {"n_frames": 30},
        {"width": 0},
        {"type": "video_gen", "n_frames": 100},
        {"type": "video_gen", "n_frames": 900},
        {"type": "video_gen", "n_frames": 150, "width": 853},
        {"inpaint_items": [{"type": "image", "frame_index": 0, "upload_media_id": "media_x"}]},
        {"inpaint_items": [{"type": "image", "generation_id": "gen_x"}]},
    ],
)
async def test_illegal_bodies(running: Running, body: dict[str, Any]) -> None:
    """400 `invalid_request`."""
    async with running() as sim:
        assert error_of(await sim.image(**body)) == (400, "invalid_request")


async def test_upload(running: Running) -> None:
    """Section 4.1: the keys of the captured answer; the link gives the bytes back."""
    async with running() as sim:
        data = picture(size=(30, 20))
        upload = (await sim.upload(data, filename="ref.png")).json()
        assert upload["id"].startswith("media_01")
        assert (upload["width"], upload["height"], upload["size_bytes"]) == (30, 20, len(data))
        assert (upload["extension"], upload["mime_type"], upload["filename"]) == (
            "png",
            "image/png",
            "ref.png",
        )
        assert (await sim.http.get(upload["url"])).content == data
        item = {"type": "image", "frame_index": 0, "upload_media_id": upload["id"]}
        assert (await sim.image(operation="remix", inpaint_items=[item])).status_code == 200


async def test_upload_of_a_file(running: Running) -> None:
    """Section 4.2, and the refusal inside a 200."""
    async with running() as sim:
        path = "/backend/project_y/file/upload"
        good, bad = [
            (
                await sim.http.post(
                    path, headers=sim.headers(), files={"file": (name, picture(), "image/png")}
                )
            ).json()
            for name in ("a.png", "[person].png")
        ]
        assert good["asset_pointer"] == f"sediment://{good['file_id']}"
        assert len(good["file_id"]) == len("file_") + 32
        assert (good["contains_realistic_person"], good["user_error_message"]) == (False, None)
        assert bad["contains_realistic_person"]
        assert "realistic person" in bad["user_error_message"]
        items = [{"kind": "file", "file_id": bad["file_id"]}]
        assert error_of(await sim.video(inpaint_items=items)) == (400, "content_refused")


async def test_refused_uploads(running: Running) -> None:
    """No picture, no file part, a broken form, a person, too large."""
    async with running(scenario_of(limits={"max_upload_bytes": 500})) as sim:
        assert error_of(await sim.upload(b"nonsense")) == (400, "invalid_request")
        assert error_of(await sim.upload(b"x" * 501)) == (400, "invalid_request")
        assert error_of(await sim.upload(picture(), filename="[person].png")) == (400, "content_refused")
        assert error_of(await sim.post("/backend/uploads", {})) == (400, "invalid_request")
        broken = sim.headers() | {"content-type": "multipart/form-data"}
        answer = await sim.http.post("/backend/uploads", headers=broken, content=b"x")
        assert error_of(answer) == (400, "invalid_request")


async def test_what_is_not_there(running: Running) -> None:
    """404 for unknown, foreign and unfinished things."""
    async with running() as sim:
        task = (await sim.image()).json()
        entry = (await sim.http.get("/simulator/ledger")).json()["items"][0]
        assert error_of(await sim.get("/backend/video_gen/task_x")) == (404, "not_found")
        assert error_of(await sim.get(f"/backend/video_gen/{task['id']}", "pro")) == (404, "not_found")
        for generation in ("gen_x", entry["generation_ids"][0]):
            assert error_of(await sim.get(f"/backend/generations/{generation}/download")) == (
                404,
                "not_found",
            )
