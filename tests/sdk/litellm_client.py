"""Use a running server through LiteLLM, and print one line of JSON for each check.

It runs in an environment of its own: LiteLLM pins an older release of the OpenAI SDK.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # noqa: TID251 - read on import; nothing may leave loopback

import litellm
from openai import OpenAI

ROOT_URL, API_KEY, CHAT_KEY, PICTURE = (
    os.environ[name]  # noqa: TID251
    for name in ("ROOT_URL", "API_KEY", "CHAT_KEY", "PICTURE")
)
BASE = f"{ROOT_URL}/sora/v1"
HOW: dict[str, Any] = {"api_base": BASE, "api_key": API_KEY, "timeout": 25, "max_retries": 0}
VIDEO_HOW: dict[str, Any] = {
    "api_base": BASE,
    "api_key": API_KEY,
    "timeout": 25,
    "custom_llm_provider": "openai",
}
IMAGE_MODEL, VIDEO_MODEL = "openai/sora_image", "openai/sora_video2"
USER: Any = [{"role": "user", "content": "画小猫"}]
REFUSED: Any = [{"role": "user", "content": "[violation] x"}]
PNG, JPEG, WEBP = b"\x89PNG", b"\xff\xd8", b"RIFF"

litellm.suppress_debug_info = True
litellm.num_retries = 0

Check = Callable[[], None]
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    """Add a check."""
    CHECKS.append(function)
    return function


def raised(expected: type[Exception], call: Callable[..., Any], **arguments: Any) -> Any:
    """Return the error that ``call`` ends with, which must be of the class ``expected`` itself."""
    error: Exception | None = None
    try:
        answer = call(**arguments)
    except Exception as caught:  # noqa: BLE001 - the class is what is looked at
        error = caught
    assert error is not None, f"no error, but {str(answer)[:300]}"
    assert type(error) is expected, f"{type(error).__name__}, not {expected.__name__}: {error}"
    return error


def finished(video_id: str) -> Any:
    """Poll a video until it has ended."""
    for _ in range(200):
        video = litellm.video_status(video_id=video_id, **VIDEO_HOW)
        if video.status not in ("queued", "in_progress"):
            return video
        time.sleep(0.2)
    raise AssertionError(f"still {video.status}")


def made(**arguments: Any) -> Any:
    """Make a video and wait for it."""
    video = litellm.video_generation(model=VIDEO_MODEL, **arguments, **VIDEO_HOW)
    return finished(video.id)


@check
def completion() -> None:
    """A link in the answer, and tokens."""
    answer: Any = litellm.completion(model=IMAGE_MODEL, messages=USER, temperature=0.5, **HOW)
    assert answer.choices[0].message.content.startswith("![image](http"), answer
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens > 0


@check
def completion_with_a_picture() -> None:
    """A part of the message is the picture to start from."""
    url = "data:image/jpeg;base64," + base64.b64encode(Path(PICTURE).read_bytes()).decode()
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": url}}]
    answer: Any = litellm.completion(model=VIDEO_MODEL, messages=[{"role": "user", "content": parts}], **HOW)
    assert "<video src=" in answer.choices[0].message.content


@check
def completion_with_images() -> None:
    """``message.images`` are kept."""
    answer: Any = litellm.completion(
        model=IMAGE_MODEL, messages=USER, extra_body={"modalities": ["image", "text"]}, **HOW
    )
    (image,) = answer.choices[0].message.images
    assert image["image_url"]["url"].startswith("data:image/png;base64,")


@check
def completion_streamed() -> None:
    """Progress as reasoning, then the link, then the tokens."""
    stream: Any = litellm.completion(
        model=VIDEO_MODEL, messages=USER, stream=True, stream_options={"include_usage": True}, **HOW
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "In progress" in "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert "<video src=" in "".join(delta.content or "" for delta in deltas)
    assert any(chunk.choices and chunk.choices[0].finish_reason == "stop" for chunk in chunks)
    assert any(getattr(chunk, "usage", None) for chunk in chunks)
    whole: Any = litellm.stream_chunk_builder(chunks)
    assert whole.choices[0].message.content.startswith("<video src=")


@check
def image_generation() -> None:
    """Base64, several, in the format asked for."""
    answer: Any = litellm.image_generation(
        model=IMAGE_MODEL, prompt="x", n=2, size="1024x1024", extra_body={"output_format": "webp"}, **HOW
    )
    assert [base64.b64decode(image.b64_json)[:4] for image in answer.data] == [WEBP, WEBP]


@check
def image_edit() -> None:
    """One picture and several, as files."""
    for count in (1, 2):
        pictures = [Path(PICTURE).open("rb") for _ in range(count)]  # noqa: SIM115 - closed below
        answer: Any = litellm.image_edit(model=IMAGE_MODEL, image=pictures, prompt="at night", **HOW)
        assert base64.b64decode(answer.data[0].b64_json)[:4] == PNG
        for picture in pictures:
            picture.close()


@check
def video_generation_to_content() -> None:
    """From the request to the three files."""
    with Path(PICTURE).open("rb") as picture:
        started = litellm.video_generation(
            model=VIDEO_MODEL, prompt="x", seconds="15", size="1280x720", input_reference=picture, **VIDEO_HOW
        )
    assert (started.object, started.status, started.seconds, started.size) == (
        "video",
        "queued",
        "15",
        "1280x720",
    ), started
    video = finished(started.id)
    assert (video.status, video.progress) == ("completed", 100), video
    assert litellm.video_content(video_id=started.id, **VIDEO_HOW)[4:8] == b"ftyp"
    for variant, head in (("thumbnail", WEBP), ("spritesheet", JPEG)):
        content = litellm.video_content(video_id=started.id, variant=variant, **VIDEO_HOW)
        assert content.startswith(head), (variant, content[:80])


@check
def video_generation_from_bytes() -> None:
    """A picture without a name."""
    picture = BytesIO(Path(PICTURE).read_bytes())
    assert made(prompt="x", input_reference=picture).status == "completed"


@check
def video_generation_fails() -> None:
    """A failed job is an answer."""
    video = made(prompt="[violation] x")
    assert (video.status, video.error["code"]) == ("failed", "content_policy_violation"), video


@check
def video_from_video() -> None:
    """Remix, edit, extension and character of one video."""
    source = made(prompt="the source")
    assert source.status == "completed", source
    remixed = litellm.video_remix(video_id=source.id, prompt="at night", **VIDEO_HOW)
    assert remixed.remixed_from_video_id, remixed
    edited = litellm.video_edit(video_id=source.id, prompt="in winter", **VIDEO_HOW)
    extended = litellm.video_extension(video_id=source.id, prompt="on", seconds="8", **VIDEO_HOW)
    assert int(extended.seconds) > int(source.seconds), extended
    for video in (remixed, edited, extended):
        assert finished(video.id).status == "completed"
    clip = BytesIO(litellm.video_content(video_id=source.id, **VIDEO_HOW))
    character = litellm.video_create_character(name="Mimi", video=clip, **VIDEO_HOW)
    assert (character.object, character.name) == ("character", "Mimi"), character
    seen = litellm.video_get_character(character_id=character.id, **VIDEO_HOW)
    assert seen.name == "Mimi", seen


@check
def video_list() -> None:
    """Every video once, page by page."""
    ids = [litellm.video_generation(model=VIDEO_MODEL, prompt="x", **VIDEO_HOW).id for _ in range(3)]
    raw_ids = [litellm.videos.main.decode_video_id_with_provider(video_id)["video_id"] for video_id in ids]
    with OpenAI(base_url=BASE, api_key=API_KEY) as plain:
        listed = {video.id for video in plain.videos.list(limit=100)}
    assert set(raw_ids) <= listed
    page: Any = litellm.video_list(limit=2, order="asc", after=ids[0], **VIDEO_HOW)
    videos = page["data"] if isinstance(page, dict) else page
    assert len(videos) == 2, page


@check
def unauthenticated() -> None:
    """A wrong key."""
    how = {**HOW, "api_key": "sg-wrong"}
    error = raised(litellm.AuthenticationError, litellm.completion, model=IMAGE_MODEL, messages=USER, **how)
    assert error.status_code == 401
    raised(litellm.AuthenticationError, litellm.image_generation, model=IMAGE_MODEL, prompt="x", **how)
    video_how = {**VIDEO_HOW, "api_key": "sg-wrong"}
    raised(litellm.AuthenticationError, litellm.video_generation, model=VIDEO_MODEL, prompt="x", **video_how)


@check
def permission_denied() -> None:
    """A key that may do something else; LiteLLM has no class for it."""
    how = {**HOW, "api_key": CHAT_KEY}
    error = raised(litellm.APIError, litellm.image_generation, model=IMAGE_MODEL, prompt="x", **how)
    assert error.status_code == 403


@check
def model_not_found() -> None:
    """A model that does not exist."""
    raised(litellm.NotFoundError, litellm.completion, model="openai/no-such-model", messages=USER, **HOW)


@check
def bad_request() -> None:
    """A field that is wrong; the message names it."""
    error = raised(
        litellm.BadRequestError,
        litellm.completion,
        model=VIDEO_MODEL,
        messages=USER,
        extra_body={"seconds": 7},
        **HOW,
    )
    assert "'seconds'" in str(error), error
    error = raised(
        litellm.BadRequestError,
        litellm.video_generation,
        model=VIDEO_MODEL,
        prompt="x",
        seconds="7",
        **VIDEO_HOW,
    )
    assert "'seconds'" in str(error), error


@check
def content_refused() -> None:
    """Moderation has a class of its own."""
    for call, arguments in (
        (litellm.completion, {"messages": REFUSED}),
        (litellm.image_generation, {"prompt": "[violation] x"}),
    ):
        raised(litellm.ContentPolicyViolationError, call, model=IMAGE_MODEL, **arguments, **HOW)


@check
def video_not_found() -> None:
    """An id that nobody knows, and a file that is not ready."""
    error = raised(litellm.NotFoundError, litellm.video_status, video_id="video_unknown", **VIDEO_HOW)
    assert error.status_code == 404
    started = litellm.video_generation(model=VIDEO_MODEL, prompt="x", **VIDEO_HOW)
    error = raised(litellm.NotFoundError, litellm.video_content, video_id=started.id, **VIDEO_HOW)
    assert error.status_code == 404


def outcome(function: Check) -> dict[str, Any]:
    """Run one check."""
    try:
        function()
    except Exception:  # noqa: BLE001 - any failure is the check's
        return {"check": function.__name__, "failure": traceback.format_exc(limit=-3)}
    return {"check": function.__name__, "failure": None}


def main() -> int:
    """Run all checks side by side: most of their time is the backend's."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        outcomes = list(pool.map(outcome, CHECKS))
    for line in outcomes:
        sys.stdout.write(json.dumps(line) + "\n")
    return int(any(line["failure"] for line in outcomes))


if __name__ == "__main__":
    sys.exit(main())
