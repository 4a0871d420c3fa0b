"""OpenAI's own Python SDK against the Responses API of a real server, as its users call it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from sora_gateway.domain.errors import ErrorKind
from tests.fakes import PNG, fails, progresses, starts
from tests.gateway import CHAT_KEY, KEY, Gateway, until

TOOLS: Any = [{"type": "image_generation", "size": "1024x1536", "quality": "high"}]


def _sdk(gateway: Gateway, *, key: str = KEY, base: str = "/sora/v1", **options: Any) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=key, base_url=gateway.url + base, http_client=httpx2.AsyncClient(verify=False), **options
    )


@pytest.fixture
async def finishing(live: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    return live


@pytest.fixture
async def sdk(live: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """A client that checks the shape of every answer strictly."""
    async with _sdk(live, _strict_response_validation=True, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("base", ["/sora/v1", "/v1/"])
async def test_image(finishing: Gateway, base: str) -> None:
    """The example of OpenAI's documentation."""
    async with _sdk(finishing, base=base, _strict_response_validation=True) as client:
        response = await client.responses.create(
            model="gpt-5", input="画小猫", tools=TOOLS, metadata={"a": "b"}, instructions="Be brief."
        )
    made = [item.result for item in response.output if item.type == "image_generation_call"]
    assert [base64.b64decode(result or "") for result in made] == [PNG + b"\x00"]
    assert (response.status, response.metadata, response.output_text) == ("completed", {"a": "b"}, "")
    assert response.tools[0].type == "image_generation"
    assert response.usage
    assert response.usage.total_tokens > 0


@pytest.mark.usefixtures("finishing")
async def test_video(sdk: AsyncOpenAI) -> None:
    """Our own models and fields; the text has the links."""
    response = await sdk.responses.create(
        model="sora_video2-landscape",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "画小猫"}]}],
        extra_body={"n": 2, "seconds": "15"},
        extra_query={"style": "anime"},
    )
    assert response.output_text.count("<video src=") == 2
    again = await sdk.responses.retrieve(response.id)
    assert (again.status, again.output_text) == ("completed", response.output_text)


async def test_reference(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """A picture in the message."""
    response = await sdk.responses.create(
        model="sora_image",
        input=[
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "x"},
                    {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
                ],
            },
        ],
        temperature=1,
        store=False,
    )
    assert response.status == "completed"
    assert finishing.generations.fetched == [("input", "https://example.com/a.png")]


@pytest.mark.usefixtures("finishing")
@pytest.mark.parametrize(("model", "n"), [("gpt-5", 1), ("gpt-5", 3), ("sora_video2", 2)])
async def test_stream(sdk: AsyncOpenAI, model: str, n: int) -> None:
    """Every event has a class of the SDK's, and its number."""
    stream = await sdk.responses.create(model=model, input="x", tools=TOOLS, stream=True, extra_body={"n": n})
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last.type == "response.completed"
    assert len(last.response.output) == n


@pytest.mark.usefixtures("finishing")
async def test_stream_helper(sdk: AsyncOpenAI) -> None:
    """The helper that puts the pieces together finds nothing amiss."""
    async with sdk.responses.stream(model="sora_image", input="x", extra_body={"n": 2}) as stream:
        names = {event.type async for event in stream}
        pictures = await stream.get_final_response()
    assert "response.image_generation_call.generating" in names
    assert [item.type for item in pictures.output] == ["image_generation_call"] * 2
    async with sdk.responses.stream(model="sora_video2", input="x") as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        video = await stream.get_final_response()
    assert "".join(deltas) == video.output_text
    assert video.output_text.startswith("<video src=")


async def test_background(live: Gateway, sdk: AsyncOpenAI) -> None:
    """Created at once, looked at, streamed from where one was."""
    response = await sdk.responses.create(model="gpt-5", input="x", tools=TOOLS, background=True)
    assert (response.status, response.background) == ("queued", True)
    (job_id,) = live.generations.histories
    live.generations.change(job_id, progresses(0.3))
    assert (await sdk.responses.retrieve(response.id)).status == "in_progress"
    live.generations.change(job_id, live.generations.completes)
    done = await sdk.responses.retrieve(response.id)
    assert done.status == "completed"
    rest = await sdk.responses.retrieve(response.id, stream=True, starting_after=4)
    events = [event async for event in rest]
    assert [event.sequence_number for event in events] == [5, 6, 7]
    assert events[-1].type == "response.completed"
    async with sdk.responses.stream(response_id=response.id) as stream:
        assert (await stream.get_final_response()).output == done.output


