"""Each failure in each dialect, as its SDK tells it: class, status, envelope, and whether to ask again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import pytest_asyncio
from google import genai
from google.genai import errors as google

from tests.functional.harness import Gateway, until
from tests.functional.stage import picture_of, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

ENDLESS = [{"status": "running", "seconds": 600.0, "progress_from": 0.1, "progress_to": 0.9}]
ONE_SLOT = [{"name": "free", "plan": "free", "video_concurrency": 1, "image_concurrency": 1}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What goes wrong, and how each dialect says it. ``is_late``: in a stream after its first byte."""

    model: str = "sora_image"
    prompt: str = "a boat"
    place: str = "working"
    key: str = "all"
    status: int
    code: str
    type: str = "invalid_request_error"
    param: str | None = None
    openai: type[openai.APIStatusError]
    anthropic: type[anthropic.APIStatusError]
    anthropic_type: str = "invalid_request_error"
    google_status: str = "INVALID_ARGUMENT"
    google_reason: str = ""
    headers: Mapping[str, str | None] = field(default_factory=lambda: {"x-should-retry": None})
    is_late: bool = False


REFUSED = Failure(
    status=400,
    code="content_policy_violation",
    openai=openai.BadRequestError,
    anthropic=anthropic.BadRequestError,
    google_reason="CONTENT_REFUSED",
    is_late=True,
)

FAILURES: Mapping[str, Failure] = {
    "wrong key": Failure(
        key="wrong",
        status=401,
        code="invalid_api_key",
        openai=openai.AuthenticationError,
        anthropic=anthropic.AuthenticationError,
        anthropic_type="authentication_error",
        google_status="UNAUTHENTICATED",
        google_reason="API_KEY_INVALID",
    ),
    "missing permission": Failure(
        key="poor",
        status=403,
        code="permission_denied",
        type="permission_error",
        openai=openai.PermissionDeniedError,
        anthropic=anthropic.PermissionDeniedError,
        anthropic_type="permission_error",
        google_status="PERMISSION_DENIED",
    ),
    "unknown model": Failure(
        model="sora_video3",
        status=400,
        code="model_not_found",
        param="model",
        openai=openai.BadRequestError,
        anthropic=anthropic.BadRequestError,
    ),
    "bad model": Failure(
        model="sora_video2-10s-15s",
        status=400,
        code="invalid_model",
        param="model",
        openai=openai.BadRequestError,
        anthropic=anthropic.BadRequestError,
    ),
    "refused prompt": REFUSED,
    "refused result": REFUSED,
    "no account": Failure(
        place="without accounts",
        status=503,
        code="no_account",
        type="server_error",
        openai=openai.InternalServerError,
        anthropic=anthropic.InternalServerError,
        anthropic_type="api_error",
        google_status="UNAVAILABLE",
        headers={"x-should-retry": "false"},
    ),
    "queue full": Failure(
        model="sora_video2",
        place="full",
        status=429,
        code="queue_full",
        type="server_error",
        openai=openai.RateLimitError,
        anthropic=anthropic.RateLimitError,
        anthropic_type="rate_limit_error",
        google_status="RESOURCE_EXHAUSTED",
        headers={"x-should-retry": None, "retry-after": "5"},
    ),
    "broken": Failure(
        prompt="a boat [error]",
        status=502,
        code="generation_failed",
        type="server_error",
        openai=openai.InternalServerError,
        anthropic=anthropic.InternalServerError,
        anthropic_type="api_error",
        google_status="INTERNAL",
        headers={"x-should-retry": "false"},
        is_late=True,
    ),
}
PROMPTS = {"refused prompt": "a boat [refuse]", "refused result": "a boat [violation]"}

each_failure = pytest.mark.parametrize("name", FAILURES)
each_form = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])


# --- the stage --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A gateway and its keys: ``all`` permissions, ``poor`` with another one, ``wrong``."""

    url: str
    keys: Mapping[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Place]]:
    """A gateway that works, one without accounts, and one whose queue of one place is taken."""
    folder = tmp_path_factory.mktemp("failures")
    busy = {"timing__video__phases": ENDLESS, "accounts": ONE_SLOT}
    async with (
        staged(folder / "works") as (_, working),
        staged(folder / "bare", changes={"accounts": []}) as (_, bare),
        staged(folder / "busy", changes=busy, SORA_GATEWAY_QUEUE_LIMIT="1") as (_, full),
    ):
        found = {"working": _place(working), "without accounts": _place(bare), "full": _place(full)}
        async with full.client(found["full"].keys["all"]) as client:
            await _fill(client)
        yield found


