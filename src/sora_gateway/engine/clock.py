"""Tell the time as the store does, so that nodes with different clocks agree."""

from __future__ import annotations

from sora_gateway.kit.clock import Now
from sora_gateway.ports.stores import Store


class StoreClock:
    """This machine's clock, corrected by its distance from the store's."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._offset_s = 0.0

    def __call__(self) -> float:
        return self._now() + self._offset_s

    async def sync(self) -> float:
        """Measure the distance anew and return it in seconds; half a round trip is its error."""
        asked_at = self._now()
        server_s = await self._store.time()
        self._offset_s = server_s - (asked_at + self._now()) / 2
        return self._offset_s
