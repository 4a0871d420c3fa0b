"""Drafts and posts (Sora web protocol, sections 7.3 and 8; Appendix A3, A8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import Running, colour_of, distance, error_of, scenario_of


def _post_body(generation_id: str, **more: Any) -> dict[str, Any]:
    return {
        "attachments_to_create": [{"generation_id": generation_id, "kind": "sora"}],
        "post_text": "",
    } | more


async def test_paging_newest_first(running: Running) -> None:
    """An opaque cursor until null; pages neither overlap nor skip, even when new drafts arrive."""
    async with running() as sim:
        for number in range(5):
            await sim.finished(f"boat {number}")
        prompts: list[str] = []
        cursor = ""
        while cursor is not None:
            page = await sim.drafts(limit=2, cursor=cursor)
            prompts += [item["prompt"] for item in page["items"]]
            cursor = page["cursor"]
            if len(prompts) == 2:
                await sim.finished("a newcomer")
        assert prompts == [f"boat {number}" for number in (4, 3, 2, 1, 0)]
        old = (await sim.get("/backend/project_y/profile/drafts")).json()
        assert len(old["items"]) == 6
        assert old["cursor"] is None
        assert error_of(await sim.get("/backend/project_y/profile/drafts", cursor="x")) == (
            400,
            "invalid_request",
        )
        assert error_of(await sim.get("/backend/project_y/profile/drafts", limit="x")) == (
            400,
            "invalid_request",
        )


async def test_violation_and_error(running: Running) -> None:
    """A3: drafts without links, with the reason where the document has it."""
    async with running() as sim:
        violation = await sim.finished("[violation]")
        assert violation["kind"] == "sora_content_violation"
        assert "guardrails" in violation["reason_str"]
        assert violation["markdown_reason_str"] == violation["reason_str"]
        error = await sim.finished("[error]")
        assert (error["kind"], error["reason_str"]) == ("sora_error", None)
        assert error["error_reason"] == "internal_generation_error"
        for draft in (violation, error):
            assert (draft["url"], draft["downloadable_url"], draft["encodings"]) == (None, None, None)


async def test_late_url(running: Running) -> None:
    """A3: a draft without URL that gets one later."""
    async with running() as sim:
        await sim.video("[late-url]")
        sim.clock.at += 170
        (draft,) = (await sim.drafts())["items"]
        assert (draft["kind"], draft["url"]) == ("sora_draft", None)
        sim.clock.at += 30
        (draft,) = (await sim.drafts())["items"]
        assert draft["url"].startswith(sim.address.media_origin)


async def test_single_draft(running: Running) -> None:
    """One's own, once it shows."""
    async with running() as sim:
        draft = await sim.finished()
        path = f"/backend/project_y/profile/drafts/v2/{draft['id']}"
        assert (await sim.get(path)).json()["draft"]["id"] == draft["id"]
        assert error_of(await sim.get(path, "pro")) == (404, "not_found")
        assert error_of(await sim.get(path + "x")) == (404, "not_found")
        assert (await sim.post(f"/backend/project_y/profile/drafts/{draft['id']}/read", {})).json() == {}


async def test_no_watermark_is_for_pro(running: Running) -> None:
    """Section 8.3: others get null, and their best file is the marked one."""
    async with running() as sim:
        plain, pro = await sim.finished(), await sim.finished(account="pro")
        assert plain["download_urls"]["no_watermark"] is None
        assert plain["downloadable_url"] == plain["download_urls"]["watermark"]
        assert (
            pro["downloadable_url"]
            == pro["download_urls"]["no_watermark"]
            != pro["download_urls"]["watermark"]
        )


async def test_post_life(running: Running) -> None:
    """A8: refused the first time, then 200; DELETE 204, and 404 the second time."""
    async with running(scenario_of(publishing={"refusals_first": 1})) as sim:
        draft = await sim.finished()
        body = _post_body(draft["id"], destinations=[{"type": "shared_link_unlisted"}])
        assert error_of(await sim.post("/backend/project_y/post", body)) == (400, "invalid_request")
        made = (await sim.post("/backend/project_y/post", body)).json()
        post = made["post"]
        assert post["permalink"] == f"https://sora.chatgpt.com/p/{post['id']}"
        assert post["permissions"]["share_setting"] == "unlisted"
        assert post["attachments"][0]["encodings"]["source"]["url"].startswith(sim.address.media_origin)
        assert made["profile"]["username"] == "plus"
        path = f"/backend/project_y/post/{post['id']}"
        seen = (await sim.get(path, "pro")).json()["post"]
        assert (seen["is_owner"], seen["permissions"]["can_delete"]) == (False, False)
        assert (await sim.get(path + "/tree")).json()["children"] == []
        assert (await sim.get("/backend/project_y/v2/me")).json()["profile"]["post_count"] == 1
        remix = await sim.video("remix", account="pro", remix_target_id=post["id"])
        assert remix.status_code == 200
        assert error_of(await sim.http.delete(path, headers=sim.headers("pro"))) == (404, "not_found")
        gone = await sim.http.delete(path, headers=sim.headers())
        assert (gone.status_code, gone.content) == (204, b"")
        assert error_of(await sim.http.delete(path, headers=sim.headers())) == (404, "not_found")
        assert error_of(await sim.get(path)) == (404, "not_found")
        assert error_of(await sim.video(remix_target_id=post["id"])) == (404, "not_found")


