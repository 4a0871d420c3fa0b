"""The user's own document: its curl lines work as they are written there."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.fakes import MP4
from tests.gateway import KEY, Gateway, until

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

HOST = "http://<你的IP>:<你的端口>"
PICTURE = b"\xff\xd8\xff\xe0 a picture"
CLIP = base64.b64encode(MP4).decode()

CHAT = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/chat/completions' \
--header 'Content-Type: application/json' \
--header 'Authorization: Bearer <你的许可证>' \
--data '{
    "messages": [
        {
            "role": "user",
            "content": "画小猫"
        }
    ],
    "model": "sora_image",
    "stream": true
}'
"""

CHAT_WITH_PICTURE = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/chat/completions' \
--header 'Content-Type: application/json' \
--header 'Authorization: Bearer <你的许可证>' \
--data '{
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "text",
                    "text": "根据图片换个风格"
                },
                {
                    "type": "image_url",
                    "image_url": {
                        "url": "url或者base64"
                    }
                }
            ]
        }
    ],
    "model": "sora_image",
    "stream": true
}'
"""

IMAGE = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/images/generations' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: multipart/form-data' \
--form 'prompt="画小猫"' \
--form 'model="sora_image"'
"""

IMAGE_EDIT = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/images/edits' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: multipart/form-data' \
--form 'image[]=@"/path/to/example.jpg"' \
--form 'prompt="换一个风格"' \
--form 'model="sora_image"'
"""

VIDEO = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/videos' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data '{
    "prompt": "画小猫",
    "model": "sora_video2"
}'
"""

VIDEO_WITH_PICTURE = r"""
curl --location --request POST 'http://<你的IP>:<你的端口>/sora/v1/videos' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: multipart/form-data' \
--form 'input_reference[]=@"/path/to/example.jpg"' \
--form 'prompt="根据图片生成视频"' \
--form 'model="sora_video2"'
"""

STATUS = r"""
curl -X GET 'http://<你的IP>:<你的端口>/sora/v1/videos/{video_id}' \
--header 'Authorization: Bearer <你的许可证>'
"""

CONTENT = r"""
curl -X GET 'http://<你的IP>:<你的端口>/sora/v1/videos/{video_id}/content' \
--header 'Authorization: Bearer <你的许可证>'
"""


REMIX = r"""
curl --location --request POST 'http://<你的IP>:<你的端口>/sora/v1/videos/{video_id}/remix' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data-raw '{
    "prompt": "再加一只小狗",
    "model": "sora_video2"
}'
"""

REMIX_WITH_URL = r"""
curl --location --request POST 'http://<你的IP>:<你的端口>/sora/v1/videos/{video_id}/remix' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data-raw '{
    "prompt": "视频描述",
    "model": "sora_video2",
    "character_url": "视频地址或者base64",
    "character_timestamps": "1,3"
}'
"""

REMIX_WITH_TASK = r"""
curl --location --request POST 'http://<你的IP>:<你的端口>/sora/v1/videos/{video_id}/remix' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data-raw '{
    "prompt": "视频描述",
    "model": "sora_video2",
    "character_from_task": "任务ID"
}'
"""

REMIX_THEN_CHARACTER = r"""
curl --location --request POST 'http://<你的IP>:<你的端口>/sora/v1/videos/{video_id}/remix' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data-raw '{
    "prompt": "视频描述",
    "model": "sora_video2",
    "character_create": true
}'
"""

CHARACTER_OF_URL = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/characters' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data '{
    "url": "视频地址或者base64",
    "timestamps": "0,3"
}'
"""

CHARACTER_OF_TASK = r"""
curl -X POST 'http://<你的IP>:<你的端口>/sora/v1/characters' \
--header 'Authorization: Bearer <你的许可证>' \
--header 'Content-Type: application/json' \
--data '{
    "from_task": "任务ID",
    "timestamps": "0,3"
}'
"""


async def _run(gateway: Gateway, command: str, folder: Path, video_id: str = "") -> bytes:
    picture = folder / "example.jpg"
    picture.write_bytes(PICTURE)
    replaced = {
        HOST: gateway.url,
        "<你的许可证>": KEY,
        "/path/to/example.jpg": str(picture),
        "{video_id}": video_id,
        "任务ID": video_id,
        "视频地址或者base64": CLIP,
    }
    for placeholder, value in replaced.items():
        command = command.replace(placeholder, value)
    shell = await asyncio.create_subprocess_shell(
        command.strip().replace("curl ", "curl --silent --max-time 10 ", 1), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await shell.communicate()
    return output


@pytest.fixture
async def finishing(live: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    live.generations.script = [live.generations.completes]
    return live


async def test_chat(finishing: Gateway, tmp_path: Path) -> None:
    """文生图"""
    text = (await _run(finishing, CHAT, tmp_path)).decode()
    assert "![image](" in text
    assert text.endswith("data: [DONE]\n\n")
    assert finishing.generations.submitted[0][0].prompt == "画小猫"


async def test_chat_with_picture(finishing: Gateway, tmp_path: Path) -> None:
    """图生图"""
    text = (await _run(finishing, CHAT_WITH_PICTURE, tmp_path)).decode()
    assert "![image](" in text
    assert finishing.generations.fetched == [("messages", "url或者base64")]


async def test_image(finishing: Gateway, tmp_path: Path) -> None:
    """文生图: curl takes the quotes off the form's values."""
    answer = json.loads(await _run(finishing, IMAGE, tmp_path))
    assert answer["data"][0]["b64_json"]
    ((request,),) = finishing.generations.submitted
    assert (request.prompt, request.model) == ("画小猫", "sora_image")


