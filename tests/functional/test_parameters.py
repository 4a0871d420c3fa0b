"""Every parameter of the seed in JSON, form and query: what the backend got, what came out."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.functional.harness import Simulator, until
from tests.functional.stage import Film, clip, film_of, picture_of, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

WAYS = ("json", "form", "query")
ACCOUNTS = [{"name": f"pro{number}", "plan": "pro"} for number in range(6)]
PORTRAIT, LANDSCAPE = (720, 1280), (1280, 720)
TALL, WIDE = (1024, 1792), (1792, 1024)
HD_PORTRAIT = {"size": "large", "model": "sy_ore", "orientation": "portrait", "n_frames": 300}

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the seed's tables: what is asked, what the backend must get, what must come out.

    ``sent`` is a part of the body of the create call, ``pixels`` and ``seconds`` are the file's own.
    """

    model: str = "sora_video2"
    asked: Fields = field(default_factory=dict)
    sent: Fields = field(default_factory=dict)
    pixels: tuple[int, int] = PORTRAIT
    seconds: int = 10
    effective: Fields = field(default_factory=dict)
    tasks: int = 1
    prompt: str = "{label}"

    @property
    def is_image(self) -> bool:
        """Tell which route it goes to."""
        return self.model.startswith("sora_image")


DEFAULT = {
    "kind": "video",
    "orientation": "portrait",
    "size": "small",
    "n_frames": 300,
    "model": "sy_8",
    "style_id": None,
}
SHOTS = "in ink [4.0s]{label} wakes [5.5s]it runs"
TIMELINE = (
    "current timeline:\nShot 1:\nduration: 4.0sec\nScene: {label} wakes\n\n"
    "Shot 2:\nduration: 5.5sec\nScene: it runs\n\ninstructions:\nin ink"
)
STYLES = ("thanksgiving", "comic", "news", "selfie", "nostalgic", "anime")

