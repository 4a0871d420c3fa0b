"""The facade for webhooks: where callers want to hear how their jobs ended."""

from __future__ import annotations

from functools import partial

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.requests import Callback
from sora_gateway.domain.webhooks import (
    MOST_ENDPOINTS,
    Endpoint,
    Event,
    EventType,
    body_of,
    changed,
    headers_of,
    new_signing_secret,
    rotated,
)
from sora_gateway.kit.clock import Now
from sora_gateway.kit.ids import new_id
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.media import Poster
from sora_gateway.ports.webhooks import EndpointPage, WebhookStore

_PREFIX = "we"


class Webhooks:
    """Keeps endpoints. A caller sees only his own; another's is ``not_found``."""

    def __init__(self, store: WebhookStore, poster: Poster, now: Now, answer_s: float) -> None:
        self._store = store
        self._poster = poster
        self._now = now
        self._answer_s = answer_s

    async def create(
        self, caller: Caller, *, name: str, url: str, event_types: tuple[EventType, ...]
    ) -> Endpoint:
        """Add an endpoint with a fresh secret.

        Raises:
            GatewayError(invalid_request): the caller has as many as are allowed.
        """
        now_s = self._now()
        endpoint = Endpoint(
            id=new_id(_PREFIX, self._now),
            owner=caller.licence_id,
            name=name,
            url=url,
            event_types=event_types,
            secret=new_signing_secret(),
            created_at=now_s,
            updated_at=now_s,
        )
        if not await self._store.add_endpoint(endpoint, most=MOST_ENDPOINTS):
            message = (
                f"You have {MOST_ENDPOINTS} webhook endpoints, which are all that is allowed; delete one."
            )
            raise GatewayError(ErrorKind.INVALID_REQUEST, message)
        return endpoint

    async def get(self, endpoint_id: str, caller: Caller) -> Endpoint:
        """Return the endpoint.

        Raises:
            GatewayError(not_found): unknown, deleted or another's.
        """
        endpoint = await self._store.endpoint(endpoint_id)
        if endpoint is None or endpoint.owner != caller.licence_id:
            raise _unknown(endpoint_id)
        return endpoint

    async def page(self, caller: Caller, *, after: str | None, limit: int, ascending: bool) -> EndpointPage:
        """Return a piece of the caller's endpoints by creation time.

        Raises:
            GatewayError(not_found): ``after`` is not one of them.
        """
        page = await self._store.page(caller.licence_id, after=after, limit=limit, ascending=ascending)
        if page is None:
            message = f"'after' names no webhook endpoint of yours: '{(after or '')[:80]}'."
            raise GatewayError(ErrorKind.NOT_FOUND, message, param="after")
        return page

    async def update(
        self,
        endpoint_id: str,
        caller: Caller,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: tuple[EventType, ...] | None = None,
    ) -> Endpoint:
        """Change what is given; a disabled endpoint is enabled by it.

        Raises:
            GatewayError(not_found): as ``get``.
        """
        await self.get(endpoint_id, caller)
        decide = partial(changed, now_s=self._now(), name=name, url=url, event_types=event_types)
        return _there(await self._store.change_endpoint(endpoint_id, decide), endpoint_id)

    async def rotate(self, endpoint_id: str, caller: Caller, *, keeps_old: bool) -> Endpoint:
        """Give it a new secret; with ``keeps_old`` the old one signs beside it for 24 h.

        Raises:
            GatewayError(not_found): as ``get``.
        """
        await self.get(endpoint_id, caller)
        secret, now_s = new_signing_secret(), self._now()

        def decide(endpoint: Endpoint) -> Endpoint:
            return rotated(endpoint, secret, now_s, keeps_old=keeps_old)

        return _there(await self._store.change_endpoint(endpoint_id, decide), endpoint_id)

    async def delete(self, endpoint_id: str, caller: Caller) -> None:
        """Remove it; what was on its way to it is not sent any more.

        Raises:
            GatewayError(not_found): as ``get``.
        """
        await self.get(endpoint_id, caller)
        await self._store.remove_endpoint(endpoint_id)

    async def test(self, endpoint_id: str, caller: Caller, event_type: EventType) -> int:
        """Send an event about a job that does not exist, once, and return the status of the answer.

        Raises:
            GatewayError(not_found): as ``get``.
            GatewayError(invalid_request): there was no answer; the text says why.
        """
        endpoint = await self.get(endpoint_id, caller)
        now_s = self._now()
        subject = f"{event_type.partition('.')[0]}_test"
        event = Event(
            id=new_id("evt", self._now),
            type=event_type,
            created_at=now_s,
            subject_id=subject,
            job_id=subject,
            owner=endpoint.owner,
        )
        body = body_of(event)
        headers = headers_of(event, body, endpoint.secrets_at(now_s), now_s)
        return await self._poster.post(endpoint.url, body, headers, timeout_s=self._answer_s)

    def callback(self, url: str, secret: Secret | None) -> Callback:
        """Return what a request carries so that its own end is told to ``url``."""
        sealed = None if secret is None else self._store.seal(secret.reveal())
        return Callback(url=url, sealed=sealed)


def _there(endpoint: Endpoint | None, endpoint_id: str) -> Endpoint:
    if endpoint is None:
        raise _unknown(endpoint_id)
    return endpoint


def _unknown(endpoint_id: str) -> GatewayError:
    message = f"No webhook endpoint with id '{endpoint_id[:80]}' exists."
    return GatewayError(ErrorKind.NOT_FOUND, message, param="webhook_endpoint_id")
