"""Open a gateway's store by the library itself, as another node would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore


@asynccontextmanager
async def opened(socket: str) -> AsyncIterator[RedisStore]:
    """Open the store behind ``socket`` for jobs; secrets in it stay closed."""
    async with RedisStore(connect(f"unix://{socket}"), cipher=FernetCipher(["benchmark"])) as store:
        yield store