async def test_a_draft_names_its_post(running: Running) -> None:
    """While it is posted, the first of its posts; afterwards none."""
    async with running(scenario_of(publishing={"refusals_first": 0})) as sim:
        draft = await sim.finished()
        path = f"/backend/project_y/profile/drafts/v2/{draft['id']}"
        posts = [
            (await sim.post("/backend/project_y/post", _post_body(draft["id"]))).json()["post"]["id"]
            for _ in range(2)
        ]
        for post_id, named in ((posts[0], posts[0]), (posts[1], posts[1])):
            assert (await sim.get(path)).json()["draft"]["post"]["id"] == named
            await sim.http.delete(f"/backend/project_y/post/{post_id}", headers=sim.headers())
        assert (await sim.get(path)).json()["draft"]["post"] is None


async def test_posts_that_cannot_be(running: Running) -> None:
    """Unknown generations, failed ones and odd bodies."""
    async with running() as sim:
        path = "/backend/project_y/post"
        assert error_of(await sim.post(path, _post_body("gen_x"))) == (404, "not_found")
        failed = await sim.finished("[violation]")
        assert error_of(await sim.post(path, _post_body(failed["id"]))) == (400, "invalid_request")
        assert error_of(await sim.post(path, {"attachments_to_create": []})) == (400, "invalid_request")
        draft = await sim.finished()
        for odd in ({"destinations": [{"type": "moon"}]}, {"share_setting": "friends"}):
            assert error_of(await sim.post(path, _post_body(draft["id"], **odd))) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "setting"),
    [
        ({}, "public"),
        ({"destinations": None}, "public"),
        ({"destinations": [{"type": "public"}]}, "public"),
        ({"destinations": [{"type": "shared_link_unlisted"}]}, "unlisted"),
        ({"destinations": [{"type": "shared_link_unlisted"}, {"type": "public"}]}, "public"),
        ({"destinations": []}, "private"),
        ({"destinations": [{"type": "public"}], "share_setting": "private"}, "private"),
    ],
)
async def test_who_may_see_a_post(running: Running, body: dict[str, Any], setting: str) -> None:
    """Section 8.1: the destinations decide; a private post is there for its owner only."""
    async with running() as sim:
        post = await sim.published(await sim.finished(), **body)
        assert post["permissions"]["share_setting"] == setting
        path = f"/backend/project_y/post/{post['id']}"
        assert (await sim.get(path)).status_code == 200
        expected = 404 if setting == "private" else 200
        for part in ("", "/tree"):
            assert (await sim.get(path + part, "pro")).status_code == expected
        others = await sim.video("remix", account="pro", remix_target_id=post["id"])
        assert others.status_code == expected
        assert (await sim.video("remix", remix_target_id=post["id"])).status_code == 200


async def test_remix_of_ones_own_draft(running: Running) -> None:
    """Section 6.4: an unpublished draft works through the same field; a foreign or refused one is a 404."""
    async with running() as sim:
        draft = await sim.finished()
        again = await sim.finished("other", remix_target_id=draft["id"])
        assert again["creation_config"]["remix_target_post"] == {"post": {"id": draft["id"]}}
        assert error_of(await sim.video(account="pro", remix_target_id=draft["id"])) == (404, "not_found")
        blocked = await sim.finished("[violation]")
        assert error_of(await sim.video(remix_target_id=blocked["id"])) == (404, "not_found")


async def test_a_remix_looks_like_its_source(running: Running) -> None:
    """The colours of the first video in the line, and small print; the post names its parent."""
    async with running() as sim:
        source = await sim.finished("a boat", n_frames=150, seed=1)
        post = await sim.published(source)
        remix = await sim.finished("a whale", n_frames=150, remix_target_id=post["id"], seed=3)
        again = await sim.finished("a storm", n_frames=150, remix_target_id=remix["id"], seed=4)
        plain = await sim.finished("a whale", n_frames=150, seed=3)
        drafts = (source, remix, again, plain)
        frames = [(await sim.frames(item["downloadable_url"]))[0] for item in drafts]
        sky = [colour_of(frame, (0.0, 0.0, 0.03, 0.01)) for frame in frames]
        assert max(distance(sky[0], sky[1]), distance(sky[0], sky[2])) < 4 < distance(sky[0], sky[3])
        small_print = [colour_of(frame, (0.08, 0.76, 0.8, 0.785)) for frame in frames]
        assert distance(small_print[0], small_print[1]) > 4
        child = await sim.published(remix)
        assert (child["parent_post_id"], post["parent_post_id"]) == (post["id"], None)
