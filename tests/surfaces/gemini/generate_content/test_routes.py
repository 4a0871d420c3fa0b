"""Content generation and prediction over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import Aspect
from tests.fakes import MP4, PNG, cancels, fails, progresses, starts
from tests.gateway import KEY, Gateway, client_of, until
from tests.surfaces.gemini.wiring import gemini_client, served_gemini

IMAGE = "/v1beta/models/sora_image"
VIDEO = "/v1/models/sora_video2"


def _body(**fields: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "画小猫"}]}], **fields}


@pytest.fixture
def finishing(gateway: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    gateway.generations.script = [starts, progresses(0.5), gateway.generations.completes]
    return gateway


def _parts(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    parts: list[dict[str, Any]] = answer.json()["candidates"][0]["content"]["parts"]
    return parts


@pytest.mark.parametrize("place", ["v1", "v1beta", "v1beta1/publishers/google"])
@pytest.mark.parametrize("mount", ["", "/sora"])
async def test_image(finishing: Gateway, client: httpx2.AsyncClient, mount: str, place: str) -> None:
    """Bytes in the answer, at each place."""
    config = {"imageConfig": {"aspectRatio": "3:2"}, "candidateCount": 2}
    answer = await client.post(
        f"{mount}/{place}/models/sora_image:generateContent", json=_body(generationConfig=config)
    )
    pictures = [base64.b64decode(part["inlineData"]["data"]) for part in _parts(answer)]
    assert pictures == [PNG + b"\x00", PNG + b"\x01"]
    assert {part["inlineData"]["mimeType"] for part in _parts(answer)} == {"image/png"}
    body = answer.json()
    assert (body["modelVersion"], body["candidates"][0]["finishReason"]) == ("sora_image", "STOP")
    assert body["usageMetadata"]["promptTokenCount"] == 3
    ((request,),) = finishing.generations.submitted
    assert (request.prompt, request.aspect, request.n) == ("画小猫", Aspect.LANDSCAPE, 2)


async def test_output_format(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """Never other bytes than asked for."""
    config = {"imageConfig": {"imageOutputOptions": {"mimeType": "image/jpeg"}}}
    answer = await client.post(f"{IMAGE}:generateContent", json=_body(generationConfig=config))
    (part,) = _parts(answer)
    assert part["inlineData"]["mimeType"] == "image/jpeg"
    assert base64.b64decode(part["inlineData"]["data"]).startswith(b"jpeg:")


async def test_video(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """A link that opens without a key, and a file that needs it."""
    text, file = _parts(await client.post(f"/sora{VIDEO}:generateContent", json=_body()))
    link = re.search(r"\((http[^)]+)\)", text["text"])
    assert link
    uri = file["fileData"]["fileUri"]
    assert re.fullmatch(r"http://gateway/sora/v1beta/files/[a-z0-9]+:download\?alt=media", uri)
    assert file["fileData"]["mimeType"] == "video/mp4"
    async with client_of(finishing, key=None) as browser:
        assert (await browser.get(link[1])).content == MP4
        assert (await browser.get(uri)).status_code == 401
        assert (await browser.get(f"{uri}&key={KEY}")).content == MP4


async def test_public_url(tmp_path: Path) -> None:
    """Uris begin with the public URL where there is one."""
    async with served_gemini(tmp_path, public_url="https://gw.example.com") as gateway:
        gateway.generations.script = [gateway.generations.completes]
        async with gemini_client(gateway) as client:
            _, file = _parts(await client.post(f"{VIDEO}:generateContent", json=_body()))
    assert file["fileData"]["fileUri"].startswith("https://gw.example.com/v1beta/files/video")


@pytest.mark.parametrize("model", ["sora_video2|[free,plus]", "sora_video2%7C%5Bfree,plus%5D"])
async def test_groups_in_the_path(finishing: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """Encoded or not."""
    await client.post(f"/v1beta/models/{model}:generateContent", json=_body())
    ((request,),) = finishing.generations.submitted
    assert request.groups == ("free", "plus")


async def test_references(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """Inline, by link, and a result of one's own."""
    made = await client.post(f"{IMAGE}:predict", json={"instances": [{"prompt": "x"}]})
    assert made.status_code == 200
    (job_id,) = finishing.generations.histories
    own = f"http://gateway/v1beta/files/{job_id.replace('_', '')}:download?alt=media"
    data = base64.b64encode(PNG).decode()
    parts = [
        {"text": "x"},
        {"inlineData": {"data": data, "mime_type": "image/png"}},
        {"fileData": {"fileUri": "https://example.com/a.png"}},
        {"file_data": {"file_uri": own}},
    ]
    answer = await client.post(f"{IMAGE}:generateContent", json={"contents": {"parts": parts}})
    assert answer.status_code == 200, answer.text
    assert [url for _, url in finishing.generations.fetched] == [
        f"data:;base64,{data}",
        "https://example.com/a.png",
    ]
    assert finishing.generations.stored == [("contents", PNG + b"\x00")]
    assert len(finishing.generations.submitted[-1][0].inputs) == 3


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
async def test_stream_of_events(live: Gateway, accept: str) -> None:
    """Thoughts, then the result; no names, no ids, no ``[DONE]``; ``Accept`` says nothing."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    async with gemini_client(live) as client:
        answer = await client.post(
            f"{IMAGE}:streamGenerateContent?alt=sse", json=_body(), headers={"Accept": accept}
        )
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert not re.search(r"^(id|event|retry|:)", answer.text, re.MULTILINE)
    pieces = [json.loads(event.removeprefix("data: ")) for event in answer.text.strip().split("\n\n")]
    assert {(piece["responseId"], piece["modelVersion"]) for piece in pieces} == {
        (pieces[0]["responseId"], "sora_image")
    }
    *thoughts, last = [piece["candidates"][0] for piece in pieces]
    assert [thought["content"]["parts"] for thought in thoughts] == [
        [{"text": text, "thought": True}]
        for text in (
            "Queued, position 2, about 40 s\n",
            "In progress: 0 %\n",
            "In progress: 50 %\n",
            "Completed\n",
        )
    ]
    assert last["finishReason"] == "STOP"
    assert base64.b64decode(last["content"]["parts"][0]["inlineData"]["data"]) == PNG + b"\x00"


async def test_stream_of_an_array(live: Gateway) -> None:
    """Without ``alt=sse`` one JSON text, with siblings told apart."""
    live.generations.script = [starts, live.generations.completes]
    async with gemini_client(live) as client:
        answer = await client.post(
            f"{VIDEO}:streamGenerateContent", json=_body(generationConfig={"candidateCount": 2})
        )
    assert answer.headers["content-type"].startswith("application/json")
    *thoughts, last = answer.json()
    said = [piece["candidates"][0]["content"]["parts"][0]["text"] for piece in thoughts]
    assert any(text.startswith("1 of 2: ") for text in said)
    assert any(text.startswith("2 of 2: ") for text in said)
    assert len([part for part in last["candidates"][0]["content"]["parts"] if "fileData" in part]) == 2


@pytest.mark.parametrize("query", ["?alt=sse", ""])
async def test_stream_that_fails(live: Gateway, query: str) -> None:
    """A late failure is an error in the stream."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with gemini_client(live) as client:
        answer = await client.post(f"{IMAGE}:streamGenerateContent{query}", json=_body())
    assert answer.status_code == 200
    last = answer.text.splitlines()[-1] if query else json.dumps(answer.json()[-1])
    error = json.loads(last)["error"]
    assert (error["code"], error["status"], error["message"]) == (400, "INVALID_ARGUMENT", "No cats.")