async def test_image_edit(finishing: Gateway, tmp_path: Path) -> None:
    """图生图"""
    answer = json.loads(await _run(finishing, IMAGE_EDIT, tmp_path))
    assert answer["data"][0]["b64_json"]
    assert finishing.generations.stored == [("image", PICTURE)]


async def test_video(finishing: Gateway, tmp_path: Path) -> None:
    """文生视频、查询视频任务状态、获取视频内容"""
    video = json.loads(await _run(finishing, VIDEO, tmp_path))
    assert (video["object"], video["prompt"]) == ("video", "画小猫")
    await asyncio.sleep(0.05)
    status = json.loads(await _run(finishing, STATUS, tmp_path, video["id"]))
    assert status["status"] == "completed"
    assert await _run(finishing, CONTENT, tmp_path, video["id"]) == MP4


async def _finished(gateway: Gateway, folder: Path) -> str:
    """Make a video by the document's own line and return its id once it is done."""
    video_id: str = json.loads(await _run(gateway, VIDEO, folder))["id"]
    await until(lambda: gateway.generations.job(video_id).is_final)
    return video_id


@pytest.mark.parametrize("command", [REMIX, REMIX_WITH_URL, REMIX_WITH_TASK, REMIX_THEN_CHARACTER])
async def test_remix(finishing: Gateway, tmp_path: Path, command: str) -> None:
    """编辑视频、根据视频地址创建角色生成视频、根据任务ID创建角色生成视频、生成视频后创建角色"""
    source = await _finished(finishing, tmp_path)
    video = json.loads(await _run(finishing, command, tmp_path, source))
    assert (video["object"], video["remixed_from_video_id"]) == ("video", source)
    request = finishing.generations.submitted[-1][0]
    assert request.prompt in ("再加一只小狗", "视频描述")
    assert (request.character is not None) == (command in (REMIX_WITH_URL, REMIX_WITH_TASK))
    assert (request.keeps_character is not None) == (command == REMIX_THEN_CHARACTER)
    if command == REMIX_WITH_URL:
        assert finishing.generations.fetched == [("character_url", CLIP)]
        assert request.character is not None
        assert (request.character.start_s, request.character.end_s) == (1.0, 3.0)


@pytest.mark.parametrize("command", [CHARACTER_OF_URL, CHARACTER_OF_TASK])
async def test_character(finishing: Gateway, tmp_path: Path, command: str) -> None:
    """通过视频URL创建角色、通过任务ID创建角色"""
    source = await _finished(finishing, tmp_path)
    character = json.loads(await _run(finishing, command, tmp_path, source))
    assert (character["object"], character["status"], character["error"]) == ("character", "ready", None)
    request = finishing.generations.submitted[-1][0]
    assert request.character is not None
    assert (request.character.source is not None) == (command == CHARACTER_OF_TASK)


def test_the_whole_document() -> None:
    """Every curl line of the document stands here."""
    page = Path(__file__).parents[3] / "docs" / "seed-examples.md"
    shown = re.findall(r"^```bash \[[^\]]+\]\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    here = {text.strip() for text in globals().values() if isinstance(text, str) and "curl " in text[:6]}
    assert len(shown) == 14
    assert {text.strip() for text in shown} <= here


async def test_video_with_picture(finishing: Gateway, tmp_path: Path) -> None:
    """图生视频"""
    video = json.loads(await _run(finishing, VIDEO_WITH_PICTURE, tmp_path))
    assert video["prompt"] == "根据图片生成视频"
    assert finishing.generations.stored == [("input_reference", PICTURE)]
