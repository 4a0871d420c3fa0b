"""Requests become bodies, answers become outcomes, refusals become errors."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from sora_gateway.domain.accounts import Balance, Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.remote import Accepted, Ambiguous, Refused
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.upstreams.sora_web.translate import (
    about_post,
    create_call,
    facts,
    fingerprint,
    plan_named,
    submission,
    token_claims,
    upload_id,
)
from tests.upstreams.sora_web.support import NOW, answer_of, blob, image, legacy, sample, video

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)

# --- bodies ---------------------------------------------------------------------------------------------


def body_of(request: GenerationRequest, uploads: tuple[str, ...] = (), preset: str = "360") -> Any:
    prepared = {f"upload_{index}": upload for index, upload in enumerate(uploads)}
    call = create_call(request, prepared, "sg-job-t", preset)
    return call.path, call.body


def test_text_to_video() -> None:
    """Section 6.1: the smallest body that worked, with the marker as its title."""
    assert body_of(video(style="News")) == (
        "/nf/create",
        {
            "kind": "video",
            "prompt": "a paper boat",
            "title": "sg-job-t",
            "orientation": "portrait",
            "size": "small",
            "n_frames": 300,
            "model": "sy_8",
            "inpaint_items": [],
            "style_id": "news",
        },
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"model": "sy_8", "size": "small", "style_id": None}),
        ({"pro": True}, {"model": "sy_ore", "size": "small"}),
        ({"hd": True}, {"model": "sy_ore", "size": "large"}),
        ({"hd": True, "pro": True}, {"model": "sy_ore", "size": "large"}),
        ({"duration_s": 15}, {"n_frames": 450}),
        ({"duration_s": 25}, {"n_frames": 750}),
        ({"aspect": Aspect.LANDSCAPE}, {"orientation": "landscape"}),
        ({"style": "vintage"}, {"style_id": "nostalgic"}),
        ({"style": "kpop"}, {"style_id": "kpop"}),
    ],
)
def test_parameters_of_a_video(more: dict[str, Any], expected: dict[str, Any]) -> None:
    """Sections 6.1 and 13: what each parameter changes in the body."""
    _, body = body_of(video(**more))
    assert expected.items() <= body.items()


def test_picture_to_video() -> None:
    """Section 6.2: an uploaded picture is an item of kind upload."""
    _, body = body_of(video(inputs=(blob(),)), ("media_1",))
    assert body["inpaint_items"] == [{"kind": "upload", "upload_id": "media_1"}]


@pytest.mark.parametrize(
    ("preset", "aspect", "size"),
    [
        ("360", Aspect.SQUARE, (360, 360)),
        ("360", Aspect.LANDSCAPE, (540, 360)),
        ("360", Aspect.PORTRAIT, (360, 540)),
        ("480", Aspect.SQUARE, (480, 480)),
        ("480", Aspect.LANDSCAPE, (720, 480)),
        ("480", Aspect.PORTRAIT, (480, 720)),
    ],
)
def test_text_to_image(preset: str, aspect: Aspect, size: tuple[int, int]) -> None:
    """Section 5.1: an image is a composition of one frame in one of two sets of sizes."""
    path, body = body_of(image(aspect=aspect, n=3), preset=preset)
    assert path == "/video_gen"
    assert body == {
        "type": "image_gen",
        "operation": "simple_compose",
        "prompt": "a cat",
        "width": size[0],
        "height": size[1],
        "n_variants": 3,
        "n_frames": 1,
        "inpaint_items": [],
    }


def test_pictures_to_image() -> None:
    """Section 5.1: the document's own example of a remix, with two pictures."""
    prompt = "same bicycle, rainy evening, neon reflections"
    request = image(prompt, aspect=Aspect.LANDSCAPE, inputs=(blob("a"), blob("b")))
    _, body = body_of(request, ("media_01kq3txxg1e7ybr94d8mzs5p6c", "media_2"), preset="480")
    expected = sample("video_gen_request")
    assert body["inpaint_items"][0] == expected["inpaint_items"][0]
    assert body["inpaint_items"][1]["upload_media_id"] == "media_2"
    assert body | {"inpaint_items": expected["inpaint_items"]} == expected


