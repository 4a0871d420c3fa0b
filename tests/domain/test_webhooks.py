"""Prove what is told, to whom, how it is signed, and what each try leads to."""

from __future__ import annotations

import json
from dataclasses import replace

import openai
import pytest

from sora_gateway.domain.advance import Limits, advance
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Cancelled, Deleted, Failed
from sora_gateway.domain.jobs import Job, JobError, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Callback
from sora_gateway.domain.webhooks import (
    CALLBACK,
    DAY_S,
    DELAYS_S,
    Delivery,
    DeliveryState,
    Endpoint,
    EventType,
    Try,
    after_answer,
    after_try,
    body_of,
    changed,
    deliveries_of,
    event_of,
    headers_of,
    new_signing_secret,
    owes_event,
    read_event_types,
    read_name,
    read_secret,
    read_url,
    renewed,
    rotated,
)
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.redact import Secret
from tests.conftest_store import NOW, new_job

SECRET = new_signing_secret()
ENDPOINT = Endpoint(
    id="we_1",
    owner="lic_a",
    name="mine",
    url="https://example.com/hooks",
    event_types=(EventType.VIDEO_COMPLETED, EventType.VIDEO_FAILED),
    secret=SECRET,
    created_at=NOW,
    updated_at=NOW,
)


def ended(kind: MediaKind = MediaKind.VIDEO, phase: Phase = Phase.COMPLETED) -> Job:
    return replace(new_job(f"{kind.value}_01abc", kind=kind), phase=phase, completed_at=NOW + 60.9)


def delivery() -> Delivery:
    event = event_of(ended())
    assert event is not None
    return Delivery(event=event, target="we_1", created_at=NOW, due_at=NOW)


@pytest.mark.parametrize(
    ("kind", "phase", "name"),
    [
        (MediaKind.VIDEO, Phase.COMPLETED, "video.completed"),
        (MediaKind.VIDEO, Phase.FAILED, "video.failed"),
        (MediaKind.VIDEO, Phase.CANCELLED, "video.failed"),
        (MediaKind.IMAGE, Phase.COMPLETED, "image.completed"),
        (MediaKind.IMAGE, Phase.FAILED, "image.failed"),
        (MediaKind.CHARACTER, Phase.COMPLETED, "character.ready"),
        (MediaKind.CHARACTER, Phase.CANCELLED, "character.failed"),
    ],
)
def test_every_end_has_its_event(kind: MediaKind, phase: Phase, name: str) -> None:
    """The body is OpenAI's, with whole seconds and the id that the caller knows."""
    event = event_of(ended(kind, phase))
    assert event is not None
    assert json.loads(body_of(event)) == {
        "id": "evt_01abc",
        "object": "event",
        "created_at": int(NOW + 60),
        "type": name,
        "data": {"id": f"{kind.value}_01abc"},
    }


def test_only_an_end_is_an_event() -> None:
    """A running job has none; one that is deleted while it runs ends in silence, a cancelled one does not."""
    job = new_job("video_1")
    assert event_of(job) is None
    assert owes_event(job) is False
    assert owes_event(advance(job, Deleted(), NOW, Limits())) is False
    assert owes_event(advance(job, Cancelled(), NOW, Limits())) is True
    error = JobError(kind=ErrorKind.TIMEOUT, message="x", code="timeout")
    assert owes_event(advance(job, Failed(error=error, is_over_at_backend=True), NOW, Limits())) is True


def test_an_event_goes_to_those_who_want_it() -> None:
    """Not to other types, not to disabled endpoints; to the request's own address always."""
    job = ended()
    event = event_of(job)
    assert event is not None
    other = replace(ENDPOINT, id="we_2", event_types=(EventType.IMAGE_COMPLETED,))
    disabled = replace(ENDPOINT, id="we_3", disabled_at=NOW)
    found = deliveries_of(event, job, [ENDPOINT, other, disabled], NOW)
    assert [one.target for one in found] == ["we_1"]
    asked = replace(job, request=replace(job.request, callback=Callback(url="https://a.test/")))
    assert [one.target for one in deliveries_of(event, asked, [other], NOW)] == [CALLBACK]


# --- the signature ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, Secret("plain text of eight"), Secret("ключ из букв")])
def test_the_sdk_accepts_what_is_signed(secret: Secret) -> None:
    """OpenAI's own client unwraps it, with whichever kind of secret, and refuses what was altered."""
    client = openai.OpenAI(api_key="sg-x")
    event = delivery().event
    body, now_s = body_of(event), system_now()
    headers = headers_of(event, body, [secret], now_s)
    unwrapped = client.webhooks.unwrap(body, headers, secret=secret.reveal())
    assert (unwrapped.id, unwrapped.type, unwrapped.data.id) == (
        "evt_01abc",
        "video.completed",
        "video_01abc",
    )
    for altered, changed_headers in (
        (body.replace(b"video_01abc", b"video_01abd"), headers),
        (body, {**headers, "webhook-id": "evt_other"}),
        (body, {**headers, "webhook-timestamp": str(int(now_s) + 1)}),
        (body, headers_of(event, body, [Secret("another secret")], now_s)),
        (body, headers_of(event, body, [secret], now_s - 301)),
    ):
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.unwrap(altered, changed_headers, secret=secret.reveal())
    client.close()