ROWS: Mapping[str, Row] = {
    # the models
    "sora_image": Row(model="sora_image", sent={"type": "image_gen", "n_variants": 1}, pixels=(1024, 1024)),
    "sora_video": Row(model="sora_video", sent={"type": "video_gen", "n_frames": 300}, pixels=(480, 854)),
    "sora_video2": Row(sent=DEFAULT, effective={"model": "sora_video2", "pro": False, "hd": False}),
    # their parameters
    "portrait": Row(model="sora_video2-portrait", sent=DEFAULT),
    "landscape": Row(
        model="sora_video2-landscape",
        sent={"orientation": "landscape"},
        pixels=LANDSCAPE,
        effective={"orientation": "landscape"},
    ),
    "10s": Row(model="sora_video2-10s", sent=DEFAULT),
    "15s": Row(model="sora_video2-15s", sent={"n_frames": 450, "model": "sy_8"}, seconds=15),
    "25s": Row(model="sora_video2-25s", sent={"n_frames": 750, "model": "sy_8"}, seconds=25),
    "hd model": Row(
        model="sora_video2-hd", sent=HD_PORTRAIT, pixels=TALL, effective={"hd": True, "pro": True}
    ),
    "pro": Row(
        model="sora_video2-pro",
        sent={"model": "sy_ore", "size": "small"},
        effective={"pro": True, "hd": False},
    ),
    "storyboard model": Row(
        model="sora_video2-storyboard",
        sent={"prompt": TIMELINE, "n_frames": 300},
        effective={"storyboard": True},
        prompt=SHOTS,
    ),
    "all at once": Row(
        model="sora_video2-pro-15s-hd-landscape-storyboard",
        sent={
            "prompt": TIMELINE,
            "model": "sy_ore",
            "size": "large",
            "orientation": "landscape",
            "n_frames": 450,
        },
        pixels=WIDE,
        seconds=15,
        prompt=SHOTS,
    ),
    # the extra parameters of videos
    "wide": Row(asked={"size": "1920x1080"}, sent={"orientation": "landscape"}, pixels=LANDSCAPE),
    "tall": Row(asked={"size": "1080x1920"}, sent={"orientation": "portrait"}),
    "wide sora_video": Row(
        model="sora_video", asked={"size": "1920x1080"}, sent={"width": 854, "height": 480}, pixels=(854, 480)
    ),
    "n": Row(asked={"n": 2}, sent=DEFAULT, tasks=2),
    "watermark": Row(asked={"watermark": True}, effective={"watermark": True}),
    "no watermark": Row(asked={"watermark": False}, effective={"watermark": False}),
    "duration 10": Row(asked={"duration": 10}, sent={"n_frames": 300}),
    "duration 15": Row(asked={"duration": 15}, sent={"n_frames": 450}, seconds=15),
    "duration 25": Row(asked={"duration": 25}, sent={"n_frames": 750}, seconds=25),
    "seconds 10": Row(asked={"seconds": "10"}, sent={"n_frames": 300}),
    "seconds 15": Row(asked={"seconds": "15"}, sent={"n_frames": 450}, seconds=15),
    "seconds 25": Row(asked={"seconds": "25"}, sent={"n_frames": 750}, seconds=25),
    "hd": Row(
        model="sora_video2-pro", asked={"hd": True}, sent=HD_PORTRAIT, pixels=TALL, effective={"hd": True}
    ),
    "no hd": Row(asked={"hd": False}, sent=DEFAULT, effective={"hd": False}),
    "private": Row(asked={"private": True}, effective={"private": True}),
    "not private": Row(asked={"private": False}, effective={"private": False}),
    "storyboard": Row(
        asked={"storyboard": True}, sent={"prompt": TIMELINE}, effective={"storyboard": True}, prompt=SHOTS
    ),
    "no storyboard": Row(
        asked={"storyboard": False}, sent={"prompt": SHOTS}, effective={"storyboard": False}, prompt=SHOTS
    ),
    **{f"style {name}": Row(asked={"style": name}, sent={"style_id": name}) for name in STYLES},
    # the extra parameters of images
    "square image": Row(
        model="sora_image", asked={"size": "800x800"}, sent={"width": 360, "height": 360}, pixels=(1024, 1024)
    ),
    "wide image": Row(
        model="sora_image",
        asked={"size": "1920x1080"},
        sent={"width": 540, "height": 360},
        pixels=(1536, 1024),
    ),
    "tall image": Row(
        model="sora_image", asked={"size": "500x900"}, sent={"width": 360, "height": 540}, pixels=(1024, 1536)
    ),
    "n images": Row(model="sora_image", asked={"n": 3}, sent={"n_variants": 3}, pixels=(1024, 1024)),
}