def test_first_generation_video() -> None:
    """Section 5.2: 480p, frames at 30 a second, the picture as a storyboard item."""
    path, body = body_of(legacy(duration_s=20))
    assert path == "/video_gen"
    assert (body["type"], body["operation"], body["n_frames"]) == ("video_gen", "simple_compose", 600)
    assert (body["width"], body["height"], body["is_storyboard"]) == (480, 854, False)
    _, body = body_of(legacy(aspect=Aspect.LANDSCAPE, inputs=(blob(),)), ("media_1",))
    assert (body["width"], body["height"], body["is_storyboard"]) == (854, 480, True)
    assert body["inpaint_items"][0]["upload_media_id"] == "media_1"


def test_storyboard() -> None:
    """Section 6.5: numbered shots, instructions at the end, the chosen model and size."""
    path, body = body_of(video("quiet [5.0s]a fox wakes [5s] it runs", storyboard=True, pro=True))
    assert path == "/nf/create/storyboard"
    assert body["prompt"] == (
        "current timeline:\nShot 1:\nduration: 5.0sec\nScene: a fox wakes\n\n"
        "Shot 2:\nduration: 5.0sec\nScene: it runs\n\ninstructions:\nquiet"
    )
    assert (body["title"], body["model"], body["storyboard_id"]) == ("sg-job-t", "sy_ore", None)


def test_remix() -> None:
    """Section 6.4: the normal body and three keys, its target a post or a draft."""
    request = video(remix=SOURCE, inputs=(blob(),), duration_s=15)
    _, plain = body_of(video(inputs=(blob(),), duration_s=15), ("media_1",))
    call = create_call(request, {"upload_0": "media_1", "remix_target": "s_1"}, "sg-job-t", "360")
    extra = {"remix_target_id": "s_1", "cameo_ids": [], "cameo_replacements": {}}
    assert (call.path, call.body) == ("/nf/create", plain | extra)
    path, body = body_of(video(remix_post="s_2"))
    assert (path, body["remix_target_id"]) == ("/nf/create", "s_2")
    with pytest.raises(KeyError):
        body_of(request, ("media_1",))


def test_extension() -> None:
    """Section 6.6: a prompt and seconds, no room for a marker; its source is part of the path."""
    call = create_call(video(extend=SOURCE, duration_s=15), {}, "sg-job-t", "360")
    assert call.path == "/project_y/profile/drafts/gen_1/long_video_extension"
    assert call.body == {"user_prompt": "a paper boat", "extension_duration_s": 15, "enable_rewrite": True}
    assert call.total_s == 25
    odd = video(extend=replace(SOURCE, result_id="../a b?c"))
    assert "/drafts/..%2Fa%20b%3Fc/long" in create_call(odd, {}, None, "360").path


def test_characters_are_mentioned() -> None:
    """Section 9.6: in every kind of prompt, those that it lacks in front, a blank after each."""
    names = ("rusty", "pixel")
    _, body = body_of(video("look, @rusty!", mentions=names))
    assert body["prompt"] == "@pixel look, @rusty !"
    _, body = body_of(video("it ends", extend=SOURCE, mentions=names))
    assert body["user_prompt"] == "@rusty @pixel it ends"
    _, body = body_of(video("quiet [5s]a fox [5s]@rusty", storyboard=True, mentions=names))
    assert "Scene: @rusty\n\ninstructions:\n@pixel quiet" in body["prompt"]
    _, body = body_of(video("[10s]@rusty", storyboard=True, mentions=("rusty",)))
    assert body["prompt"].endswith("Scene: @rusty ")


def test_a_character_is_no_call() -> None:
    """It is made by steps of its own."""
    with pytest.raises(ValueError, match="no task"):
        body_of(video(kind=MediaKind.CHARACTER))


