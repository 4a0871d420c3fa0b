"""The examples of ``docs/seed-examples.md`` work as they are written: with curl, processes and files."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.server
import json
import re
import shutil
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.docs.pages import DOCS, Block, blocks
from tests.functional.harness import Gateway, Simulator, environment, until
from tests.functional.stage import clip, film_of, has_orange, picture, picture_of, staged

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]

PAGE = DOCS / "seed-examples.md"
HOST = "http://<你的IP>:<你的端口>"
KEY = "<你的许可证>"
PICTURE_SOURCE = "url或者base64"
CLIP_SOURCE = "视频地址或者base64"
TASK = "任务ID"
PICTURE_PATH = "/path/to/example.jpg"
VIDEO_ID = "{video_id}"


def _examples() -> dict[str, Block]:
    """Return the examples by route (``videos/remix``) and title."""
    found = {}
    for block in blocks(PAGE):
        if block.title is not None:
            route = re.search(r"/sora/v1/(\S+)'", block.text)
            assert route is not None, block.line
            name = route[1].removeprefix("chat/").replace(f"/{VIDEO_ID}", "").replace("/generations", "")
            found[f"{name.replace('/edits', '')} {block.title}"] = block
    return found


EXAMPLES = _examples()


async def test_examples_are_all_here() -> None:
    """Fourteen examples: a new one on the page needs a test, a lost one is missed."""
    assert list(EXAMPLES) == [
        "completions 文生图",
        "completions 图生图",
        "images 文生图",
        "images 图生图",
        "videos 文生视频",
        "videos 图生视频",
        "videos 查询视频任务状态",
        "videos/content 获取视频内容",
        "videos/remix 编辑视频",
        "videos/remix 根据视频地址创建角色生成视频",
        "videos/remix 根据任务ID创建角色生成视频",
        "videos/remix 生成视频后创建角色",
        "characters 通过视频URL创建角色",
        "characters 通过任务ID创建角色",
    ]


# --- the stage --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who pastes the examples into a shell, with his own values in place of the placeholders."""

    simulator: Simulator
    gateway: Gateway
    key: str
    folder: Path
    files_url: str
    video_id: str = ""

    async def paste(self, name: str, **values: str) -> bytes:
        """Run an example with bash and return what curl prints."""
        told = {
            HOST: self.gateway.url,
            KEY: self.key,
            PICTURE_PATH: str(self.folder / "example.jpg"),
            VIDEO_ID: values.get("video_id", ""),
            CLIP_SOURCE: values.get("clip", ""),
            PICTURE_SOURCE: values.get("picture", ""),
            TASK: values.get("task", ""),
        }
        script = EXAMPLES[name].text
        for placeholder, value in told.items():
            if placeholder in script:
                assert value, f"{name} needs {placeholder}"
                script = script.replace(placeholder, value)
        assert "<你" not in script
        bash = await asyncio.create_subprocess_exec(
            "bash",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(CURL_HOME=str(self.folder), no_proxy="127.0.0.1"),
        )
        async with asyncio.timeout(60):
            output, _ = await bash.communicate(script.encode())
        assert bash.returncode == 0
        return output

    async def json(self, name: str, **values: str) -> dict[str, Any]:
        """Run an example that prints an object."""
        answer = json.loads(await self.paste(name, **values))
        assert "error" not in answer or answer["error"] is None, answer
        return dict(answer)

    async def completed(self, video_id: str) -> dict[str, Any]:
        """Ask with the page's own example until the job has ended well."""

        async def ended() -> dict[str, Any] | None:
            job = json.loads(await self.paste("videos 查询视频任务状态", video_id=video_id))
            assert job["status"] in ("queued", "in_progress", "completed"), job
            return dict(job) if job["status"] == "completed" else None

        found: dict[str, Any] = await until(ended, timeout_s=90, what=f"{video_id} to end")
        assert found["progress"] == 100
        return found

    async def content(self, video_id: str) -> bytes:
        """Fetch the file with the page's own example."""
        return await self.paste("videos/content 获取视频内容", video_id=video_id)

    async def row(self, video_id: str) -> Mapping[str, Any]:
        """Return the one task of the backend that the job became; its marker names the job."""
        (found,) = [
            row for row in await self.simulator.creations() if video_id in (row["body"].get("title") or "")
        ]
        return found

    async def cameo(self, username: str) -> Mapping[str, Any]:
        """Return the character of that name, as the backend knows it."""
        rows = (await self.simulator.get("characters"))["items"]
        (found,) = [row for row in rows if row["username"] == username]
        return dict(found)

    async def appears(self, username: str) -> bool:
        """Tell whether a video whose prompt mentions the character gets it."""
        body = json.dumps({"model": "sora_video2", "prompt": f"@{username} dances"}).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.gateway.url}/sora/v1/videos", body, headers)
        with await asyncio.to_thread(urllib.request.urlopen, asked) as answer:
            made = json.loads(answer.read())
        await self.completed(made["id"])
        return username in (await self.row(made["id"]))["characters"]


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    """A reader with a key of all permissions, a picture, a clip, and a finished video."""
    folder = tmp_path_factory.mktemp("seed")
    (folder / "example.jpg").write_bytes(picture())
    (folder / "clip.mp4").write_bytes(clip())
    with _served(folder) as files_url:
        async with staged(folder, SORA_GATEWAY_FETCH_ALLOW_PRIVATE="true") as (simulator, gateway):
            new = Reader(
                simulator=simulator,
                gateway=gateway,
                key=gateway.new_key(),
                folder=folder,
                files_url=files_url,
            )
            made = await new.json("videos 文生视频")
            await new.completed(made["id"])
            yield replace(new, video_id=made["id"])


