"""What is shown of a response."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace

import pytest
from openai.types.responses.response_error import ResponseError

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.parameters import resolve
from sora_gateway.surfaces.openai.responses.render import (
    Head,
    numbered,
    render_begun_image,
    render_broken,
    render_end,
    render_generating,
    render_image,
    render_message,
    render_output,
    render_response,
    render_start,
    response_id,
    status_of,
)
from sora_gateway.surfaces.openai.responses.wire import Event
from tests.surfaces.openai.jobs import AT, cancelled, completed, failed, running, video_job
from tests.surfaces.openai.samples import sample

VIDEO = video_job()
PICTURES = resolve({"model": "sora_image", "prompt": "画小猫", "n": 2}).request
IMAGE = replace(completed(VIDEO), id="image_01kanar9g0", request=PICTURES)
HEAD = Head(id=response_id(IMAGE, None), created_at=AT, model="sora_image", prompt="画小猫")
OUTPUT = [render_image(IMAGE, index, result="AAAA", encoding="png") for index in range(2)]
LINK = "[Download video](http://gateway/v1/files/a/video/0.mp4)"


async def _stream(*events: Iterable[Event], after: int = -1) -> str:
    async def every() -> AsyncGenerator[Event, None]:
        for several in events:
            for event in several:
                yield event

    return b"".join([piece async for piece in numbered(every(), after)]).decode()


def test_id_carries_the_format() -> None:
    """So that pictures come in it whenever they are asked for."""
    assert response_id(VIDEO, None) == "resp_01kanar9g0"
    assert response_id(IMAGE, "jpeg") == "resp_01kanar9g0jpeg"


def test_image() -> None:
    """The whole answer, key for key."""
    assert render_response(HEAD, [IMAGE], OUTPUT) == sample("response_image.json")


def test_video() -> None:
    """A message with the markdown, and what the request said."""
    head = Head(
        id=response_id(VIDEO, None),
        created_at=AT,
        model="sora_video2",
        prompt="画小猫",
        is_background=True,
        tools=({"type": "image_generation"},),
        instructions="Be brief.",
        metadata={"a": "b"},
        previous_response_id="resp_1",
    )
    job = completed(VIDEO)
    assert render_response(head, [job], [render_message(job, LINK)]) == sample("response_video.json")


def test_failure() -> None:
    """The code is one of OpenAI's list for responses, the type the code that every route gives."""
    response = render_response(HEAD, [failed(VIDEO)], ())
    assert response["status"] == "failed"
    assert response["error"] == {
        "code": "image_content_policy_violation",
        "message": "No cats.",
        "type": "content_policy_violation",
    }
    assert (response["output"], response["completed_at"], response["usage"]) == ([], None, None)


@pytest.mark.parametrize(
    ("jobs", "status"),
    [
        ([VIDEO], "queued"),
        ([VIDEO, VIDEO], "queued"),
        ([VIDEO, running(VIDEO, 0.1)], "in_progress"),
        ([VIDEO, completed(VIDEO)], "in_progress"),
        ([completed(VIDEO)], "completed"),
        ([failed(VIDEO), completed(VIDEO)], "completed"),
        ([cancelled(VIDEO), completed(VIDEO)], "completed"),
        ([failed(VIDEO)], "failed"),
        ([cancelled(VIDEO), failed(VIDEO)], "failed"),
        ([cancelled(VIDEO), cancelled(VIDEO)], "cancelled"),
    ],
)
def test_status(jobs: list[Job], status: str) -> None:
    """Unfinished as long as one job is; completed if one result is there."""
    assert status_of(jobs) == status
    response = render_response(HEAD, jobs, ())
    assert response["status"] == status
    assert (response["error"] is not None) == (status == "failed")


async def test_stream_of_images() -> None:
    """The grammar, byte for byte; a second picture comes whole."""
    begun = render_image(IMAGE, 0)
    stream = await _stream(
        render_start(HEAD),
        render_begun_image(begun, 0),
        [render_generating(begun, 0)],
        render_output(IMAGE, OUTPUT),
        [render_end(render_response(HEAD, [IMAGE], OUTPUT))],
    )
    assert stream == sample("response_stream_image.txt")


async def test_stream_of_a_video() -> None:
    """The grammar, byte for byte."""
    head = Head(id=response_id(VIDEO, None), created_at=AT, model="sora_video2", prompt="画小猫")
    job = completed(VIDEO)
    output = [render_message(job, LINK)]
    stream = await _stream(
        render_start(head), render_output(job, output), [render_end(render_response(head, [job], output))]
    )
    assert stream == sample("response_stream_video.txt")


@pytest.mark.parametrize("job", [failed(VIDEO), cancelled(VIDEO)])
def test_stream_that_fails(job: Job) -> None:
    """``response.failed`` ends it, also for a cancelled one: there is no event of that name."""
    event = render_end(render_response(HEAD, [job], ()))
    assert event["type"] == "response.failed"
    assert event["response"]["status"] == job.status.value
    assert event["response"]["error"] is not None
    assert event["response"]["error"]["message"]


@pytest.mark.parametrize("kind", ErrorKind)
def test_codes_are_those_of_the_sdk(kind: ErrorKind) -> None:
    """Whatever fails, a client that validates strictly can read it."""
    error = render_broken(HEAD, GatewayError(kind, "No.", code="ours"))["response"]["error"]
    assert ResponseError.model_validate(error).type == "ours"


def test_stream_that_breaks() -> None:
    """A fault of the gateway ends it the same way."""
    event = render_broken(HEAD, GatewayError(ErrorKind.STORE_UNAVAILABLE, "Away."))
    assert event["type"] == "response.failed"
    assert event["response"]["error"] == {
        "code": "server_error",
        "message": "Away.",
        "type": "store_unavailable",
    }


async def test_resumption() -> None:
    """Numbers go on where they were."""
    whole = await _stream(render_start(HEAD))
    first, second, _ = whole.split("\n\n")
    assert '"sequence_number":0' in first
    assert await _stream(render_start(HEAD), after=0) == f"{second}\n\n"
