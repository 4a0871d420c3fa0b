"""Open the store that the settings name: all that most commands need."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.ports.stores import Store
from sora_gateway.settings import Settings
from sora_gateway.stores.embedded import EmbeddedServer
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_STORE_WAIT_S = 15.0
_BRIEF_STORE_WAIT_S = 4.0


@asynccontextmanager
async def open_store(
    settings: Settings, *, is_brief: bool = False, is_guest: bool = False
) -> AsyncIterator[Store]:
    """Open the store alone: the server of the settings, else the embedded one (started, or joined).

    ``is_brief`` is for commands: an embedded server that they happen to start may outlive them, and is not
    brought back if it goes away. ``is_guest`` is for workers, who leave the embedded server to their parent.

    Raises:
        GatewayError(store_unavailable): no store could be reached or started; the message says why.
    """
    is_embedded = settings.redis_url is None
    async with AsyncExitStack() as stack:
        if settings.redis_url is not None:
            url = settings.redis_url.get_secret_value()
        else:
            server = EmbeddedServer(settings.data_dir, dies_with_us=not is_brief, is_guest=is_guest)
            url = await stack.enter_async_context(server)
            if not is_brief:
                await stack.enter_async_context(_kept(server))
        try:
            replicas = 0 if is_embedded else settings.store_replicas
            connection = connect(url, is_embedded=is_embedded, replicas=replicas)
        except ValueError as error:
            raise GatewayError(ErrorKind.STORE_UNAVAILABLE, f"REDIS_URL cannot be used. {error}") from error
        store = RedisStore(connection, cipher=FernetCipher([secret_key(settings), *settings.old_keys]))
        stack.push_async_callback(store.aclose)
        await _reachable(store, _BRIEF_STORE_WAIT_S if is_brief else _STORE_WAIT_S)
        yield store


@asynccontextmanager
async def _kept(server: EmbeddedServer) -> AsyncIterator[None]:
    """Bring the server back whenever it goes away while the block runs."""
    try:
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(server.keep(), name="store keeper")
            try:
                yield
            finally:
                keeper.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # the block's own error: the keeper only logs


def secret_key(settings: Settings) -> str:
    """Return the key that protects what is stored; made once where the operator set none."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir / "secret.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # whole or not at all, and the first one wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


async def _reachable(store: Store, wait_s: float) -> None:
    """Wait a little for a server that is still starting."""
    is_told = False
    try:
        async with asyncio.timeout(wait_s):
            while True:
                try:
                    return await store.ping()
                except GatewayError as error:
                    if not is_told:
                        log.warning("the store does not answer yet", error=error.message, wait_s=wait_s)
                    is_told = True
                await asyncio.sleep(0.5)
    except TimeoutError:
        message = (
            f"The store did not answer as a Redis server within {wait_s:.0f} s: check that REDIS_URL names "
            "one (Redis or Valkey), and that it runs."
        )
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, message) from None