# --- the stage --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of a row: the answer, the final objects, their files, the tasks of the backend."""

    answer: httpx2.Response
    jobs: Sequence[dict[str, Any]] = ()
    files: Sequence[bytes] = ()
    tasks: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gateway with six Pro accounts, a caller who may do everything and one without characters."""

    simulator: Simulator
    client: httpx2.AsyncClient
    other: httpx2.AsyncClient
    made: dict[tuple[str, str], Made]

    async def post(
        self, route: str, way: str, fields: Fields, *, client: httpx2.AsyncClient | None = None
    ) -> httpx2.Response:
        """Send fields as a JSON object, as a form, or in the query (the prompt stays in the body)."""
        client = client or self.client
        if way == "json":
            return await client.post(f"/{route}", json=fields)
        texts = {name: _text(value) for name, value in fields.items()}
        if way == "form":
            return await client.post(f"/{route}", files={name: (None, text) for name, text in texts.items()})
        query = {name: text for name, text in texts.items() if name != "prompt"}
        body = {name: value for name, value in fields.items() if name == "prompt"}
        return await client.post(f"/{route}", params=query, json=body)

    async def final(self, job_id: str) -> dict[str, Any]:
        """Return the video when it has ended."""

        async def ended() -> dict[str, Any] | None:
            job: dict[str, Any] = (await self.client.get(f"/videos/{job_id}")).raise_for_status().json()
            return job if job["status"] in ("completed", "failed") else None

        found: dict[str, Any] = await until(ended, timeout_s=150, what=f"{job_id} to end")
        return found

    async def content(self, job_id: str) -> bytes:
        """Return the file of a video."""
        return (await self.client.get(f"/videos/{job_id}/content")).raise_for_status().content

    async def ready_video(self, **fields: Any) -> dict[str, Any]:
        """Make a video for others to start from."""
        answer = await self.post("videos", "json", {"model": "sora_video2", "prompt": "ground", **fields})
        job = await self.final(answer.raise_for_status().json()["id"])
        assert job["status"] == "completed", job
        return job


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _label(name: str, way: str) -> str:
    return f"<{name} by {way}>"


async def _make(stage: Stage, name: str, way: str) -> None:
    row = ROWS[name]
    prompt = row.prompt.format(label=_label(name, way))
    route = "images/generations" if row.is_image else "videos"
    answer = await stage.post(route, way, {"model": row.model, "prompt": prompt, **row.asked})
    stage.made[name, way] = Made(answer=answer)
    if answer.status_code != 200:
        return
    if row.is_image:
        files = [base64.b64decode(result["b64_json"]) for result in answer.json()["data"]]
        stage.made[name, way] = Made(answer=answer, files=files)
        return
    ids = answer.json()["variants"] or [answer.json()["id"]]
    jobs = [await stage.final(job_id) for job_id in ids]
    files = [await stage.content(job["id"]) for job in jobs if job["status"] == "completed"]
    stage.made[name, way] = Made(answer=answer, jobs=jobs, files=files)


def _tasks(creations: Sequence[dict[str, Any]], label: str, made: Made) -> Sequence[dict[str, Any]]:
    titles = [row for row in creations for job in made.jobs if job["id"] in (row["body"].get("title") or "")]
    return titles or [row for row in creations if label in row["prompt"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Everything that the rows ask for, made at once; nothing that was refused reaches the backend."""
    folder: Path = tmp_path_factory.mktemp("parameters")
    async with (
        staged(folder, changes={"accounts": ACCOUNTS}) as (simulator, gateway),
        gateway.client(gateway.new_key()) as client,
        gateway.client(gateway.new_key("images", "videos")) as other,
    ):
        client.timeout = httpx2.Timeout(150)
        client.headers["prefer"] = "wait=120"  # so that nobody polls; all that is made is made at once
        new = Stage(simulator=simulator, client=client, other=other, made={})
        async with asyncio.TaskGroup() as group:
            for name in ROWS:
                for way in WAYS:
                    group.create_task(_make(new, name, way))
        creations = await simulator.creations()
        for (name, way), made in new.made.items():
            tasks = _tasks(creations, _label(name, way), made)
            new.made[name, way] = Made(answer=made.answer, jobs=made.jobs, files=made.files, tasks=tasks)
        yield new
        assert [row for row in await simulator.creations() if "refused" in row["prompt"]] == []


# --- what is made -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ROWS)
async def test_row(stage: Stage, name: str, way: str) -> None:
    """The backend gets what was asked, as often as asked; the file and ``effective`` show it."""
    row, made = ROWS[name], stage.made[name, way]
    assert made.answer.status_code == 200, made.answer.text
    assert len(made.tasks) == row.tasks
    wanted = {
        key: value.format(label=_label(name, way)) if isinstance(value, str) else value
        for key, value in row.sent.items()
    }
    for task in made.tasks:
        assert {key: task["body"].get(key) for key in wanted} == wanted
    if row.is_image:
        assert [picture_of(data).size for data in made.files] == [row.pixels] * row.asked.get("n", 1)
    else:
        _check_videos(row, made)


def _check_videos(row: Row, made: Made) -> None:
    assert len(made.jobs) == len(made.files) == row.tasks
    for job, data in zip(made.jobs, made.files, strict=True):
        film: Film = film_of(data)
        assert (film.size, film.seconds) == (row.pixels, row.seconds)
        assert job["status"] == "completed"
        assert job["seconds"] == str(row.seconds)
        wide, tall = (int(side) for side in job["size"].split("x"))
        assert (wide > tall) == (row.pixels[0] > row.pixels[1])
        effective = job["effective"]
        assert (effective["width"], effective["height"]) == row.pixels
        assert {key: effective[key] for key in row.effective} == row.effective


# --- every route that makes something ---------------------------------------------------------------------