@pytest.mark.parametrize(
    "uploaded",
    [{"id": "m", "user_error_message": "no faces"}, {"id": "m", "contains_realistic_person": True}],
)
def test_an_upload_that_will_be_refused(uploaded: dict[str, Any]) -> None:
    """Section 4.2: it is the content."""
    with pytest.raises(GatewayError) as caught:
        upload_id(answer_of(uploaded))
    assert caught.value.kind is ErrorKind.CONTENT_REFUSED
    assert upload_id(answer_of({"id": "m", "user_error_message": None})) == "m"


def test_fingerprints_tell_requests_apart_but_not_markers_and_uploads() -> None:
    """Whatever the body says counts; the marker, upload ids and our own names of models do not."""
    requests = [
        video(),
        video("other"),
        video(pro=True),
        video(hd=True),
        video(duration_s=15),
        video(style="news"),
        video(aspect=Aspect.LANDSCAPE),
        video(inputs=(blob(),)),
        video(storyboard=True),
        legacy(),
        image(),
        image(n=2),
        image(inputs=(blob(),)),
        video(remix=SOURCE),
        video(remix=replace(SOURCE, job_id="video_2")),
        video(remix_post="s_1"),
        video(extend=SOURCE),
        video(extend=replace(SOURCE, result_id="gen_2")),
        video(mentions=("rusty",)),
    ]
    prints = [fingerprint(request, "360") for request in requests]
    assert len(set(prints)) == len(requests)
    assert fingerprint(video(model="sora-2", watermark=True), "360") == prints[0]


# --- answers to creations -------------------------------------------------------------------------------

CODED = {"error": {"message": "x", "code": "heavy_load"}}


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (200, {"id": "task_1"}, {}, Accepted),
        (201, {"task_id": "task_1"}, {}, Accepted),
        (200, [{"id": "task_1"}], {}, Accepted),
        (200, {}, {}, Ambiguous),
        (200, {"id": ""}, {}, Ambiguous),
        (200, {"id": 5}, {}, Ambiguous),
        (200, [{"id": "task_1"}, {"id": "task_2"}], {}, Ambiguous),
        (200, '{"id": "task', {}, Ambiguous),
        (200, "<html>", {}, Ambiguous),
        (204, "", {}, Ambiguous),
        (200, CODED, {}, Ambiguous),
        (302, "", {}, Refused),
        (400, CODED, {}, Refused),
        (400, "", {}, Refused),
        (401, {}, {}, Refused),
        (403, "<html>Just a moment...", {}, Refused),
        (408, "", {}, Ambiguous),
        (429, {}, {}, Refused),
        (500, "", {}, Ambiguous),
        (500, {"error": {"message": "x", "code": "internal_error"}}, {}, Ambiguous),
        (502, "<html>", {}, Ambiguous),
        (503, "<html>", {}, Ambiguous),
        (503, "<html>", {"cf-mitigated": "challenge"}, Refused),
        (503, {"error": {"message": "x"}}, {}, Ambiguous),
        (503, CODED, {}, Refused),
        (504, "", {}, Ambiguous),
        (524, "<html>", {}, Ambiguous),
    ],
)
def test_what_an_answer_to_a_creation_means(
    status: int, body: Any, headers: dict[str, str], expected: type
) -> None:
    """Only an answer that proves that no task exists is a refusal; the table stands in the module."""
    outcome = submission(answer_of(body, status, **headers), MediaKind.VIDEO, NOW)
    assert type(outcome) is expected
    if isinstance(outcome, Accepted):
        assert outcome.remote_id == "task_1"


def test_the_balance_beside_an_answer() -> None:
    """Section 6.3: the quota after the creation, bought videos included, as an absolute reset."""
    answer = sample("nf_create")
    answer["rate_limit_and_credit_balance"]["estimated_num_purchased_videos_remaining"] = 2
    outcome = submission(answer_of(answer), MediaKind.VIDEO, NOW)
    assert isinstance(outcome, Accepted)
    assert outcome.balance == Balance(videos_remaining=23, resets_at=NOW + 50931, is_exhausted=False)
    of_image = submission(answer_of(answer), MediaKind.IMAGE, NOW)
    assert isinstance(of_image, Accepted)
    assert of_image.balance is None


