"""Creation and progress of Sora 2 videos (Sora web protocol, sections 6, 7.1, 7.2, 10, 11; Appendix A)."""

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
    video_body,
)

_SKY = (0.0, 0.0, 0.03, 0.01)

STORYBOARD = (
    "current timeline:\nShot 1:\nduration: 5.0sec\nScene: a fox\n\nShot 2:\nduration: 5.0sec\nScene: it runs"
)


async def test_answer_of_a_creation(running: Running) -> None:
    """Section 6.3: id, status, priority and the balance after it."""
    async with running() as sim:
        answer = (await sim.video()).json()
        assert answer["id"].startswith("task_01")
        assert (answer["task_type"], answer["status"], answer["priority"]) == (
            "video_gen",
            "preprocessing",
            1,
        )
        balance = answer["rate_limit_and_credit_balance"]
        assert balance["estimated_num_videos_remaining"] == 4999
        assert (await sim.get("/backend/nf/check")).json()["rate_limit_and_credit_balance"] == balance


async def test_life_in_the_pending_list(running: Running) -> None:
    """A1: preprocessing, queued, running, processing, gone; the draft a little later."""
    async with running() as sim:
        task_id = (await sim.video(title="T", style_id="news", orientation="landscape")).json()["id"]
        seen: list[tuple[str, float | None]] = []
        for at in (5, 20, 60, 100, 150, 160):
            sim.clock.at += at - (sim.clock.at - 1_790_000_000)
            (item,) = (await sim.get("/backend/nf/pending/v2")).json()
            assert (item["id"], item["title"], item["generations"]) == (task_id, "T", [])
            seen.append((item["status"], item["progress_pct"]))
        assert seen == [
            ("preprocessing", None),
            ("queued", None),
            ("running", 0.14),
            ("running", 0.46),
            ("running", 0.86),
            ("processing", 1.0),
        ]
        config = item["creation_config"]
        assert (config["orientation"], config["n_frames"], config["style"]["id"]) == (
            "landscape",
            300,
            "news",
        )
        sim.clock.at += 6
        assert (await sim.get("/backend/nf/pending/v2")).json() == []
        assert (await sim.drafts())["items"] == []
        sim.clock.at += 4
        assert [draft["task_id"] for draft in (await sim.drafts())["items"]] == [task_id]


async def test_first_answers_omit_a_new_task(running: Running) -> None:
    """A2: by number of answers, and by time."""
    async with running(scenario_of(timing={"video": {"hidden_answers": 2}})) as sim:
        await sim.video()
        lists = [(await sim.get("/backend/nf/pending/v2")).json() for _ in range(3)]
        assert [len(items) for items in lists] == [0, 0, 1]
    async with running(scenario_of(timing={"video": {"hidden_s": 3}})) as sim:
        await sim.video()
        assert (await sim.get("/backend/nf/pending/v2")).json() == []
        sim.clock.at += 3
        assert len((await sim.get("/backend/nf/pending/v2")).json()) == 1


async def test_failure_inside_pending(running: Running) -> None:
    """A3: status `failed` with a reason, then gone without a draft."""
    async with running() as sim:
        task_id = (await sim.video("[fail-pending]")).json()["id"]
        sim.clock.at += 156
        (item,) = (await sim.get("/backend/nf/pending/v2")).json()
        assert (item["status"], item["failure_reason"]) == ("failed", "The generation failed on our side.")
        sim.clock.at += 200
        assert (await sim.get("/backend/nf/pending/v2")).json() == []
        assert (await sim.drafts())["items"] == []
        single = await sim.get(f"/backend/nf/tasks/{task_id}/v2")
        assert single.json()["status"] == "failed"


async def test_single_task_belongs_to_its_account(running: Running) -> None:
    """Another account's task is a 404, as is none."""
    async with running() as sim:
        task_id = (await sim.video()).json()["id"]
        assert (await sim.get(f"/backend/nf/tasks/{task_id}/v2")).json()["id"] == task_id
        assert error_of(await sim.get(f"/backend/nf/tasks/{task_id}/v2", "pro")) == (404, "not_found")
        assert error_of(await sim.get("/backend/nf/tasks/task_x/v2")) == (404, "not_found")
        assert (await sim.get("/backend/nf/pending/v2", "pro")).json() == []