TALK = [{"role": "user", "content": "{label}"}]
TURNS = [{"role": "user", "parts": [{"text": "{label}"}]}]
ROUTES: Mapping[str, tuple[str, Fields]] = {
    "videos": ("v1/videos", {"model": "sora_video2", "prompt": "{label}"}),
    "remix": ("v1/videos/{ground}/remix", {"model": "sora_video2", "prompt": "{label}"}),
    "edits": ("v1/videos/edits", {"video": {"id": "{ground}"}, "prompt": "{label}"}),
    "chat": ("v1/chat/completions", {"model": "sora_video2", "messages": TALK}),
    "responses": ("v1/responses", {"model": "sora_video2", "input": "{label}"}),
    "messages": ("v1/messages", {"model": "sora_video2", "max_tokens": 9, "messages": TALK}),
    "generateContent": ("v1beta/models/sora_video2:generateContent", {"contents": TURNS}),
    "predictLongRunning": (
        "v1beta/models/sora_video2:predictLongRunning",
        {"instances": [{"prompt": "{label}"}]},
    ),
}
ASKED: Fields = {
    "size": "1920x1080",
    "seconds": 15,
    "style": "anime",
    "private": True,
    "watermark": True,
    "hd": False,
    "n": 2,
}
CHANGING = ("remix", "edits")
"""The routes that cannot take a storyboard: the backend has none that starts from a video."""

SENT = {"orientation": "landscape", "n_frames": 450, "style_id": "anime", "size": "small", "model": "sy_8"}


async def _ask(
    stage: Stage, route: str, way: str, asked: Fields, *, label: str, ground: str = "video_x"
) -> httpx2.Response:
    path, body = ROUTES[route]
    text = json.dumps(body).replace("{label}", label).replace("{ground}", ground)
    url = stage.client.base_url.copy_with(path=f"/sora/{path.replace('{ground}', ground)}")
    if way == "json":
        return await stage.client.post(url, json={**json.loads(text), **asked})
    query = {name: _text(value) for name, value in asked.items()}
    return await stage.client.post(url, json=json.loads(text), params=query)


@pytest.mark.parametrize("way", ["json", "query"])
async def test_every_route_takes_them(stage: Stage, way: str) -> None:
    """All of the extra parameters at once, on all routes that make videos, in all dialects."""
    ground = (await stage.ready_video())["id"]
    async with asyncio.TaskGroup() as group:
        tasks = {
            route: group.create_task(
                _ask(
                    stage,
                    route,
                    way,
                    {**ASKED, "storyboard": route not in CHANGING},
                    label=f"<to {route} by {way}>",
                    ground=ground,
                )
            )
            for route in ROUTES
        }
    for route, task in tasks.items():
        assert task.result().status_code == 200, (route, task.result().text)
        path = f"ledger?prompt_contains=<to {route} by {way}>"
        rows = (await stage.simulator.get(path))["items"]
        assert len(rows) == 2, route
        for row in rows:
            assert {key: row["body"][key] for key in SENT} == SENT, route
            assert row["prompt"].startswith("current timeline:") == (route not in CHANGING)
            assert bool(row["remix_target_id"]) == (route in CHANGING)
            assert (row["seconds"], row["width"], row["height"]) == (15, 1280, 720)


@pytest.mark.parametrize("route", CHANGING)
async def test_no_storyboard_from_a_video(stage: Stage, route: str) -> None:
    """It is refused before anything is made."""
    ground = stage.made["sora_video2", "json"].jobs[0]["id"]
    answer = await _ask(stage, route, "json", {"storyboard": True}, label="refused", ground=ground)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "unsupported"
    assert "storyboard" in answer.json()["error"]["message"]


@pytest.mark.parametrize("way", ["json", "query"])
@pytest.mark.parametrize(("name", "value"), [("n", 5), ("style", "baroque"), ("size", "9x9"), ("hd", "no!")])
@pytest.mark.parametrize("route", ROUTES)
async def test_every_route_refuses(stage: Stage, route: str, name: str, value: Any, way: str) -> None:
    """A value that is not allowed is a 400 in the route's own envelope, and its message names the field."""
    ground = stage.made["sora_video2", "json"].jobs[0]["id"]
    answer = await _ask(stage, route, way, {name: value}, label="refused", ground=ground)
    assert answer.status_code == 400, answer.text
    assert f"'{name}'" in answer.json()["error"]["message"]


# --- what is refused --------------------------------------------------------------------------------------