def test_an_exhausted_account_says_until_when() -> None:
    """Section 11.3: refused until the reset and a minute more, with the balance."""
    row = next(row for row in sample("errors") if row["name"] == "daily quota with balance")
    outcome = submission(answer_of(row["body"], 429), MediaKind.VIDEO, NOW)
    assert isinstance(outcome, Refused)
    assert outcome.until == NOW + 40217 + 60
    assert outcome.balance == Balance(videos_remaining=0, resets_at=NOW + 40217, is_exhausted=True)


# --- accounts -------------------------------------------------------------------------------------------


def jwt(claims: Any) -> str:
    segment = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJub25lIn0.{segment}.sig"


def test_what_an_account_is() -> None:
    """Section 3: owner and plan come from the backend, the expiry from the token."""
    quota = Balance(videos_remaining=22, resets_at=NOW + 51207)
    found = facts(answer_of(sample("me")), answer_of(sample("subscriptions")), quota, jwt(sample("claims")))
    assert found.backend_id == "user-Qz81LmT4cVb2Ns7XhKe93RwP"
    assert (found.email, found.plan, found.expires_at) == ("pool-07@example.org", Plan.PLUS, 1775901600.0)
    assert (found.videos_remaining, found.quota_resets_at) == (22, NOW + 51207)


def test_what_the_token_says_is_a_last_resort() -> None:
    """Mail from the token where ``/me`` is silent, the plan where there is no list of plans."""
    claims = sample("claims")
    found = facts(answer_of({"id": "user-1"}), None, None, jwt(claims))
    assert (found.backend_id, found.email, found.plan) == ("user-1", "pool-07@example.org", Plan.PLUS)
    team = {"data": [{"plan": {"id": "chatgpt_team", "title": "ChatGPT Business"}}]}
    assert facts(answer_of({"id": "u"}), answer_of(team), None, jwt(claims)).plan is Plan.TEAM
    assert facts(answer_of({"id": "u"}), answer_of({"data": []}), None, jwt(claims)).plan is Plan.FREE
    assert (found.videos_remaining, found.quota_resets_at) == (None, None)


@pytest.mark.parametrize("me", ["<html>", "{}", '{"id": null}', "[]"])
def test_an_unknown_owner_is_an_error(me: str) -> None:
    """Without the backend's own user id nothing is known."""
    with pytest.raises(GatewayError):
        facts(answer_of(me), None, None, jwt(sample("claims")))


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("chatgpt_free", Plan.FREE),
        ("chatgpt_plus", Plan.PLUS),
        ("chatgptplusplan", Plan.PLUS),
        ("chatgpt_pro", Plan.PRO),
        ("chatgpt_team", Plan.TEAM),
        ("ChatGPT Business", Plan.BUSINESS),
        ("", Plan.FREE),
    ],
)
def test_plans_by_name(name: str, plan: Plan) -> None:
    """Section 3.2: plans are told by a part of their name."""
    assert plan_named(name) is plan


@pytest.mark.parametrize(
    "token", ["", "opaque", "a.b.c", "a.!!!.c", jwt([1]), jwt({"exp": "soon"}), jwt(None)]
)
def test_tokens_that_say_nothing(token: str) -> None:
    """A token need not be a JWT."""
    assert token_claims(token).expires_at is None


def test_a_shared_video_that_the_backend_does_not_know() -> None:
    """The caller named it, so the refusal is his; other refusals stay as they are."""
    body = {"error": {"message": "Unknown 's_2'.", "code": "not_found", "param": "remix_target_id"}}
    outcome = about_post(submission(answer_of(body, 404), MediaKind.VIDEO, NOW), "s_2")
    assert isinstance(outcome, Refused)
    assert (outcome.error.kind, outcome.error.param) == (ErrorKind.INVALID_REQUEST, "remix_target_id")
    assert "The shared video 's_2' is not known to the backend" in outcome.error.message
    other = submission(answer_of({"error": {"message": "No.", "param": "model"}}, 400), MediaKind.VIDEO, NOW)
    assert about_post(other, "s_2") is other