def _place(gateway: Gateway) -> Place:
    keys = {"all": gateway.new_key(), "poor": gateway.new_key("characters"), "wrong": "sg-wrong"}
    return Place(url=gateway.url, keys=keys)


async def _fill(client: httpx2.AsyncClient) -> None:
    """Make jobs until one runs and one waits."""

    async def is_full() -> bool:
        answer = await client.post("/videos", json={"model": "sora_video2", "prompt": "first"})
        return answer.status_code == 429

    await until(is_full, timeout_s=20, what="the queue to be full")


def _asked(places: Mapping[str, Place], name: str) -> tuple[Failure, str, str, str]:
    failure = FAILURES[name]
    place = places[failure.place]
    return failure, place.url, place.keys[failure.key], PROMPTS.get(name, failure.prompt)


async def _raised(kind: type[Exception], call: Callable[[], Awaitable[None]]) -> Any:
    with pytest.raises(kind) as caught:
        await call()
    return caught.value


def _check_headers(failure: Failure, response: Any, *, is_late: bool) -> None:
    assert response.headers["x-request-id"]
    if is_late:
        return
    assert {name: response.headers.get(name) for name in failure.headers} == failure.headers


# --- OpenAI -----------------------------------------------------------------------------------------------


@each_form
@each_failure
async def test_openai_chat(places: Mapping[str, Place], name: str, is_streamed: bool) -> None:
    """Class, status, code, type and param; in a stream that has begun, the same without the status."""
    failure, url, key, prompt = _asked(places, name)
    messages: Any = [{"role": "user", "content": prompt}]
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{url}/sora/v1", max_retries=0) as client:

        async def call() -> None:
            if not is_streamed:
                await client.chat.completions.create(model=failure.model, messages=messages)
                return
            stream = await client.chat.completions.create(model=failure.model, messages=messages, stream=True)
            async for _ in stream:
                pass

        is_late = is_streamed and failure.is_late
        error = await _raised(openai.APIError if is_late else failure.openai, call)
    _check_openai(failure, error, is_late=is_late)


@pytest.mark.parametrize("name", [name for name, one in FAILURES.items() if one.model != "sora_video2"])
async def test_openai_images(places: Mapping[str, Place], name: str) -> None:
    """The same on the route of images, whose answer waits."""
    failure, url, key, prompt = _asked(places, name)
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{url}/sora/v1", max_retries=0) as client:

        async def call() -> None:
            await client.images.generate(model=failure.model, prompt=prompt)

        error = await _raised(failure.openai, call)
    _check_openai(failure, error, is_late=False)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("name", [name for name, one in FAILURES.items() if not one.is_late])
async def test_openai_videos(places: Mapping[str, Place], name: str) -> None:
    """The same on the route of videos, whose answer comes at once."""
    failure, url, key, prompt = _asked(places, name)
    model = failure.model.replace("sora_image", "sora_video2")
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{url}/sora/v1", max_retries=0) as client:

        async def call() -> None:
            await client.videos.create(model=model, prompt=prompt)

        error = await _raised(failure.openai, call)
    _check_openai(failure, error, is_late=False)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("name", [name for name, one in FAILURES.items() if one.is_late])
async def test_openai_failed_video(places: Mapping[str, Place], name: str) -> None:
    """A job that fails later raises nothing: its object says why, and its file is a 404 that says it too."""
    failure, url, key, prompt = _asked(places, name)
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{url}/sora/v1", max_retries=0) as client:
        video = await client.videos.create_and_poll(model="sora_video2", prompt=prompt)
        assert video.status == "failed"
        assert video.error is not None
        assert video.error.code == failure.code

        async def call() -> None:
            await client.videos.download_content(video.id)

        error = await _raised(openai.NotFoundError, call)
    assert error.code == failure.code


def _check_openai(failure: Failure, error: Any, *, is_late: bool) -> None:
    assert isinstance(error.body, dict)
    assert set(error.body) == {"message", "type", "param", "code"}
    assert error.body["message"]
    assert (error.code, error.type, error.param) == (failure.code, failure.type, failure.param)
    if is_late:
        return
    assert error.status_code == failure.status
    assert set(error.response.json()) == {"error"}
    _check_headers(failure, error.response, is_late=is_late)


# --- Anthropic --------------------------------------------------------------------------------------------


