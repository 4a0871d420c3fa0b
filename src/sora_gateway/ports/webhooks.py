"""The socket for webhooks: endpoints, which jobs owe an event, deliveries on their way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sora_gateway.domain.webhooks import Delivery, Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPage:
    """A piece of an owner's endpoints, and whether more follows."""

    endpoints: tuple[Endpoint, ...]
    has_more: bool


class WebhookStore(Protocol):
    """Endpoints with their secrets, and deliveries.

    A job whose end is an event is put on record as owing it in the very write that makes the job final, if
    its owner has an endpoint or its request names an address; it stays on record until ``settle_debt``.
    Deliveries are kept for 30 days.
    """

    async def add_endpoint(self, endpoint: Endpoint, *, most: int) -> bool:
        """Add it, unless its owner has ``most`` already (False). Repeating it is safe."""
        ...

    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return it."""
        ...

    async def endpoints_of(self, owner: str) -> Sequence[Endpoint]:
        """Return all of an owner's, oldest first."""
        ...

    async def endpoints(self) -> Sequence[Endpoint]:
        """Return everybody's, oldest first."""
        ...

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool
    ) -> EndpointPage | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them."""
        ...

    async def change_endpoint(
        self, endpoint_id: str, decide: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        """Apply ``decide`` by compare-and-set, repeating on conflict; None: no such endpoint."""
        ...

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        """Remove it; tell whether it was there."""
        ...

    def seal(self, text: str) -> str:
        """Return ``text`` encrypted, to be kept inside another record."""
        ...

    def unseal(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            GatewayError(internal): with another key.
        """
        ...

    async def claim_debts(self, limit: int, lease_s: float) -> Sequence[str]:
        """Return ids of jobs that owe an event, and put them off by ``lease_s``."""
        ...

    async def settle_debt(self, job_id: str, deliveries: Sequence[Delivery]) -> None:
        """Keep ``deliveries``, those that are there already as they are; the job owes nothing then."""
        ...

    async def claim_deliveries(self, limit: int, lease_s: float) -> Sequence[Delivery]:
        """Return deliveries that are due by store time, and put them off by ``lease_s``."""
        ...

    async def postpone(self, delivery: Delivery, delay_s: float) -> None:
        """Make a pending delivery due after ``delay_s``."""
        ...

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Add or replace them; the pending ones become due at their time, the others never."""
        ...

    async def deliveries_of(self, event_id: str) -> Sequence[Delivery]:
        """Return all deliveries of one event."""
        ...

    async def recent(self, limit: int, *, since: float = 0.0) -> Sequence[Delivery]:
        """Return the deliveries that were made last, the newest first, none made before ``since``."""
        ...