SOURCES = pytest.mark.parametrize("source", ["url", "base64"])


def _source(reader: Reader, name: str, source: str) -> str:
    if source == "url":
        return f"{reader.files_url}/{name}"
    return base64.b64encode((reader.folder / name).read_bytes()).decode()


# --- chat -------------------------------------------------------------------------------------------------


def _link_in(stream: bytes) -> str:
    """Return the link to the picture that a stream tells of, after checking that it is whole."""
    lines = [line for line in stream.decode().splitlines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    link = re.search(r"!\[image\]\((\S+)\)", text)
    assert link is not None, text
    return link[1]


async def _opened(url: str) -> bytes:
    with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
        return bytes(answer.read())


async def test_chat(reader: Reader) -> None:
    """文生图: a stream that ends with [DONE] and links a picture that opens without a key."""
    link = _link_in(await reader.paste("completions 文生图"))
    assert picture_of(await _opened(link)).size == (1024, 1024)


@SOURCES
async def test_chat_with_picture(reader: Reader, source: str) -> None:
    """图生图: what is made begins with the picture that was sent."""
    stream = await reader.paste("completions 图生图", picture=_source(reader, "example.jpg", source))
    assert has_orange(picture_of(await _opened(_link_in(stream))))


# --- images -----------------------------------------------------------------------------------------------


async def test_image(reader: Reader) -> None:
    """文生图 of a form: one picture in base64."""
    answer = await reader.json("images 文生图")
    (result,) = answer["data"]
    assert picture_of(base64.b64decode(result["b64_json"])).size == (1024, 1024)


async def test_image_edit(reader: Reader) -> None:
    """图生图: the file arrives."""
    answer = await reader.json("images 图生图")
    (result,) = answer["data"]
    assert has_orange(picture_of(base64.b64decode(result["b64_json"])))
    rows = [row for row in await reader.simulator.creations() if row["prompt"] == "换一个风格"]
    assert [len(row["body"]["inpaint_items"]) for row in rows] == [1]


# --- videos -----------------------------------------------------------------------------------------------


async def test_video(reader: Reader) -> None:
    """文生视频, 查询视频任务状态, 获取视频内容: a portrait of ten seconds that plays."""
    video = await reader.json("videos 文生视频")
    assert (video["object"], video["prompt"], video["model"]) == ("video", "画小猫", "sora_video2")
    done = await reader.completed(video["id"])
    assert (done["size"], done["seconds"]) == ("720x1280", "10")
    film = film_of(await reader.content(video["id"]))
    assert (film.size, film.seconds) == ((720, 1280), 10)


async def test_video_from_picture(reader: Reader) -> None:
    """图生视频: the first frame shows the picture."""
    video = await reader.json("videos 图生视频")
    await reader.completed(video["id"])
    film = film_of(await reader.content(video["id"]))
    assert film.size == (720, 1280)
    assert has_orange(film.first)


async def test_remix(reader: Reader) -> None:
    """编辑视频: another video that says what it was made of, here and at the backend."""
    video = await reader.json("videos/remix 编辑视频", video_id=reader.video_id)
    assert video["id"] != reader.video_id
    assert video["remixed_from_video_id"] == reader.video_id
    done = await reader.completed(video["id"])
    assert done["remixed_from_video_id"] == reader.video_id
    row, before = await reader.row(video["id"]), await reader.row(reader.video_id)
    assert row["prompt"] == "再加一只小狗"
    assert row["remix_target_id"]
    assert row["account"] == before["account"]
    film = film_of(await reader.content(video["id"]))
    assert (film.size, film.seconds) == ((720, 1280), 10)


# --- characters within a video ----------------------------------------------------------------------------


async def _check_character(reader: Reader, video: dict[str, Any], seconds: list[float]) -> Mapping[str, Any]:
    """Check that the video plays and has its new character, made of those seconds; return the latter."""
    assert video["remixed_from_video_id"] == reader.video_id
    done = await reader.completed(video["id"])
    assert done["character_error"] is None
    username = done["character"]["username"]
    cameo = await reader.cameo(username)
    assert cameo["timestamps"] == seconds
    assert film_of(await reader.content(video["id"])).seconds == 10
    return cameo


@SOURCES
async def test_character_of_a_clip_in_a_remix(reader: Reader, source: str) -> None:
    """根据视频地址创建角色生成视频: the character is made of seconds 1 to 3 and is in the video."""
    video = await reader.json(
        "videos/remix 根据视频地址创建角色生成视频",
        video_id=reader.video_id,
        clip=_source(reader, "clip.mp4", source),
    )
    cameo = await _check_character(reader, video, [1, 3])
    assert cameo["username"] in (await reader.row(video["id"]))["characters"]


async def test_character_of_a_job_in_a_remix(reader: Reader) -> None:
    """根据任务ID创建角色生成视频: another job of the reader's, the seconds 0 to 3."""
    other = await reader.json("videos/remix 编辑视频", video_id=reader.video_id)
    await reader.completed(other["id"])
    video = await reader.json(
        "videos/remix 根据任务ID创建角色生成视频", video_id=reader.video_id, task=other["id"]
    )
    cameo = await _check_character(reader, video, [0, 3])
    assert cameo["username"] in (await reader.row(video["id"]))["characters"]


async def test_character_of_the_result(reader: Reader) -> None:
    """生成视频后创建角色: the video is made first, its character afterwards."""
    video = await reader.json("videos/remix 生成视频后创建角色", video_id=reader.video_id)
    cameo = await _check_character(reader, video, [0, 3])
    assert (await reader.row(video["id"]))["characters"] == []
    assert await reader.appears(cameo["username"])


# --- characters -------------------------------------------------------------------------------------------


@SOURCES
async def test_character_of_a_clip(reader: Reader, source: str) -> None:
    """通过视频URL创建角色: made within the call, ready to be mentioned."""
    character = await reader.json("characters 通过视频URL创建角色", clip=_source(reader, "clip.mp4", source))
    assert (character["object"], character["status"]) == ("character", "ready")
    assert (await reader.cameo(character["username"]))["timestamps"] == [0, 3]
    assert await reader.appears(character["username"])


async def test_character_of_a_job(reader: Reader) -> None:
    """通过任务ID创建角色: the same of a finished video."""
    character = await reader.json("characters 通过任务ID创建角色", task=reader.video_id)
    assert (character["object"], character["status"]) == ("character", "ready")
    assert await reader.appears(character["username"])