async def test_stream_that_is_refused(live: Gateway) -> None:
    """What is wrong from the start has its own status."""
    async with gemini_client(live) as client:
        answer = await client.post(f"{VIDEO}:streamGenerateContent?alt=sse", json=_body(hd="perhaps"))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("change", "status", "reason", "should_retry"),
    [
        (fails(ErrorKind.CONTENT_REFUSED, "No cats."), 400, "CONTENT_REFUSED", None),
        (fails(ErrorKind.GENERATION_FAILED, "Bad luck."), 502, "GENERATION_FAILED", "false"),
        (cancels, 400, "CANCELLED", None),
    ],
)
@pytest.mark.parametrize("verb", ["generateContent", "predict"])
async def test_failed_job(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    verb: str,
    change: Any,
    status: int,
    reason: str,
    should_retry: str | None,
) -> None:
    """The job's failure has its status; what cost something is not repeated."""
    gateway.generations.script = [change]
    body = _body() if verb == "generateContent" else {"instances": [{"prompt": "x"}]}
    answer = await client.post(f"{IMAGE}:{verb}", json=body)
    assert (answer.status_code, answer.json()["error"]["details"][0]["reason"]) == (status, reason)
    assert answer.headers.get("x-should-retry") == should_retry


async def test_one_of_two_fails(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What was made is given, what was not is said."""
    gateway.generations.step_s = 60
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.post(f"{VIDEO}:generateContent?n=2", json=_body()))
        await until(lambda: len(gateway.generations.histories) == 2)
        first, second = gateway.generations.histories
        gateway.generations.change(first, fails(ErrorKind.GENERATION_FAILED, "Bad luck."))
        gateway.generations.change(second, gateway.generations.completes)
    parts = _parts(asked.result())
    assert "Bad luck." in parts[0]["text"]
    assert second.replace("_", "") in parts[2]["fileData"]["fileUri"]


@pytest.mark.parametrize("verb", ["generateContent", "predict"])
async def test_patience_ends(tmp_path: Path, verb: str) -> None:
    """504 with the job and where it will be; not to be asked again; the job goes on."""
    body = _body() if verb == "generateContent" else {"instances": [{"prompt": "x"}]}
    async with served_gemini(tmp_path, wait_max_s=0.05) as gateway, gemini_client(gateway) as client:
        answer = await client.post(f"{IMAGE}:{verb}", json=body)
        (job_id,) = gateway.generations.histories
        assert not gateway.generations.job(job_id).is_final
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (504, "DEADLINE_EXCEEDED")
    assert error["details"][0]["reason"] == "STILL_RUNNING"
    assert f"'{job_id}'" in error["message"]
    assert f"/v1/files/{job_id}/image/0" in error["message"]
    assert answer.headers["x-should-retry"] == "false"


async def test_hang_up_ends_the_watching_only(live: Gateway) -> None:
    """The job goes on."""
    async with gemini_client(live) as client:
        path = f"{IMAGE}:streamGenerateContent?alt=sse"
        async with client.stream("POST", path, json=_body()) as answer:
            await anext(answer.aiter_lines())
            await until(lambda: live.generations.watching == 1)
    await until(lambda: live.generations.watching == 0)
    (job_id,) = live.generations.histories
    assert not live.generations.job(job_id).is_final


@pytest.mark.parametrize("query", ["?alt=sse", ""])
async def test_restart_in_the_middle(live: Gateway, query: str) -> None:
    """A server that stops says where the result will be, and the answer ends whole."""
    seen = ""
    async with gemini_client(live) as client:
        path = f"{IMAGE}:streamGenerateContent{query}"
        async with client.stream("POST", path, json=_body()) as answer:
            async for text in answer.aiter_text():
                seen += text
                live.app.state.open_answers.end()
    error = (json.loads(seen.splitlines()[-1]) if query else json.loads(seen)[-1])["error"]
    (job_id,) = live.generations.histories
    assert error["details"][0]["reason"] == "SERVER_STOPPING"
    assert f"/v1/files/{job_id}/image/0" in error["message"]


async def test_restart_before_the_first_piece(live: Gateway) -> None:
    """The array is whole all the same."""
    live.app.state.open_answers.end()
    async with gemini_client(live) as client:
        answer = await client.post(f"{IMAGE}:streamGenerateContent", json=_body())
    assert answer.json()[-1]["error"]["details"][0]["reason"] == "SERVER_STOPPING"


@pytest.mark.parametrize("place", ["v1", "v1beta", "v1beta1/publishers/google"])
async def test_count_tokens(gateway: Gateway, client: httpx2.AsyncClient, place: str) -> None:
    """An estimate, and no job."""
    answer = await client.post(f"/{place}/models/sora_image:countTokens", json=_body())
    assert answer.json() == {"totalTokens": 3}
    assert gateway.generations.submitted == []


@pytest.mark.parametrize("place", ["v1", "v1beta", "v1beta1/publishers/google"])
async def test_predict(finishing: Gateway, client: httpx2.AsyncClient, place: str) -> None:
    """Pictures in base64, in the format asked for."""
    parameters = {"sampleCount": 2, "aspectRatio": "2:3", "outputOptions": {"mimeType": "image/webp"}}
    body = {"instances": [{"prompt": "画小猫"}], "parameters": parameters}
    answer = await client.post(f"/{place}/models/sora_image:predict", json=body)
    first, second = answer.json()["predictions"]
    assert first["mimeType"] == "image/webp"
    assert base64.b64decode(second["bytesBase64Encoded"]) == b"webp:" + PNG + b"\x01"
    ((request,),) = finishing.generations.submitted
    assert (request.aspect, request.n) == (Aspect.PORTRAIT, 2)


async def test_predict_of_videos(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A video takes long: 400, with the models that fit."""
    answer = await client.post(f"{VIDEO}:predict", json={"instances": [{"prompt": "x"}]})
    assert answer.status_code == 400
    assert "sora_image" in answer.json()["error"]["message"]
    assert gateway.generations.submitted == []
