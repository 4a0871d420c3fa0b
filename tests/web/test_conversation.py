"""What a conversation's last wish starts from."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import MediaKind, Variant
from sora_gateway.domain.parameters import resolve
from sora_gateway.domain.starts import Start
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.media import MediaFacts
from sora_gateway.web.conversation import NOTHING, links_in, named_video, taken_up, video_at
from sora_gateway.web.state import Services
from tests.fakes import PNG, STARTED_AT, caller_of
from tests.gateway import Gateway

VIDEO, OTHER = "video_" + "0123456789" * 2 + "abcdef", "video_" + "9876543210" * 2 + "abcdef"
POST = "s_" + "0123456789abcdef" * 2
LINK = f"http://gateway/sora/v1/files/{VIDEO}/video/0.mp4?exp=1763900000&sig=a-b_c"
ME, YOU = caller_of("me"), caller_of("you")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"{VIDEO} add a dog", "add a dog"),
        (f"add a dog to {LINK}", "add a dog to"),
        (f"add a dog [Download video]({LINK})", "add a dog"),
        (f'<video src="{LINK}" controls></video>\n\n[Download video]({LINK})\nadd a dog', "add a dog"),
        (f"{VIDEO} add a dog, as {VIDEO} says", "add a dog, as says"),
    ],
)
def test_a_job_in_a_text(text: str, rest: str) -> None:
    """Its id, its link, or what an answer showed; the name goes out of the text."""
    start, prompt = named_video(text, param="messages")
    assert start == Start(param="messages", job_id=VIDEO)
    assert " ".join(prompt.split()) == rest


def test_a_shared_video_in_a_text() -> None:
    """Its link at the backend."""
    start, prompt = named_video(f"https://sora.chatgpt.com/p/{POST}?psh=x at night", param="messages")
    assert (start, prompt) == (Start(param="messages", post_id=POST), "at night")


@pytest.mark.parametrize(
    "text",
    [
        "a cat",
        "[a cat](https://example.com/cat)",
        "video_1 at night",
        '<video src="x"></video>',
        "x" * 40_000,
    ],
)
def test_texts_without_a_video(text: str) -> None:
    """They stay as they are, to the letter."""
    assert named_video(text, param="messages") == (None, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [(VIDEO, "nothing else"), (f"[x]({LINK})", "nothing else"), (f"{VIDEO} {OTHER} x", "one")],
)
def test_unclear_texts(text: str, words: str) -> None:
    """A name alone is no wish, and two videos are one too many."""
    with pytest.raises(GatewayError, match=words) as caught:
        named_video(text, param="messages")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "messages")


@pytest.mark.parametrize("url", [VIDEO, LINK, f" {LINK} ", f"https://gateway/v1/videos/{VIDEO}/content"])
def test_address_of_a_job(url: str) -> None:
    """A name or a link, and nothing beside it."""
    assert video_at(url, param="p") == Start(param="p", job_id=VIDEO)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.mp4",
        f"https://example.com/clips/{VIDEO}.mp4",
        "data:video/mp4;base64,AAAA",
        "AAAA" * 1_000_000,
    ],
)
def test_other_addresses(url: str) -> None:
    """Clips, not jobs."""
    assert video_at(url, param="p") is None


def test_links_in_a_text() -> None:
    """All of ours in order, also with escaped ampersands; nothing else."""
    image = VIDEO.replace("video_", "image_")
    text = (
        f"![image](http://a/v1/files/{image}/image/1?exp=17&sig=s1&format=webp) and "
        f'<video src="http://b/sora/v1/files/{VIDEO}/video/0.mp4?exp=18&amp;sig=s2" controls></video> '
        f"https://example.com/files/a/image/0 http://a/v1/files/{VIDEO}/thumbnail/0"
    )
    assert [
        (link.job_id, link.kind, link.index, link.expires, link.signature) for link in links_in(text)
    ] == [
        (image, MediaKind.IMAGE, 1, "17", "s1"),
        (VIDEO, MediaKind.VIDEO, 0, "18", "s2"),
    ]


def _made(gateway: Gateway, model: str, owner: str = "me", **fields: Any) -> Job:
    """Put a finished job there."""
    request = resolve({"model": model, "prompt": "x", "n": 1, **fields}).request
    job = Job(
        id=new_id(request.kind.value),
        owner=owner,
        request=request,
        signature="any",
        created_at=STARTED_AT,
        updated_at=STARTED_AT,
    )
    done = gateway.generations.completes(job)
    gateway.generations.histories[job.id] = [done]
    return done


def _services(gateway: Gateway) -> Services:
    services: Services = gateway.app.state.services
    return services


def _link(gateway: Gateway, job: Job, *, expires_at: float = STARTED_AT + 60, host: str = "http://gw") -> str:
    variant = Variant.IMAGE if job.kind is MediaKind.IMAGE else Variant.VIDEO
    return f"![x]({host}/v1/files/{_services(gateway).links.sign(job.id, variant, 0, expires_at)})"


IMAGE_URL = f"data:image/png;base64,{base64.b64encode(PNG + bytes([0])).decode()}"


@pytest.mark.parametrize("model", ["sora_image", "sora_video", "sora_video2-pro|[free]", "gpt-image-1"])
async def test_a_picture_is_taken_up(gateway: Gateway, model: str) -> None:
    """By every kind of model, whatever name the server is reached by."""
    job = _made(gateway, "sora_image")
    for caller in (ME, YOU):  # whoever holds a signed link may see the picture
        said = ["Here.", _link(gateway, job, host="https://elsewhere.example")]
        made = await taken_up(_services(gateway), caller, said, {"model": model}, param="messages")
        assert (made.picture, made.start) == (IMAGE_URL, None)


async def test_a_video_is_taken_up_by_the_model_that_changes_videos(gateway: Gateway) -> None:
    """``sora_video2`` alone; for others the picture before it counts."""
    services, picture, video = _services(gateway), _made(gateway, "sora_image"), _made(gateway, "sora_video2")
    said = [_link(gateway, video), _link(gateway, picture)]
    made = await taken_up(services, ME, said, {"model": "sora_video2"}, param="messages")
    assert (made.picture, made.start) == (None, Start(param="messages", job_id=video.id))
    made = await taken_up(services, ME, said, {"model": "sora_image"}, param="messages")
    assert (made.picture, made.start) == (IMAGE_URL, None)
    made = await taken_up(services, ME, said[::-1], {"model": "sora_video2"}, param="messages")
    assert made.picture == IMAGE_URL


async def test_links_that_lead_nowhere(gateway: Gateway) -> None:
    """Altered, deleted, another's, private or unfinished: passed over, and an older one may count."""
    services = _services(gateway)
    private, foreign = _made(gateway, "sora_video2", private=True), _made(gateway, "sora_video2", owner="you")
    gone, hidden = _made(gateway, "sora_image"), _made(gateway, "sora_image", owner="you")
    unfinished = _made(gateway, "sora_image")
    said = [
        _link(gateway, private),
        _link(gateway, foreign),
        _link(gateway, gone),
        _link(gateway, hidden, expires_at=STARTED_AT - 1),
        _link(gateway, hidden).replace("sig=", "sig=0"),
        _link(gateway, unfinished),
        "http://localhost/files/x https://example.com/a.png",
    ]
    del gateway.generations.histories[gone.id]
    gateway.generations.histories[unfinished.id] = [replace(unfinished, phase=unfinished.phase.RUNNING)]
    assert await taken_up(services, ME, said, {"model": "sora_video2"}, param="messages") == NOTHING
    assert gateway.generations.fetched == []
    last = _link(gateway, _made(gateway, "sora_image"))
    made = await taken_up(services, ME, [*said, last], {"model": "sora_video2"}, param="messages")
    assert made.picture == IMAGE_URL


