"""Operations over HTTP."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import Aspect
from tests.fakes import MP4, fails, progresses
from tests.gateway import KEY, Gateway, client_of, until
from tests.surfaces.gemini.wiring import gemini_client, served_gemini

BODY = {"instances": [{"prompt": "画小猫"}]}
CLOUD = "/v1beta1/publishers/google/models/sora_video2"


async def _started(
    client: httpx2.AsyncClient, path: str = "/v1beta/models/sora_video2", **fields: Any
) -> str:
    answer = await client.post(f"{path}:predictLongRunning", json=BODY | fields)
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["name"]
    return name


async def _fetched(client: httpx2.AsyncClient, name: str, path: str = CLOUD) -> httpx2.Response:
    return await client.post(f"{path}:fetchPredictOperation", json={"operationName": name})


@pytest.mark.parametrize("mount", ["", "/sora"])
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_from_start_to_file(
    gateway: Gateway, client: httpx2.AsyncClient, mount: str, version: str
) -> None:
    """Start, look, download: the name is the path to ask."""
    parameters = {"durationSeconds": 15, "aspectRatio": "16:9", "negativePrompt": "dogs", "sampleCount": 1}
    name = await _started(client, f"{mount}/{version}/models/sora_video2", parameters=parameters)
    (job_id,) = gateway.generations.histories
    assert name == f"models/sora_video2/operations/{job_id}"
    ((request,),) = gateway.generations.submitted
    assert (request.duration_s, request.aspect) == (15, Aspect.LANDSCAPE)

    queued = (await client.get(f"{mount}/{version}/{name}")).json()
    assert (queued["name"], queued["done"], queued["metadata"]["queuePosition"]) == (name, False, 2)
    gateway.generations.change(job_id, progresses(0.5))
    assert (await client.get(f"{mount}/{version}/{name}")).json()["metadata"]["progressPercent"] == 50
    gateway.generations.change(job_id, gateway.generations.completes)
    done = (await client.get(f"{mount}/{version}/{name}")).json()
    assert done["done"]
    (sample,) = done["response"]["generateVideoResponse"]["generatedSamples"]
    uri = sample["video"]["uri"]
    assert uri.startswith(f"http://gateway{mount}/v1beta/files/")
    assert re.search("files/([a-z0-9]+)", uri)[1] == job_id.replace("_", "")  # type: ignore[index]
    assert (await client.get(uri)).content == MP4


async def test_short_name(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Without its model."""
    name = await _started(client)
    short = name.partition("sora_video2/")[2]
    assert (await client.get(f"/v1/{short}")).json()["name"] == short