async def test_old_pending_form(running: Running) -> None:
    """Section 7.2: the additional keys of a v1-style task."""
    async with running() as sim:
        await sim.video(n_frames=450)
        (item,) = (await sim.get("/backend/nf/pending")).json()
        assert (item["width"], item["height"], item["n_frames"]) == (720, 1280, 450)
        assert (item["title"], item["status"], item["type"]) == ("New Video", "preprocessing", "video_gen")
        expected = {
            "seed",
            "user",
            "n_variants",
            "operation",
            "priority",
            "moderation_result",
            "queue_status_message",
        }
        assert expected <= set(item)


async def test_fourth_parallel_task(running: Running) -> None:
    """A5: 429 `too_many_concurrent_tasks` with the number; a freed slot is free, another account too."""
    async with running() as sim:
        for _ in range(3):
            assert (await sim.video()).status_code == 200
        answer = await sim.video()
        assert error_of(answer) == (429, "too_many_concurrent_tasks")
        assert answer.json()["error"]["details"] == {"num_tasks": 3}
        assert "3 generations in progress" in answer.json()["error"]["message"]
        assert (await sim.video(account="pro")).status_code == 200
        assert (await sim.image()).status_code == 200
        sim.clock.at += 165
        assert (await sim.video()).status_code == 200


async def test_concurrency_per_account(running: Running) -> None:
    """An account may have its own number."""
    async with running(scenario_of(accounts=[account_of("plus", video_concurrency=1)])) as sim:
        assert (await sim.video()).status_code == 200
        assert error_of(await sim.video()) == (429, "too_many_concurrent_tasks")


async def test_spent_quota(running: Running) -> None:
    """A5: the body of section 11.3; the window rolls after 24 h; 15 s cost two."""
    async with running(scenario_of(accounts=[account_of("plus", video_quota=3)])) as sim:
        assert (await sim.video(n_frames=450)).status_code == 200
        answer = await sim.video(n_frames=450)
        assert answer.status_code == 429
        assert answer.json() == {
            "type": "rate_limit_exhausted",
            "rate_limit_and_credit_balance": {
                "estimated_num_videos_remaining": 0,
                "estimated_num_purchased_videos_remaining": 0,
                "credit_remaining": 0,
                "rate_limit_reached": True,
                "access_resets_in_seconds": 86_400,
            },
        }
        assert (await sim.video()).status_code == 200
        check = (await sim.get("/backend/nf/check")).json()["rate_limit_and_credit_balance"]
        assert (check["estimated_num_videos_remaining"], check["rate_limit_reached"]) == (0, True)
        sim.clock.at += 86_400
        assert (await sim.video(n_frames=450)).status_code == 200


@pytest.mark.parametrize(
    ("account", "body"),
    [
        ("pro", {"model": "sy_ore", "size": "large", "n_frames": 450}),
        ("pro", {"model": "sy_ore", "n_frames": 750}),
        ("pro", {"n_frames": 750}),
        ("free", {"n_frames": 450}),
        ("plus", {"model": "sy_8_20251208"}),
        ("plus", {"n_frames": 150}),
    ],
)
async def test_legal_combinations(running: Running, account: str, body: dict[str, Any]) -> None:
    """Section 6.1, and the dated alias."""
    async with running() as sim:
        assert (await sim.video(account=account, **body)).status_code == 200