async def test_cancel(live: Gateway, sdk: AsyncOpenAI) -> None:
    """An end for all its jobs."""
    response = await sdk.responses.create(
        model="sora_video2", input="x", background=True, extra_body={"n": 2}
    )
    assert (await sdk.responses.cancel(response.id)).status == "cancelled"
    assert (await sdk.responses.retrieve(response.id)).status == "cancelled"
    assert all(live.generations.job(job_id).is_final for job_id in live.generations.histories)


async def test_sync_client(finishing: Gateway) -> None:
    """The synchronous client is the same."""

    def use() -> str:
        client = OpenAI(
            api_key=KEY, base_url=f"{finishing.url}/sora/v1", http_client=httpx2.Client(verify=False)
        )
        with client, client.responses.stream(model="sora_video2", input="x") as stream:
            return stream.get_final_response().output_text

    assert "<video" in await asyncio.to_thread(use)


async def test_failure_in_the_stream(live: Gateway) -> None:
    """It ends with the failed response, code and message."""
    live.generations.script = [starts, fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with _sdk(live) as client:
        stream = await client.responses.create(model="sora_image", input="x", stream=True)
        last = [event async for event in stream][-1]
        assert last.type == "response.failed"
        assert last.response.error
        assert (last.response.error.code, last.response.error.message) == (
            "image_content_policy_violation",
            "No cats.",
        )
        retrieved = await client.responses.retrieve(last.response.id)
        assert retrieved.status == "failed"


async def test_restart_in_the_stream(live: Gateway) -> None:
    """A server that ends is an error of the call, not of the response."""
    async with _sdk(live) as client:
        stream = await client.responses.create(model="sora_image", input="x", stream=True)
        await anext(aiter(stream))
        live.app.state.open_answers.end()
        with pytest.raises(openai.APIError) as caught:
            [event async for event in stream]
    assert caught.value.code == "server_stopping"


async def test_error_classes(live: Gateway) -> None:
    """Each status is its class."""
    async with _sdk(live, key="wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.responses.create(model="sora_image", input="x")
    async with _sdk(live, key=CHAT_KEY) as client:
        with pytest.raises(openai.PermissionDeniedError, match="responses"):
            await client.responses.create(model="sora_image", input="x", stream=True)
    async with _sdk(live) as client:
        with pytest.raises(openai.BadRequestError) as unknown:
            await client.responses.create(model="gpt-5", input="x")
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError) as empty:
            await client.responses.create(model="sora_image", input="")
        assert empty.value.param == "input"
        with pytest.raises(openai.NotFoundError, match="resp_unknown"):
            await client.responses.retrieve("resp_unknown")


async def test_failure_before_the_answer(live: Gateway) -> None:
    """Whoever waits gets the failure's own class, once."""
    live.generations.script = [fails(ErrorKind.GENERATION_FAILED, "Bad luck.")]
    async with _sdk(live, max_retries=1) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.responses.create(model="sora_image", input="x")
    assert caught.value.code == "generation_failed"
    assert len(live.generations.submitted) == 1


async def test_stated_timeout_is_obeyed(live: Gateway) -> None:
    """A client that waits 11 s gets its answer after one, and the response later."""
    async with _sdk(live, timeout=11, max_retries=1) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.responses.create(model="sora_image", input="x")
        assert (caught.value.code, caught.value.status_code) == ("still_running", 504)
        (job_id,) = live.generations.histories
        live.generations.change(job_id, live.generations.completes)
        await until(lambda: live.generations.job(job_id).is_final)
        response = await client.responses.retrieve(job_id.replace("image_", "resp_"))
        assert response.status == "completed"
