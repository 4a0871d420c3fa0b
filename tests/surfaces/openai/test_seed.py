"""The user's own document: its curl lines work as they are written there."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.fakes import MP4
from tests.gateway import KEY, Gateway

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

HOST = "http://<你的IP>:<你的端口>"
PICTURE = b"\xff\xd8\xff\xe0 a picture"

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


async def _run(gateway: Gateway, command: str, folder: Path, video_id: str = "") -> bytes:
    picture = folder / "example.jpg"
    picture.write_bytes(PICTURE)
    replaced = {
        HOST: gateway.url,
        "<你的许可证>": KEY,
        "/path/to/example.jpg": str(picture),
        "{video_id}": video_id,
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


async def test_video_with_picture(finishing: Gateway, tmp_path: Path) -> None:
    """图生视频"""
    video = json.loads(await _run(finishing, VIDEO_WITH_PICTURE, tmp_path))
    assert video["prompt"] == "根据图片生成视频"
    assert finishing.generations.stored == [("input_reference", PICTURE)]