@pytest.mark.parametrize(
    ("account", "body", "text"),
    [
        ("plus", {"model": "sy_ore"}, "needs a Pro plan"),
        ("plus", {"n_frames": 750}, "needs a Pro plan"),
        ("plus", {"model": "sy_ore", "size": "large"}, "needs a Pro plan"),
        ("pro", {"size": "large"}, "does not support size 'large'"),
        ("pro", {"model": "sy_ore", "size": "large", "n_frames": 750}, "does not support 25 seconds"),
        ("plus", {"n_frames": 301}, "multiple of 30"),
        ("plus", {"n_frames": 360}, "does not support 12 seconds"),
        ("plus", {"n_frames": "300"}, "n_frames"),
        ("plus", {"model": "sora"}, "Unknown model"),
        ("plus", {"kind": "picture"}, "kind"),
        ("plus", {"orientation": "square"}, "orientation"),
        ("plus", {"prompt": ""}, "prompt"),
        ("plus", {"prompt": None}, "prompt"),
        ("plus", {"style_id": "News"}, "Unknown style"),
        ("plus", {"cameo_ids": ["ch_x"]}, "Unknown cameo_ids"),
        ("plus", {"inpaint_items": [{"kind": "upload", "upload_id": "media_x"}]}, "Unknown upload_id"),
        ("plus", {"inpaint_items": [{"kind": "file", "file_id": "file_x"}]}, "Unknown file_id"),
        (
            "plus",
            {"inpaint_items": [{"kind": "generation", "generation_id": "gen_x"}]},
            "Unknown generation_id",
        ),
        ("plus", {"inpaint_items": [{"kind": "reference", "reference_id": "ref_x"}]}, "Unknown reference_id"),
        ("plus", {"inpaint_items": [{"kind": "thought"}]}, "inpaint_items.0.kind"),
    ],
)
async def test_illegal_bodies(running: Running, account: str, body: dict[str, Any], text: str) -> None:
    """400 `invalid_request` with a text that says what is wrong; nothing is created or charged."""
    async with running() as sim:
        answer = await sim.video(account=account, **body)
        assert error_of(answer) == (400, "invalid_request")
        assert text in answer.json()["error"]["message"]
        assert (await sim.http.get("/simulator/ledger")).json() == {"items": []}


@pytest.mark.parametrize("raw", [b"", b"[1]", b"{", b"\xff"])
async def test_bodies_that_are_no_object(running: Running, raw: bytes) -> None:
    """Not JSON, or not an object."""
    async with running() as sim:
        answer = await sim.http.post("/backend/nf/create", headers=sim.headers(), content=raw)
        assert error_of(answer) == (400, "invalid_request")


async def test_refused_content_and_missing_username(running: Running) -> None:
    """A refusal at creation; an account without a username cannot create."""
    async with running(scenario_of(accounts=[account_of("plus"), account_of("new", username=None)])) as sim:
        answer = await sim.video("[refuse]")
        assert error_of(answer) == (400, "content_refused")
        assert "moderation" in answer.json()["error"]["message"]
        assert error_of(await sim.video(account="new")) == (400, "username_required")


async def test_uploads_belong_to_their_account(running: Running) -> None:
    """All four kinds of inpaint item are accepted from their owner, and not from another account."""
    async with running() as sim:
        media = (await sim.upload(picture())).json()["id"]
        form = {"file": ("a.png", picture(), "image/png")}
        uploaded = await sim.http.post(
            "/backend/project_y/file/upload",
            headers=sim.headers(),
            files=form,
            data={"use_case": "inpaint_safe"},
        )
        file = uploaded.json()
        made = await sim.post(
            "/backend/project_y/references/create",
            {"name": "hat", "type": "other", "asset_pointers": [file["asset_pointer"]]},
        )
        reference = made.json()["reference_info"]["reference_id"]
        listed = (await sim.get("/backend/project_y/references/mine")).json()["items"]
        assert [item["reference_id"] for item in listed] == [reference]
        generation = (await sim.finished())["id"]
        items = [
            {"kind": "upload", "upload_id": media},
            {"kind": "file", "file_id": file["file_id"], "frames": None, "entity": None},
            {"kind": "generation", "generation_id": generation},
            {"kind": "reference", "reference_id": reference},
        ]
        assert (await sim.video(inpaint_items=items)).status_code == 200
        for item in items:
            assert error_of(await sim.video(account="pro", inpaint_items=[item])) == (400, "invalid_request")