def test_two_secrets_sign_during_rotation() -> None:
    """For a day each of them opens it; without ``keeps_old`` the old one is void at once."""
    client = openai.OpenAI(api_key="sg-x")
    event, now_s = delivery().event, system_now()
    body = body_of(event)
    fresh = new_signing_secret()
    after = rotated(ENDPOINT, fresh, now_s, keeps_old=True)
    headers = headers_of(event, body, after.secrets_at(now_s), now_s)
    for secret in (fresh, SECRET):
        client.webhooks.unwrap(body, headers, secret=secret.reveal())
    assert after.secrets_at(now_s + DAY_S) == (fresh,)
    assert rotated(ENDPOINT, fresh, now_s, keeps_old=False).secrets_at(now_s) == (fresh,)
    client.close()


def test_without_a_secret_nothing_is_signed() -> None:
    """An address of a request may have none."""
    assert "webhook-signature" not in headers_of(delivery().event, b"{}", (), NOW)


# --- tries ------------------------------------------------------------------------------------------------


def test_tries_are_spread_over_a_day() -> None:
    """Each delay is at least what the table says, at most a fifth more; after the last it is given up."""
    for chance in (0.0, 1.0):
        one, at = delivery(), NOW
        for delay_s in DELAYS_S:
            one = after_try(one, Try(at=at, status=500), DELAYS_S, chance)
            assert one.state is DeliveryState.PENDING
            assert one.due_at == pytest.approx(at + delay_s * (1 + 0.2 * chance))
            at = one.due_at
        assert at - NOW >= DAY_S
        one = after_try(one, Try(at=at, error="The URL did not answer within 15 s."), DELAYS_S, chance)
        assert (one.state, one.attempts) == (DeliveryState.FAILED, len(DELAYS_S) + 1)
        assert "did not answer" in (one.reason or "")
    again = renewed(one, at + 5)
    assert (again.state, again.due_at, again.attempts) == (DeliveryState.PENDING, at + 5, 0)
    assert again.tries == one.tries


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, DeliveryState.DELIVERED),
        (204, DeliveryState.DELIVERED),
        (299, DeliveryState.DELIVERED),
        (301, DeliveryState.PENDING),
        (307, DeliveryState.PENDING),
        (404, DeliveryState.PENDING),
        (410, DeliveryState.FAILED),
        (500, DeliveryState.PENDING),
    ],
)
def test_what_an_answer_means(status: int, state: DeliveryState) -> None:
    """Any 2xx is delivered; a redirect is a failure like any other; 410 ends it at once."""
    assert after_try(delivery(), Try(at=NOW, status=status), DELAYS_S, 0.5).state is state


def test_an_endpoint_is_disabled_when_it_fails_for_a_day() -> None:
    """Counted from the first failure after the last success; a change of the endpoint enables it again."""
    failing = after_answer(ENDPOINT, Try(at=NOW, status=500))
    assert (failing.failing_since, failing.disabled_at) == (NOW, None)
    assert after_answer(failing, Try(at=NOW + 1, status=200)).failing_since is None
    still = after_answer(failing, Try(at=NOW + DAY_S - 1, status=500))
    assert (still.failing_since, still.disabled_at) == (NOW, None)
    over = after_answer(still, Try(at=NOW + DAY_S, error="nobody answers"))
    assert over.disabled_at == NOW + DAY_S
    assert "nobody answers" in (over.disabled_reason or "")
    assert after_answer(over, Try(at=NOW + DAY_S + 9, status=500)) == over
    mended = changed(over, NOW, url="https://example.com/other")
    assert (mended.disabled_at, mended.failing_since, mended.name) == (None, None, "mine")
    gone = after_answer(ENDPOINT, Try(at=NOW, status=410))
    assert gone.disabled_at == NOW
    assert "410" in (gone.disabled_reason or "")


# --- what callers give ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None, 7, "", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "https:///x",
        "https://user:pw@example.com/", "http://[::1/", "http://example.com:x/", "https://a b.test/",
        "https://example.com/\x00", "https://example.com/" + "a" * 3000,
    ],
)  # fmt: skip
def test_addresses_that_are_none(value: object) -> None:
    """Each is refused with the name of the field."""
    with pytest.raises(GatewayError) as raised:
        read_url(value, param="webhook_url")
    assert (raised.value.kind, raised.value.param) == (ErrorKind.INVALID_REQUEST, "webhook_url")


@pytest.mark.parametrize(
    "value", [None, 7, "", "short", "whsec_!!!!!!!!", "whsec_====", "x" * 600, "tab\ttab\ttab"]
)
def test_secrets_that_are_none(value: object) -> None:
    """The message does not repeat what was given."""
    with pytest.raises(GatewayError) as raised:
        read_secret(value, param="webhook_secret")
    assert str(value) not in raised.value.message or value in (None, 7, "")


def test_addresses_that_are_good() -> None:
    """Blanks around do not count."""
    assert read_url(" https://example.com:8443/x?y=1\n", param="url") == "https://example.com:8443/x?y=1"


def test_secrets_that_are_good() -> None:
    """Ours, and any text that is long enough."""
    assert read_secret(SECRET.reveal(), param="s") == SECRET
    assert read_secret("any text", param="s") == Secret("any text")


@pytest.mark.parametrize(
    "value", [None, [], "video.completed", ["video.completed", "batch.completed"], [7], [[]]]
)
def test_event_types_that_are_none(value: object) -> None:
    """The message lists what there is."""
    with pytest.raises(GatewayError, match=r"video\.completed, video\.failed"):
        read_event_types(value)


def test_event_types_and_names() -> None:
    """Each type counts once; a name is a text."""
    assert read_event_types(["video.failed", "video.failed"]) == (EventType.VIDEO_FAILED,)
    assert read_name(" mine ") == "mine"
    for value in (None, "", "  ", "x" * 300, 5):
        with pytest.raises(GatewayError, match="'name' must be"):
            read_name(value)
