"""Names of resources, read and made."""

from __future__ import annotations

import re

import pytest

from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.ids import new_id
from sora_gateway.surfaces.gemini.names import (
    FileName,
    file_name_in,
    file_name_of,
    operation_id_in,
    resource_in,
)


@pytest.mark.parametrize("kind", [MediaKind.IMAGE, MediaKind.VIDEO])
@pytest.mark.parametrize("index", [0, 1, 3, 17])
def test_file_id_holds_all(kind: MediaKind, index: int) -> None:
    """There and back for every id that is made, in lower-case letters and digits, as the SDKs cut it."""
    for _ in range(50):
        name = FileName(job_id=new_id(kind.value), kind=kind, index=index)
        assert re.fullmatch("[a-z0-9]+", name.id)
        assert file_name_of(name.id) == name


@pytest.mark.parametrize(
    "file_id",
    [
        "",
        "video",
        "video_01k",
        "video01K",
        "audio01k",
        "01k",
        "videou0",
        "video01ku",
        "video01ku12345",
        "a/b",
    ],
)
def test_no_file_id(file_id: str) -> None:
    """Anything else is none of ours."""
    assert file_name_of(file_id) is None


NAME = FileName(job_id="video_01k", kind=MediaKind.VIDEO, index=2)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("files/video01ku2", NAME),
        ("files/video01ku2:download", NAME),
        ("https://host/v1beta/files/video01ku2:download?alt=media", NAME),
        ("https://host/sora/v1beta/files/video01ku2:download?alt=media&key=k", NAME),
        ("files/http://host:8000/sora/v1beta/files/video01ku2:download", NAME),
        ("files/http://host/v1/files/video01ku2:download?alt=media:download?alt=media", NAME),
        ("files/image01k", FileName(job_id="image_01k", kind=MediaKind.IMAGE, index=0)),
        ("https://example.com/cat.png", None),
        ("https://example.com/files/cat.png", None),
        ("https://host/v1/files/video_01k/video/0.mp4?exp=1&sig=x", None),
        ("files/video01ku2/other", None),
        ("video01ku2", None),
        ("", None),
    ],
)
def test_file_in_a_uri(uri: str, name: FileName | None) -> None:
    """The last ``files/`` counts."""
    assert file_name_in(uri) == name


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/v1beta/models/sora_image:generateContent", "models/sora_image"),
        ("/v1/models/a:b:predict", "models/a:b"),
        ("/v1/models/sora_video2|[free,plus]:predictLongRunning", "models/sora_video2|[free,plus]"),
        ("/v1beta1/publishers/google/models/sora_video2:predict", "publishers/google/models/sora_video2"),
        ("/v1/models/sora_video2/operations/video_1", "models/sora_video2/operations/video_1"),
        ("/v1/models/a:b/operations/video_1", "models/a:b/operations/video_1"),
        ("/v1beta/operations/video_1", "operations/video_1"),
    ],
)
def test_resource(path: str, resource: str) -> None:
    """Without version and verb; the verb follows the last colon."""
    assert resource_in(path) == resource


@pytest.mark.parametrize(
    ("name", "job_id"),
    [
        ("operations/video_1", "video_1"),
        ("models/sora_video2/operations/video_1", "video_1"),
        ("models/a|[b]/operations/video_1", "video_1"),
        ("publishers/google/models/m/operations/video_1", "video_1"),
        ("projects/p/locations/l/publishers/google/models/m/operations/video_1", "video_1"),
        ("models/sora_video2", None),
        ("operations/", None),
        ("operations/../video_1", None),
        ("video_1", None),
        ("", None),
    ],
)
def test_operation(name: str, job_id: str | None) -> None:
    """The job's id in an operation's name."""
    assert operation_id_in(name) == job_id