VIDEO2, IMAGE, LEGACY = ({"model": model} for model in ("sora_video2", "sora_image", "sora_video"))

REFUSED: Sequence[tuple[str, Fields, str, str]] = [
    # the models and their parameters
    ("videos", {"model": "sora_video3"}, "model", "sora_video3"),
    ("videos", {"model": "sora_image"}, "model", "sora_image"),
    ("images/generations", {"model": "sora_video2"}, "model", "sora_video2"),
    ("videos", {"model": "sora_video2-portrait-landscape"}, "model", "landscape"),
    ("videos", {"model": "sora_video2-10s-15s"}, "model", "15s"),
    ("videos", {"model": "sora_video2-30s"}, "model", "25s"),
    ("videos", {"model": "sora_video2-hd-hd"}, "model", "hd"),
    ("videos", {"model": "sora_video2-hd-25s"}, "model", "25"),
    ("videos", {"model": "sora_video-landscape"}, "model", "landscape"),
    ("images/generations", {"model": "sora_image-landscape"}, "model", "landscape"),
    ("videos", {"model": "sora_video2-storyboard", "prompt": "refused [8s]a [8s]b"}, "prompt", "10"),
    # size
    ("videos", {**VIDEO2, "size": "1024x1024"}, "size", "1280x720"),
    ("videos", {**LEGACY, "size": "1024x1024"}, "size", "1280x720"),
    ("videos", {**VIDEO2, "size": "1920"}, "size", "1920"),
    ("videos", {"model": "sora_video2-portrait", "size": "1920x1080"}, "size", "portrait"),
    ("images/generations", {**IMAGE, "size": "huge"}, "size", "huge"),
    # n
    *((route, {**model, "n": n}, "n", "1 to 4") for n in (0, 5, "two")
      for route, model in (("videos", VIDEO2), ("images/generations", IMAGE))),
    # watermark, hd, private, storyboard, character_create
    *(("videos", {**VIDEO2, flag: "perhaps"}, flag, "perhaps")
      for flag in ("watermark", "hd", "private", "storyboard", "character_create")),
    # duration and seconds
    *(("videos", {**VIDEO2, name: seconds}, name, "10, 15")
      for name in ("duration", "seconds") for seconds in (5, 12, 30, "long")),
    ("videos", {**VIDEO2, "duration": 10, "seconds": 15}, "duration", "seconds"),
    ("videos", {"model": "sora_video2-15s", "seconds": 10}, "seconds", "15"),
    ("videos", {**LEGACY, "seconds": 25}, "seconds", "20"),
    # hd and 25 s
    ("videos", {"model": "sora_video2-pro", "hd": True, "duration": 25}, "hd", "25"),
    ("videos", {"model": "sora_video2-pro-25s", "hd": True}, "hd", "25"),
    ("videos", {"model": "sora_video2-hd", "seconds": 25}, "seconds", "25"),
    # style
    ("videos", {**VIDEO2, "style": "baroque"}, "style", "anime"),
    ("videos", {**LEGACY, "style": "anime"}, "style", "sora_video"),
    ("images/generations", {**IMAGE, "style": "anime"}, "style", "sora_image"),
    # storyboard
    ("videos", {**VIDEO2, "storyboard": True, "prompt": "refused [6s]a [6s]b"}, "prompt", "12"),
    ("videos", {**VIDEO2, "storyboard": True, "prompt": "refused [6s]a [4s]"}, "prompt", "2"),
    # what a model lacks
    *(("images/generations", {**IMAGE, name: value}, name, "sora_image")
      for name, value in (("duration", 15), ("hd", True), ("storyboard", True), ("watermark", True),
                          ("character_create", True))),
    *(("videos", {**LEGACY, name: value}, name, "sora_video")
      for name, value in (("hd", True), ("storyboard", True), ("watermark", True), ("private", True),
                          ("character_create", True))),
    # characters
    ("videos", {**VIDEO2, "character_timestamps": "1,3"}, "character_timestamps", "character_url"),
    ("videos", {**VIDEO2, "character_url": "no video"}, "character_url", "http"),
    *(("videos", {**VIDEO2, "character_create": True, "character_timestamps": text},
       "character_timestamps", word)
      for text, word in (("0,4", "3 seconds"), ("0,0.5", "1 to 3"), ("3,1", "1 to 3"), ("now", "0,3"),
                         ("8,11", "10"))),
    ("videos", {**VIDEO2, "character_url": "x", "character_from_task": "y"}, "character_url", "from_task"),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("route", "asked", "param", "word"), REFUSED, ids=range(len(REFUSED)))
