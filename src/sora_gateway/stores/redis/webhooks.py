"""Keep webhooks: endpoints with encrypted secrets, which jobs owe an event, and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.webhooks import Delivery, DeliveryState, Endpoint
from sora_gateway.ports.webhooks import EndpointPage
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import Cipher
from sora_gateway.stores.redis.codec import Codec
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.owned import OwnedRecords
from sora_gateway.stores.redis.scripting import load

_ROOM = "webhooks"

_ADD = load("endpoint_add")
_SWAP = load("swap")
_CLAIM = load("claim_collects")
_POSTPONE = load("postpone_collect")
_KEEP = load("delivery_keep")
_MOST_TRIES = 200
_LONGEST_LEASE_S = 3600.0
_LONGEST_DELAY_S = 2 * 24 * 3600.0


class RedisWebhooks:
    """Implements ``ports.webhooks.WebhookStore``."""

    def __init__(self, connection: Connection, cipher: Cipher) -> None:
        self._connection = connection
        self._cipher = cipher
        self._endpoints = Codec(Endpoint, cipher)
        self._deliveries = Codec(Delivery)
        self._records = OwnedRecords(connection, _ROOM, self._endpoints)

    # --- endpoints -----------------------------------------------------------------------------------------

    async def add_endpoint(self, endpoint: Endpoint, *, most: int) -> bool:
        """Add it, unless its owner has ``most`` already (False). Repeating it is safe."""
        names = (keys.records(_ROOM, ""), keys.endpoints_of(endpoint.owner))
        text = self._endpoints.encode(endpoint)
        args = (endpoint.id, text, repr(endpoint.created_at), most)
        return bool(await self._connection.run(_ADD, names, args))

    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return it."""
        return await self._records.get(endpoint_id)

    async def endpoints_of(self, owner: str) -> Sequence[Endpoint]:
        """Return all of an owner's, oldest first."""
        page = await self._records.page(owner, after=None, limit=10_000, ascending=True)
        return page.records if page is not None else ()

    async def endpoints(self) -> Sequence[Endpoint]:
        """Return everybody's, oldest first."""
        texts = await self._connection.call("HVALS", keys.records(_ROOM, ""))
        found = [self._endpoints.decode(text) for text in texts]
        return sorted(found, key=lambda endpoint: (endpoint.created_at, endpoint.id))

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool
    ) -> EndpointPage | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them."""
        page = await self._records.page(owner, after=after, limit=limit, ascending=ascending)
        return None if page is None else EndpointPage(endpoints=page.records, has_more=page.has_more)

    async def change_endpoint(
        self, endpoint_id: str, decide: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        """Apply ``decide`` by compare-and-set, repeating on conflict; None: no such endpoint."""
        room = keys.records(_ROOM, "")
        text = await self._connection.call("HGET", room, endpoint_id)
        for _ in range(_MOST_TRIES):
            if text is None:
                return None
            before = self._endpoints.decode(text)
            after = decide(before)
            if after == before:
                return before
            args = (endpoint_id, text, self._endpoints.encode(after))
            answer = await self._connection.run(_SWAP, (room,), args)
            if answer[0] == "done":
                return after
            text = answer[1] if answer[0] == "stale" else None
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The endpoint changes too often.", retry_after_s=1.0)

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        """Remove it; tell whether it was there."""
        return await self._records.remove(endpoint_id)

    def seal(self, text: str) -> str:
        """Return ``text`` encrypted, to be kept inside another record."""
        return self._cipher.encrypt(text)

    def unseal(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            GatewayError(internal): with another key.
        """
        return self._cipher.decrypt(sealed)

    # --- events and deliveries -----------------------------------------------------------------------------

    async def claim_debts(self, limit: int, lease_s: float) -> Sequence[str]:
        """Return ids of jobs that owe an event, and put them off by ``lease_s``."""
        args = (limit, lease_s, _LONGEST_LEASE_S)
        due: list[str] = await self._connection.run(_CLAIM, (keys.EVENTS_OWED,), args)
        return due

    async def settle_debt(self, job_id: str, deliveries: Sequence[Delivery]) -> None:
        """Keep ``deliveries``, those that are there already as they are; the job owes nothing then.

        A crash between the two is harmless: the debt is found again, and its deliveries as well.
        """
        await self._keep(deliveries, is_new=True)
        await self._connection.call("ZREM", keys.EVENTS_OWED, job_id)

    async def claim_deliveries(self, limit: int, lease_s: float) -> Sequence[Delivery]:
        """Return deliveries that are due by store time, and put them off by ``lease_s``."""
        names = await self._connection.run(_CLAIM, (keys.DELIVERIES_DUE,), (limit, lease_s, _LONGEST_DELAY_S))
        texts = await self._texts(names)
        over = [name for name, text in zip(names, texts, strict=True) if text is None]
        if over:
            await self._connection.call("ZREM", keys.DELIVERIES_DUE, *over)
        found = [self._deliveries.decode(text) for text in texts if text is not None]
        return [delivery for delivery in found if delivery.state is DeliveryState.PENDING]

    async def postpone(self, delivery: Delivery, delay_s: float) -> None:
        """Make a pending delivery due after ``delay_s``."""
        await self._connection.run(_POSTPONE, (keys.DELIVERIES_DUE,), (_name(delivery), delay_s))

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Add or replace them; the pending ones become due at their time, the others never."""
        await self._keep(deliveries, is_new=False)

    async def deliveries_of(self, event_id: str) -> Sequence[Delivery]:
        """Return all deliveries of one event."""
        texts = await self._connection.call("HVALS", keys.deliveries(event_id))
        found = [self._deliveries.decode(text) for text in texts]
        return sorted(found, key=lambda delivery: (delivery.created_at, delivery.target))

    async def recent(self, limit: int, *, since: float = 0.0) -> Sequence[Delivery]:
        """Return the deliveries that were made last, the newest first, none made before ``since``."""
        command = ("ZREVRANGEBYSCORE", keys.DELIVERIES_MADE, "+inf", repr(since), "LIMIT", 0, limit)
        names = await self._connection.call(*command)
        texts = await self._texts(names)
        return [self._deliveries.decode(text) for text in texts if text is not None]

    async def _keep(self, deliveries: Sequence[Delivery], *, is_new: bool) -> None:
        for delivery in deliveries:
            names = (keys.DELIVERIES_DUE, keys.DELIVERIES_MADE, keys.deliveries(delivery.event.id))
            due = repr(delivery.due_at) if delivery.state is DeliveryState.PENDING else ""
            args = (
                delivery.target,
                _name(delivery),
                self._deliveries.encode(delivery),
                due,
                repr(delivery.created_at),
                keys.DELIVERIES_S,
                "new" if is_new else "any",
            )
            await self._connection.run(_KEEP, names, args)

    async def _texts(self, names: Sequence[str]) -> list[str | None]:
        fields = [name.partition(" ") for name in names]
        return await self._connection.pipeline(
            [("HGET", keys.deliveries(event_id), target) for event_id, _, target in fields]
        )


def _name(delivery: Delivery) -> str:
    return f"{delivery.event.id} {delivery.target}"