async def test_same_job_as_a_video(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Made here, seen there, and the other way round."""
    name = await _started(client)
    job_id = name.rpartition("/")[2]
    async with client_of(gateway) as openai:
        assert (await openai.get(f"/v1/videos/{job_id}")).json()["id"] == job_id
        other = (await openai.post("/v1/videos", json={"prompt": "x"})).json()["id"]
        assert not (await client.get(f"/v1beta/operations/{other}")).json()["done"]
        await openai.post(f"/v1/videos/{other}/cancel")
    cancelled = (await client.get(f"/v1beta/operations/{other}")).json()
    assert cancelled["error"]["status"] == "CANCELLED"


async def test_groups_in_the_name(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A name with anything in it leads back."""
    name = await _started(client, "/v1/models/sora_video2|[free,plus]")
    assert name.startswith("models/sora_video2|[free,plus]/operations/")
    assert (await client.get(f"/v1/{name}")).json()["name"] == name


async def test_samples(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Several are one operation; those that failed are filtered, those deleted are left out."""
    name = await _started(client, parameters={"sampleCount": 3})
    first, second, third = gateway.generations.histories
    gateway.generations.change(first, gateway.generations.completes)
    assert not (await client.get(f"/v1beta/{name}")).json()["done"]
    gateway.generations.change(second, fails(ErrorKind.CONTENT_REFUSED, "No cats."))
    async with client_of(gateway) as openai:
        await openai.delete(f"/v1/videos/{third}")
    response = (await client.get(f"/v1beta/{name}")).json()["response"]["generateVideoResponse"]
    assert len(response["generatedSamples"]) == 1
    assert response["raiMediaFilteredReasons"] == ["No cats."]


async def test_failed(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A failure is an answer: 200, done, with the error."""
    gateway.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    name = await _started(client)
    job_id = name.rpartition("/")[2]
    await until(lambda: gateway.generations.job(job_id).is_final)
    for answer in (await client.get(f"/v1beta/{name}"), await _fetched(client, name)):
        assert answer.status_code == 200
        assert answer.json()["done"]
        assert (answer.json()["error"]["code"], answer.json()["error"]["message"]) == (400, "No cats.")


@pytest.mark.parametrize("mount", ["", "/sora"])
async def test_fetch(gateway: Gateway, client: httpx2.AsyncClient, mount: str) -> None:
    """In ``vertexai`` mode the files come in the answer, of exactly the length that was stated."""
    name = await _started(client, mount + CLOUD, parameters={"sampleCount": 2})
    assert name.startswith("publishers/google/models/sora_video2/operations/")
    assert (await _fetched(client, name, mount + CLOUD)).json()["done"] is False
    gateway.vault.piece_bytes = 1000
    for job_id in gateway.generations.histories:
        gateway.generations.change(job_id, gateway.generations.completes)
    answer = await _fetched(client, name, mount + CLOUD)
    videos = answer.json()["response"]["videos"]
    assert [base64.b64decode(video["bytesBase64Encoded"]) for video in videos] == [MP4, MP4]
    assert videos[0]["mimeType"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert gateway.vault.open_files == 0


@pytest.mark.parametrize("length", [0, 1, 2, 3, 196_607, 196_608, 196_609, 1_000_000])
async def test_fetch_any_length(gateway: Gateway, client: httpx2.AsyncClient, length: int) -> None:
    """Padding only at the end, whatever the pieces."""
    name = await _started(client)
    job_id = name.rpartition("/")[2]
    job = gateway.generations.change(job_id, gateway.generations.completes)
    data = bytes(range(256)) * (length // 256 + 1)
    blob = gateway.vault.put("other", data[:length], "video/mp4")
    output = replace(job.outputs[0], blob=blob)
    gateway.generations.change(job_id, lambda job: replace(job, outputs=(output,)))
    answer = await _fetched(client, name)
    (video,) = answer.json()["response"]["videos"]
    assert base64.b64decode(video["bytesBase64Encoded"]) == data[:length]
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_fetch_of_what_is_gone(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """404 before the first byte."""
    name = await _started(client)
    job_id = name.rpartition("/")[2]
    gateway.generations.change(job_id, gateway.generations.completes)
    for name_in_vault in tuple(gateway.vault.files):
        await gateway.vault.delete(name_in_vault)
    answer = await _fetched(client, name)
    assert (answer.status_code, answer.json()["error"]["details"][0]["reason"]) == (404, "EXPIRED")


async def test_hang_up_closes_the_file(tmp_path: Path) -> None:
    """Whichever way an answer ends."""
    async with served_gemini(tmp_path) as gateway, gemini_client(gateway) as client:
        name = await _started(client)
        job_id = name.rpartition("/")[2]
        job = gateway.generations.change(job_id, gateway.generations.completes)
        blob = gateway.vault.put("large", bytes(40_000_000), "video/mp4")
        output = replace(job.outputs[0], blob=blob)
        gateway.generations.change(job_id, lambda job: replace(job, outputs=(output,)))
        path = f"{CLOUD}:fetchPredictOperation"
        async with client.stream("POST", path, json={"operationName": name}) as answer:
            await anext(answer.aiter_bytes())
            assert gateway.vault.open_files == 1
        await until(lambda: gateway.vault.open_files == 0)


async def test_images_are_no_operations(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """404, as for any id that is no video of the caller's."""
    gateway.generations.script = [gateway.generations.completes]
    await client.post("/v1beta/models/sora_image:predict", json=BODY)
    (image_id,) = gateway.generations.histories
    assert (await client.get(f"/v1beta/operations/{image_id}")).status_code == 404
    answer = await client.post("/v1beta/models/sora_image:predictLongRunning", json=BODY)
    assert answer.status_code == 400


async def test_another_callers(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Not there, in either mode."""
    name = await _started(client)
    (history,) = gateway.generations.histories.values()
    history.append(replace(history[-1], owner="another"))
    assert (await client.get(f"/v1beta/{name}")).status_code == 404
    assert (await _fetched(client, name)).status_code == 404


async def test_key_in_the_query(gateway: Gateway) -> None:
    """As plain REST has it."""
    async with client_of(gateway, key=None) as nobody:
        answer = await nobody.post(f"/v1beta/models/sora_video2:predictLongRunning?key={KEY}", json=BODY)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"parameters": {"durationSeconds": 8}}, "'durationSeconds' is 8; sora_video2 makes 10, 15, 25"),
        ({"parameters": {"aspectRatio": "1:1"}}, "16:9, 9:16"),
        ({"parameters": {"resolution": "4k"}}, "720p"),
        ({"parameters": {"sampleCount": 5}}, "1 to 4"),
        ({"instances": [{"image": {"bytesBase64Encoded": "AAAA"}}]}, "'prompt' is missing"),
        ({"instances": [{"prompt": "x", "lastFrame": {"bytesBase64Encoded": "AAAA"}}]}, "lastFrame"),
    ],
)
async def test_refused(gateway: Gateway, client: httpx2.AsyncClient, fields: Any, said: str) -> None:
    """400 INVALID_ARGUMENT before a job is made; the message says what would be right."""
    answer = await client.post("/v1beta/models/sora_video2:predictLongRunning", json=BODY | fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert said in error["message"]
    assert gateway.generations.submitted == []


async def test_openai_alias(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """OpenAI's durations go with OpenAI's names."""
    await _started(client, "/v1beta/models/sora-2", parameters={"durationSeconds": 8})
    ((request,),) = gateway.generations.submitted
    assert (request.duration_s, request.asked) == (10, {"seconds": "8"})


@pytest.mark.parametrize(
    ("parameters", "added_s"),
    [({}, 10), ({"durationSeconds": 15}, 15), ({"durationSeconds": 8}, 10), ({"aspectRatio": "9:16"}, 10)],
)
async def test_extension(
    gateway: Gateway, client: httpx2.AsyncClient, parameters: dict[str, Any], added_s: int
) -> None:
    """A video by the uri of its operation is carried on by so many seconds."""
    name = await _started(client)
    (job_id,) = gateway.generations.histories
    gateway.generations.change(job_id, gateway.generations.completes)
    done = (await client.get(f"/v1beta/{name}")).json()
    (sample,) = done["response"]["generateVideoResponse"]["generatedSamples"]
    instance = {"prompt": "and on", "video": sample["video"]}
    await _started(client, instances=[instance], parameters=parameters)
    (request,) = gateway.generations.submitted[-1]
    assert request.extend is not None
    assert (request.extend.job_id, request.prompt, request.duration_s) == (job_id, "and on", added_s)


@pytest.mark.parametrize(
    ("video", "fields", "param"),
    [
        ({"uri": "http://gateway/v1beta/files/video" + "0" * 26 + ":download"}, {}, "video"),
        ({"uri": "https://example.com/a.mp4"}, {}, "video"),
        (None, {"parameters": {"durationSeconds": 20}}, "durationSeconds"),
        (None, {"parameters": {"aspectRatio": "16:9"}}, "size"),
    ],
)
async def test_refused_extensions(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    video: dict[str, str] | None,
    fields: dict[str, Any],
    param: str,
) -> None:
    """Another's video, one that is none, and what an extension cannot be: 400 that names the field."""
    await _started(client)
    (job_id,) = gateway.generations.histories
    gateway.generations.change(job_id, gateway.generations.completes)
    instance = {"prompt": "x", "video": video or {"uri": f"files/{job_id.replace('_', '')}"}}
    body = {"instances": [instance], **fields}
    answer = await client.post("/v1beta/models/sora_video2:predictLongRunning", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["details"][0]["metadata"]["param"] == param
    assert len(gateway.generations.submitted) == 1
