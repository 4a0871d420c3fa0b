"""Tell callers' own servers how their jobs ended: endpoints, events, signatures, deliveries. All pure.

Source: Standard Webhooks 1.0 (headers and signature) and OpenAI API reference, Webhooks, read 2026-11-22.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.values import show
from sora_gateway.kit.redact import Secret

CALLBACK = "request"
"""The target of a delivery that goes to the address which the request itself named."""

PREFIX = "whsec_"
MOST_ENDPOINTS = 16
DAY_S = 24 * 3600.0
DELAYS_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 6 * 3600.0, 8 * 3600.0)
"""Between the tries of one delivery: ten tries in a little more than a day."""

_SPREAD = 0.2
_MOST_TRIES_KEPT = 20
_MAX_URL_CHARS = 2048
_MAX_NAME_CHARS = 256
_SECRET_CHARS = (8, 512)


class EventType(StrEnum):
    """What can be heard of. The first two are OpenAI's."""

    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    IMAGE_COMPLETED = "image.completed"
    IMAGE_FAILED = "image.failed"
    CHARACTER_READY = "character.ready"
    CHARACTER_FAILED = "character.failed"


_GOOD_ENDS: Mapping[MediaKind, EventType] = {
    MediaKind.VIDEO: EventType.VIDEO_COMPLETED,
    MediaKind.IMAGE: EventType.IMAGE_COMPLETED,
    MediaKind.CHARACTER: EventType.CHARACTER_READY,
}
_BAD_ENDS: Mapping[MediaKind, EventType] = {
    MediaKind.VIDEO: EventType.VIDEO_FAILED,
    MediaKind.IMAGE: EventType.IMAGE_FAILED,
    MediaKind.CHARACTER: EventType.CHARACTER_FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an owner wants to hear of some events. Until ``old_until`` the old secret signs as well.

    ``failing_since``: no delivery has succeeded since then. ``disabled_at``: nothing is sent any more.
    """

    id: str
    owner: str
    name: str
    url: str
    event_types: tuple[EventType, ...]
    secret: Secret
    created_at: float
    updated_at: float
    old_secret: Secret | None = None
    old_until: float | None = None
    failing_since: float | None = None
    disabled_at: float | None = None
    disabled_reason: str | None = None

    def secrets_at(self, now_s: float) -> tuple[Secret, ...]:
        """Return what signs at ``now_s``, the newest first."""
        if self.old_secret is None or self.old_until is None or self.old_until <= now_s:
            return (self.secret,)
        return (self.secret, self.old_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """That a job ended. ``subject_id`` is what the caller knows it by; the id follows from the job."""

    id: str
    type: EventType
    created_at: float
    subject_id: str
    job_id: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt to deliver: the status of the answer, or why there was none."""

    at: float
    status: int | None = None
    error: str | None = None

    @property
    def is_good(self) -> bool:
        """Tell whether the event has arrived."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def outcome(self) -> str:
        """Say how it went, for people."""
        return f"status {self.status}" if self.status is not None else self.error or "no answer"


class DeliveryState(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to one target: an endpoint's id, or ``CALLBACK``.

    ``attempts`` counts since it was made or replayed; ``tries`` are the last ones, oldest first. ``due_at``
    counts while it is pending. ``reason`` says why it was given up.
    """

    event: Event
    target: str
    created_at: float
    due_at: float
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    tries: tuple[Try, ...] = ()
    reason: str | None = None


# --- events -----------------------------------------------------------------------------------------------


def owes_event(job: Job) -> bool:
    """Tell whether the end of ``job`` is an event: what a caller deleted while it ran is not heard of."""
    return job.is_final and job.deleted_at is None


def event_id_of(job_id: str) -> str:
    """Return the id of the event that ``job_id`` ends with; always the same, so a repeat shows as one."""
    return f"evt_{job_id.partition('_')[2] or job_id}"


def event_of(job: Job) -> Event | None:
    """Return what is told when ``job`` has ended, None while it has not. Cancelled counts as failed."""
    if not job.is_final:
        return None
    ends = _GOOD_ENDS if job.status is Status.COMPLETED else _BAD_ENDS
    return Event(
        id=event_id_of(job.id),
        type=ends[job.kind],
        created_at=job.completed_at if job.completed_at is not None else job.updated_at,
        subject_id=job.id,
        job_id=job.id,
        owner=job.owner,
    )


def deliveries_of(
    event: Event, job: Job, endpoints: Iterable[Endpoint], now_s: float
) -> tuple[Delivery, ...]:
    """Return whom ``event`` of ``job`` goes to: endpoints that want it, and the request's own address."""
    targets = [
        endpoint.id
        for endpoint in endpoints
        if endpoint.disabled_at is None and event.type in endpoint.event_types
    ]
    if job.request.callback is not None:
        targets.append(CALLBACK)
    return tuple(Delivery(event=event, target=to, created_at=now_s, due_at=now_s) for to in targets)


def body_of(event: Event) -> bytes:
    """Return the bytes that are sent and signed."""
    content = {
        "id": event.id,
        "object": "event",
        "created_at": int(event.created_at),
        "type": event.type.value,
        "data": {"id": event.subject_id},
    }
    return json.dumps(content, separators=(",", ":")).encode()


def headers_of(event: Event, body: bytes, signing: Sequence[Secret], now_s: float) -> dict[str, str]:
    """Return the headers of ``body``: one signature for each secret; none where there is no secret."""
    stamp = str(int(now_s))
    headers = {
        "content-type": "application/json",
        "user-agent": "sora-gateway",
        "webhook-id": event.id,
        "webhook-timestamp": stamp,
    }
    if signing:
        signed = f"{event.id}.{stamp}.".encode() + body
        headers["webhook-signature"] = " ".join(_signature(secret, signed) for secret in signing)
    return headers


def _signature(secret: Secret, signed: bytes) -> str:
    text = secret.reveal()
    key = base64.b64decode(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else text.encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# --- what a try leads to ----------------------------------------------------------------------------------


def after_try(delivery: Delivery, made: Try, delays_s: Sequence[float], chance: float) -> Delivery:
    """Return the delivery after a try: delivered, due again, or given up after the last delay.

    410 ends it at once. ``chance`` (0 to 1, random) lengthens the delay by up to a fifth, so that what
    failed together does not come back together.
    """
    attempts = delivery.attempts + 1
    after = replace(delivery, attempts=attempts, tries=(*delivery.tries[-_MOST_TRIES_KEPT + 1 :], made))
    if made.is_good:
        return replace(after, state=DeliveryState.DELIVERED)
    if made.status == 410:
        return given_up(after, "The receiver answered 410: it wants no more.")
    if attempts > len(delays_s):
        return given_up(after, f"No try of {attempts} succeeded; the last one: {made.outcome}")
    return replace(after, due_at=made.at + delays_s[attempts - 1] * (1 + _SPREAD * chance))


def given_up(delivery: Delivery, reason: str) -> Delivery:
    """Return the delivery as one that is not tried any more."""
    return replace(delivery, state=DeliveryState.FAILED, reason=reason)


def renewed(delivery: Delivery, now_s: float) -> Delivery:
    """Return the delivery as one that is due now, with all its tries before it."""
    return replace(delivery, state=DeliveryState.PENDING, due_at=now_s, attempts=0, reason=None)


def after_answer(endpoint: Endpoint, made: Try) -> Endpoint:
    """Return the endpoint after a try: disabled by 410, and when nothing succeeded for a day."""
    if made.is_good:
        return replace(endpoint, failing_since=None)
    if endpoint.disabled_at is not None:
        return endpoint
    if made.status == 410:
        return replace(endpoint, disabled_at=made.at, disabled_reason="It answered 410: it wants no more.")
    since = endpoint.failing_since if endpoint.failing_since is not None else made.at
    if made.at - since < DAY_S:
        return replace(endpoint, failing_since=since)
    reason = f"No delivery succeeded for a day; the last one: {made.outcome}"
    return replace(endpoint, failing_since=since, disabled_at=made.at, disabled_reason=reason)


# --- what callers give ------------------------------------------------------------------------------------


def new_signing_secret() -> Secret:
    """Return a fresh secret of 256 bits."""
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


def rotated(endpoint: Endpoint, secret: Secret, now_s: float, *, keeps_old: bool) -> Endpoint:
    """Return the endpoint with a new secret; the old one signs for a day more if ``keeps_old``."""
    return replace(
        endpoint,
        secret=secret,
        old_secret=endpoint.secret if keeps_old else None,
        old_until=now_s + DAY_S if keeps_old else None,
        updated_at=now_s,
    )


def changed(
    endpoint: Endpoint,
    now_s: float,
    *,
    name: str | None = None,
    url: str | None = None,
    event_types: tuple[EventType, ...] | None = None,
) -> Endpoint:
    """Return the endpoint with what is given changed, and enabled: whoever changes it has mended it."""
    return replace(
        endpoint,
        name=endpoint.name if name is None else name,
        url=endpoint.url if url is None else url,
        event_types=endpoint.event_types if event_types is None else event_types,
        updated_at=now_s,
        failing_since=None,
        disabled_at=None,
        disabled_reason=None,
    )


def read_url(value: object, *, param: str) -> str:
    """Return an address that can be posted to. Where it leads is checked when something is sent.

    Raises:
        GatewayError(invalid_request): no http(s) URL, too long, or with a user name or password.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise _refused(param, f"'{param}' must be a URL like https://example.com/hooks; it is {show(value)}.")
    if len(text) > _MAX_URL_CHARS:
        raise _refused(param, f"'{param}' has {len(text)} characters; {_MAX_URL_CHARS} are allowed.")
    try:
        parts = urlsplit(text)
        has_host, has_user, _ = bool(parts.hostname), parts.username is not None, parts.port
    except ValueError:
        raise _refused(
            param, f"'{param}' is no valid URL; it should look like https://example.com/hooks."
        ) from None
    is_printable = text.isprintable() and " " not in text
    if parts.scheme.lower() not in ("http", "https") or not has_host or not is_printable:
        raise _refused(param, f"'{param}' must be an http or https URL with a host; it is {show(text)}.")
    if has_user:
        raise _refused(param, f"'{param}' has a user name or a password in it; leave them out.")
    return text


def read_secret(value: object, *, param: str) -> Secret:
    """Return a secret that a caller chose: ``whsec_`` and base64, or any text, which is used as it is.

    Raises:
        GatewayError(invalid_request): neither, too short or too long; the message does not repeat it.
    """
    least, most = _SECRET_CHARS
    if not isinstance(value, str) or not least <= len(value) <= most or not value.isprintable():
        raise _refused(param, f"'{param}' must be a text of {least} to {most} characters.")
    if value.startswith(PREFIX):
        try:
            key = base64.b64decode(value.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not key:
            raise _refused(param, f"'{param}' begins with {PREFIX}, but base64 must follow, and it does not.")
    return Secret(value)


def read_name(value: object, *, param: str = "name") -> str:
    """Return the name of an endpoint.

    Raises:
        GatewayError(invalid_request): no text, empty or too long.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_NAME_CHARS:
        message = f"'{param}' must be a text of 1 to {_MAX_NAME_CHARS} characters; it is {show(value)}."
        raise _refused(param, message)
    return value.strip()


def read_event_type(value: object, *, param: str = "event_type") -> EventType:
    """Return one type of event.

    Raises:
        GatewayError(invalid_request): there is none of this name.
    """
    try:
        return EventType(value)  # type: ignore[arg-type]  # whatever it is not raises
    except ValueError:
        known = ", ".join(EventType)
        raise _refused(param, f"'{param}' has {show(value)}; there are {known}.") from None


def read_event_types(value: object, *, param: str = "event_types") -> tuple[EventType, ...]:
    """Return the types that an endpoint wants, each once.

    Raises:
        GatewayError(invalid_request): no list, empty, or with an unknown type.
    """
    if not isinstance(value, list) or not value:
        raise _refused(param, f"'{param}' must be a list of at least one of {', '.join(EventType)}.")
    return tuple(dict.fromkeys(read_event_type(item, param=param) for item in value))


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