async def test_refusal(stage: Stage, route: str, asked: Fields, param: str, word: str, way: str) -> None:
    """A 400 that names the field and says what is allowed."""
    answer = await stage.post(route, way, {"prompt": "refused", **asked})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param, error
    assert word in error["message"]


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [
        ("n", 1, 2),
        ("size", "720x1280", "1280x720"),
        ("hd", True, False),
        ("style", "anime", "news"),
        ("seconds", 10, 15),
        ("model", "sora_video2", "sora_video2-15s"),
        ("private", False, True),
    ],
)
async def test_contradiction(stage: Stage, name: str, here: Any, there: Any) -> None:
    """One value in the body and another in the query: neither wins."""
    body = {"model": "sora_video2", "prompt": "refused", name: here}
    answer = await stage.client.post("/videos", json=body, params={name: _text(there)})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == name


@pytest.mark.parametrize("way", WAYS)
async def test_private_is_not_remixed(stage: Stage, way: str) -> None:
    """A private video is never published, so nothing can be made of it."""
    video = stage.made["private", way].jobs[0]
    asked = {"model": "sora_video2", "prompt": "refused"}
    answer = await stage.post(f"videos/{video['id']}/remix", way, asked)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == "video_id"
    assert "private" in answer.json()["error"]["message"]


# --- characters -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip_text() -> str:
    """A small clip in base64."""
    return base64.b64encode(clip()).decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("character_url", "x"),
        ("character_from_task", "video_1"),
        ("character_create", True),
        ("character_timestamps", "1,3"),
    ],
)
async def test_characters_need_the_permission(stage: Stage, name: str, value: Any, way: str) -> None:
    """Without it each of the four fields is refused, not ignored."""
    asked = {"model": "sora_video2", "prompt": "refused", name: value}
    answer = await stage.post("videos", way, asked, client=stage.other)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "permission_denied"
    assert "characters" in answer.json()["error"]["message"]


async def test_characters(stage: Stage, clip_text: str) -> None:
    """``character_url``, ``character_from_task``, ``character_create`` each way, with seconds and without."""
    ground = (await stage.ready_video())["id"]
    asked: list[tuple[str, Fields]] = [
        (way, {**what, **seconds})
        for way, seconds in zip(WAYS, ({}, {"character_timestamps": "1,3"}, {}), strict=True)
        for what in (
            {"character_url": clip_text},
            {"character_from_task": ground},
            {"character_create": True},
        )
    ]
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(_with_character(stage, way, fields, number))
            for number, (way, fields) in enumerate(asked)
        ]
    cameos = {row["username"]: row for row in (await stage.simulator.get("characters"))["items"]}
    creations = await stage.simulator.creations()
    for (way, fields), task in zip(asked, running, strict=True):
        job = task.result()
        username = job["character"]["username"]
        seconds = [int(text) for text in fields.get("character_timestamps", "0,3").split(",")]
        assert cameos[username]["timestamps"] == seconds, (way, fields)
        (row,) = [row for row in creations if job["id"] in (row["body"].get("title") or "")]
        assert row["characters"] == ([] if "character_create" in fields else [username])


async def _with_character(stage: Stage, way: str, fields: Fields, number: int) -> dict[str, Any]:
    asked = {"model": "sora_video2", "prompt": f"with a character {number}", **fields}
    answer = await stage.post("videos", way, asked)
    assert answer.status_code == 200, answer.text
    job = await stage.final(answer.json()["id"])
    assert (job["status"], job["character_error"]) == ("completed", None), job
    assert film_of(await stage.content(job["id"])).seconds == 10
    return job


async def test_character_of_an_unknown_job(stage: Stage) -> None:
    """It names no video of the caller's: 404, as every unknown id."""
    asked = {"model": "sora_video2", "prompt": "refused", "character_from_task": "video_nobody"}
    answer = await stage.post("videos", "json", asked)
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"]["param"] == "character_from_task"