async def test_references_with_unknown_assets(running: Running) -> None:
    """An asset pointer must be one's own."""
    async with running() as sim:
        body = {"name": "hat", "type": "other", "asset_pointers": ["sediment://file_x"]}
        assert error_of(await sim.post("/backend/project_y/references/create", body)) == (
            400,
            "invalid_request",
        )


async def test_storyboard(running: Running) -> None:
    """Section 6.5: shots must fit into the length."""
    async with running() as sim:
        path = "/backend/nf/create/storyboard"
        assert (await sim.post(path, video_body(prompt=STORYBOARD))).status_code == 200
        assert error_of(await sim.post(path, video_body(prompt="a fox"))) == (400, "invalid_request")
        answer = await sim.post(path, video_body(prompt=STORYBOARD, n_frames=150))
        assert "10 seconds" in answer.json()["error"]["message"]


async def test_shots_are_shown_in_their_seconds(running: Running) -> None:
    """Each shot has a scene of its own; a storyboard that is too short holds its last shot."""
    async with running() as sim:
        prompt = STORYBOARD.replace("5.0sec", "2.0sec", 1)
        body = video_body(prompt=prompt + "\n\ninstructions:\nquiet look", seed=3)
        assert (await sim.post("/backend/nf/create/storyboard", body)).status_code == 200
        sim.clock.at += 200
        (draft,) = (await sim.drafts())["items"]
        frames = await sim.frames(draft["downloadable_url"])
        scenes = [frame.crop((0, 0, 720, 1100)).tobytes() for frame in frames]
        looks = [distance(colour_of(frame, _SKY), colour_of(frames[0], _SKY)) for frame in frames]
        assert len(scenes) == 10
        assert scenes[0] != scenes[2]
        assert max(looks[:2]) < 3
        assert min(looks[2:]) > 6


async def test_unknown_remix_target(running: Running) -> None:
    """Section 6.4: as if it was not there."""
    async with running() as sim:
        for target in ("s_" + "0" * 32, "gen_x", "x"):
            answer = await sim.video(remix_target_id=target)
            assert error_of(answer) == (404, "not_found")
            assert answer.json()["error"]["param"] == "remix_target_id"


async def test_bulk(running: Running) -> None:
    """Section 6.1: a list of tasks, each a video of its own that is charged for."""
    async with running(scenario_of(accounts=[account_of("plus", video_quota=5)])) as sim:
        path = "/backend/nf/bulk_create"
        answer = await sim.post(path, video_body(nsamples=4))
        tasks = answer.json()
        assert len({task["id"] for task in tasks}) == 4
        balance = tasks[0]["rate_limit_and_credit_balance"]
        assert balance["estimated_num_videos_remaining"] == 1
        assert len((await sim.get("/backend/nf/pending/v2")).json()) == 4
        assert error_of(await sim.post(path, video_body(nsamples=2))) == (429, "too_many_concurrent_tasks")
        sim.clock.at += 200
        drafts = (await sim.drafts())["items"]
        assert {draft["task_id"] for draft in drafts} == {task["id"] for task in tasks}
        assert (await sim.post(path, video_body(nsamples=2))).json()["type"] == "rate_limit_exhausted"
        for samples in (None, 1, 5, "2"):
            refused = await sim.post(path, video_body(nsamples=samples))
            assert error_of(refused) == (400, "invalid_request")


async def test_enhance(running: Running) -> None:
    """Section 10: a longer prompt that still holds the old one; refusals and bad fields are 400."""
    async with running() as sim:
        path = "/backend/editor/enhance_prompt"
        texts = [
            (await sim.post(path, {"prompt": "a boat {x}", "expansion_level": level})).json()[
                "enhanced_prompt"
            ]
            for level in ("short", "medium", "long")
        ]
        assert all("a boat {x}" in text for text in texts)
        assert sorted(texts, key=len) == texts
        assert error_of(await sim.post(path, {"prompt": "[refuse]"})) == (400, "content_refused")
        assert error_of(await sim.post(path, {"prompt": "x", "duration_s": 7})) == (400, "invalid_request")
