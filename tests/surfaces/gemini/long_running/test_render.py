"""Jobs as operations."""

from __future__ import annotations

import base64

import pytest

from sora_gateway.domain.jobs import Job
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.gemini.long_running.render import render_fetched, render_operation
from tests.surfaces.gemini.jobs import ID, cancelled, completed, failed, running, video_job
from tests.surfaces.gemini.samples import sample

NAME = f"models/sora_video2/operations/{ID}"
JOB, OTHER = video_job(), video_job("video_01kanar9g1")
VIEWS = {
    "queued": [JobView(job=JOB, queue_position=3, eta_s=90)],
    "running": [JobView(job=running(JOB, 0.45))],
    "completed": [JobView(job=completed(JOB)), JobView(job=failed(OTHER))],
    "failed": [JobView(job=failed(JOB))],
}


def _uri(job: Job) -> str:
    return f"http://gateway/v1beta/files/{job.id.replace('_', '')}:download?alt=media"


def _base64(job: Job) -> str:
    return base64.b64encode(b"ninebytes").decode()


@pytest.mark.parametrize("name", list(VIEWS))
def test_golden(name: str) -> None:
    """Key for key; what could not be made of several is named."""
    assert render_operation(NAME, VIEWS[name], _uri) == sample(f"operation_{name}.json")


def test_fetched() -> None:
    """The same with the files where the links were."""
    assert render_fetched(NAME, VIEWS["completed"], _base64) == sample("operation_fetched.json")


@pytest.mark.parametrize("name", ["queued", "running", "failed"])
def test_fetched_without_files(name: str) -> None:
    """There is no difference before, nor after a failure."""
    assert render_fetched(NAME, VIEWS[name], _base64) == sample(f"operation_{name}.json")


def test_several_files() -> None:
    """Each in its place."""
    views = [JobView(job=completed(JOB)), JobView(job=completed(OTHER))]
    videos = render_fetched(NAME, views, lambda job: job.id)["response"]["videos"]
    assert [video["bytesBase64Encoded"] for video in videos] == [JOB.id, OTHER.id]
    assert (
        len(render_operation(NAME, views, _uri)["response"]["generateVideoResponse"]["generatedSamples"]) == 2
    )


def test_siblings() -> None:
    """Done when all are; the slowest tells how it goes; all failed is the first one's error."""
    mixed = render_operation(NAME, [JobView(job=completed(JOB)), JobView(job=running(OTHER, 0.2))], _uri)
    assert not mixed["done"]
    assert "response" not in mixed
    assert mixed["metadata"]["progressPercent"] == 20
    assert mixed["metadata"]["videoIds"] == [JOB.id, OTHER.id]
    ended = render_operation(NAME, [JobView(job=cancelled(JOB)), JobView(job=failed(OTHER))], _uri)
    assert ended["done"]
    assert ended["error"]["status"] == "CANCELLED"