async def test_an_expired_link_of_ones_own(gateway: Gateway) -> None:
    """The owner needs no signature."""
    link = _link(gateway, _made(gateway, "sora_image"), expires_at=STARTED_AT - 1)
    made = await taken_up(_services(gateway), ME, [link], {"model": "sora_image"}, param="messages")
    assert made.picture == IMAGE_URL


@pytest.mark.parametrize("start", [PNG, b"\xff\xd8\xff\xe0 and more of it", b"RIFF\xff\xff\xff\xffWEBPVP8 "])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
async def test_a_picture_that_was_said_itself(
    gateway: Gateway, start: bytes, encode: Callable[[bytes], bytes]
) -> None:
    """As data URL: clients send back what they got."""
    said = [f"data:image/any;base64,{encode(start).decode()}"]
    made = await taken_up(_services(gateway), ME, said, {"model": "sora_image"}, param="messages")
    assert made.picture == said[0]


async def test_a_picture_in_markdown(gateway: Gateway) -> None:
    """Some clients keep what they show as a data URL in the text."""
    said = [f"Here you are:\n![image]({IMAGE_URL})"]
    made = await taken_up(_services(gateway), ME, said, {"model": "sora_image"}, param="messages")
    assert made.picture == IMAGE_URL


async def test_damaged_pictures_are_passed_over(gateway: Gateway) -> None:
    """One of long ago must not end the conversation: the one before it counts."""

    async def probe(data: bytes) -> MediaFacts:
        if data.endswith(b"cut off"):
            raise GatewayError(ErrorKind.INVALID_REQUEST, "Damaged.")
        return MediaFacts(media_type="image/png", width_px=1, height_px=1)

    gateway.tools.probe_image = probe  # type: ignore[method-assign]
    damaged = f"data:image/png;base64,{base64.b64encode(PNG + b'cut off').decode()}"
    said = [damaged, damaged[:-3], IMAGE_URL]
    made = await taken_up(_services(gateway), ME, said, {"model": "sora_image"}, param="messages")
    assert made.picture == IMAGE_URL