@each_form
@each_failure
async def test_anthropic(places: Mapping[str, Place], name: str, is_streamed: bool) -> None:
    """Class, status, type and request id; in a stream that has begun an event with the same body."""
    failure, url, key, prompt = _asked(places, name)
    asked: dict[str, Any] = {"model": failure.model, "max_tokens": 1024}
    asked["messages"] = [{"role": "user", "content": prompt}]
    async with anthropic.AsyncAnthropic(api_key=key, base_url=f"{url}/sora", max_retries=0) as client:

        async def call() -> None:
            if not is_streamed:
                await client.messages.create(**asked)
                return
            async with client.messages.stream(**asked) as stream:
                async for _ in stream:
                    pass

        is_late = is_streamed and failure.is_late
        error = await _raised(anthropic.APIStatusError if is_late else failure.anthropic, call)
    assert error.type == failure.anthropic_type
    assert error.status_code == (200 if is_late else failure.status)
    assert error.request_id == error.response.headers["request-id"]
    assert error.body["type"] == "error"
    assert set(error.body["error"]) == {"type", "message"}
    assert error.body["request_id"] == error.request_id
    _check_headers(failure, error.response, is_late=is_late)


# --- Gemini -----------------------------------------------------------------------------------------------


@each_form
@each_failure
async def test_gemini(places: Mapping[str, Place], name: str, is_streamed: bool) -> None:
    """Class, code, status and reason; in a stream that has begun they come as its last piece."""
    failure, url, key, prompt = _asked(places, name)
    options: Any = {"base_url": f"{url}/sora", "async_client_args": {"trust_env": False}}
    is_unknown = failure.code == "model_not_found"  # a 404, as at Google
    status = 404 if is_unknown else failure.status
    client = genai.Client(api_key=key, http_options=options)
    async with client.aio as aio:

        async def call() -> None:
            if not is_streamed:
                await aio.models.generate_content(model=failure.model, contents=prompt)
                return
            async for _ in await aio.models.generate_content_stream(model=failure.model, contents=prompt):
                pass

        error = await _raised(google.ClientError if status < 500 else google.ServerError, call)
    client.close()
    assert error.code == status
    assert error.status == ("NOT_FOUND" if is_unknown else failure.google_status)
    body = error.details["error"]
    assert set(body) == {"code", "message", "status", "details"}
    assert (body["code"], body["status"], bool(body["message"])) == (status, error.status, True)
    (info,) = body["details"]
    assert info["reason"] == (failure.google_reason or failure.code.upper())
    assert info["metadata"] == ({"param": failure.param} if failure.param else {})
    if not (is_streamed and failure.is_late):
        _check_headers(failure, error.response, is_late=False)


# --- a backend that is away -------------------------------------------------------------------------------


async def test_backend_is_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is lost: who waits is told of the job that goes on, in each dialect; then it is finished."""
    folder = tmp_path_factory.mktemp("away")
    async with staged(folder, SORA_GATEWAY_WAIT_MAX_S="2") as (simulator, gateway):
        place = _place(gateway)
        simulator.kill()
        key = place.keys["all"]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(call(place.url, key))
                for call in (_openai_waits, _anthropic_waits, _gemini_waits)
            ]
        ids = [task.result() for task in tasks]
        simulator.start()
        async with gateway.client(key) as client:
            for job_id in ids:
                assert picture_of(await _file(client, job_id)).size == (1024, 1024)


async def _file(client: httpx2.AsyncClient, job_id: str) -> bytes:
    async def there() -> bytes | None:
        answer = await client.get(f"/files/{job_id}/content")
        return answer.content if answer.status_code == 200 else None

    found: bytes = await until(there, timeout_s=60, what=f"{job_id} to end")
    return found


def _job_in(text: str) -> str:
    found = re.search(r"image_[0-9a-z]{26}", text)
    assert found is not None, text
    return found[0]


async def _openai_waits(url: str, key: str) -> str:
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{url}/sora/v1", max_retries=0) as client:

        async def call() -> None:
            await client.images.generate(model="sora_image", prompt="x")

        error = await _raised(openai.InternalServerError, call)
    assert (error.status_code, error.code) == (504, "still_running")
    assert error.response.headers["x-should-retry"] == "false"
    return _job_in(error.message)


async def _anthropic_waits(url: str, key: str) -> str:
    async with anthropic.AsyncAnthropic(api_key=key, base_url=f"{url}/sora", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "x"}]
        message = await client.messages.create(model="sora_image", max_tokens=100, messages=messages)
    (block,) = message.content
    assert block.type == "text"
    return _job_in(block.text)


async def _gemini_waits(url: str, key: str) -> str:
    options: Any = {"base_url": f"{url}/sora", "async_client_args": {"trust_env": False}}
    client = genai.Client(api_key=key, http_options=options)
    async with client.aio as aio:

        async def call() -> None:
            await aio.models.generate_content(model="sora_image", contents="x")

        error = await _raised(google.ServerError, call)
    client.close()
    assert (error.code, error.status) == (504, "DEADLINE_EXCEEDED")
    assert error.response.headers["x-should-retry"] == "false"
    return _job_in(error.message)
