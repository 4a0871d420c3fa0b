"""Build the values that tests of the middle rooms start from."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.accounts import Account, Credential, Plan
from sora_gateway.domain.jobs import Attempt, Job
from sora_gateway.domain.media import Aspect, Blob, MediaKind, Output, Variant
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.kit.redact import Secret

NOW_S = 1_763_800_000.0

VIDEO = GenerationRequest(
    kind=MediaKind.VIDEO,
    family=Family.VIDEO2,
    model="sora_video2",
    prompt="a paper boat",
    aspect=Aspect.PORTRAIT,
    duration_s=10,
)
IMAGE = GenerationRequest(
    kind=MediaKind.IMAGE,
    family=Family.IMAGE,
    model="sora_image",
    prompt="a kitten",
    aspect=Aspect.SQUARE,
)
PRO = replace(VIDEO, model="sora_video2-pro", pro=True, plan=Plan.PRO)
BLOB = Blob(name="job/video", media_type="video/mp4", size_bytes=9, digest="ab" * 32)
OUTPUT = Output(variant=Variant.VIDEO, index=0, blob=BLOB)
REMOTE_OUTPUT = RemoteOutput(index=0, url="https://files.example.org/a.mp4")


def account(name: str = "a", **changes: object) -> Account:
    """Return a ready free account with a blank history."""
    plain = Account(
        id=f"sora:{name}",
        upstream="sora",
        backend_id=name,
        credential=Credential(access_token=Secret(f"token-{name}")),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def job(**changes: object) -> Job:
    """Return a job that waits in the queue."""
    plain = Job(
        id="video_1",
        owner="licence_1",
        request=VIDEO,
        signature="sora:free",
        created_at=NOW_S,
        updated_at=NOW_S,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def attempt(ticket: str = "t1") -> Attempt:
    """Return a written-ahead submission."""
    return Attempt(
        ticket=ticket, fingerprint="f", marker="m", written_at=NOW_S, send_by=NOW_S + 3, prepared={}
    )