@pytest.mark.parametrize(
    "text",
    [
        "data:image/svg+xml;utf8,<svg/>",
        "data:image/png",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "data:image/png;base64,A",
    ],
)
async def test_pictures_that_no_request_can_start_from(gateway: Gateway, text: str) -> None:
    """Passed over."""
    said = [text]
    assert await taken_up(_services(gateway), ME, said, {"model": "sora_image"}, param="p") == NOTHING


async def test_an_unknown_model(gateway: Gateway) -> None:
    """It is refused where the request is understood."""
    said = [_link(gateway, _made(gateway, "sora_image"))]
    assert await taken_up(_services(gateway), ME, said, {"model": "gpt-4"}, param="p") == NOTHING


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": 3},
        {"model": "sora_video2", "remix_target_id": OTHER},
        {"model": "sora_video2", "character_url": "https://example.com/v.mp4"},
        {"model": "sora_video2", "character_from_task": OTHER},
    ],
)
async def test_a_wish_with_material_of_its_own(gateway: Gateway, fields: dict[str, Any]) -> None:
    """Then nothing is taken up."""
    said = [_link(gateway, _made(gateway, "sora_image"))]
    assert await taken_up(_services(gateway), ME, said, fields, param="messages") == NOTHING


async def test_other_failures_rise(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is no lost picture."""

    async def fail(*_: object, **__: object) -> None:
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "No.")

    said = [_link(gateway, _made(gateway, "sora_video2")), _link(gateway, _made(gateway, "sora_image"))]
    monkeypatch.setattr(gateway.generations, "source", fail)
    monkeypatch.setattr(gateway.generations, "output", fail)
    for position in (0, 1):
        with pytest.raises(GatewayError, match="No"):
            await taken_up(
                _services(gateway), ME, said[position:], {"model": "sora_video2"}, param="messages"
            )
