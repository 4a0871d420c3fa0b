"""Open what the gateway works with: store, vault, backends. The part of the composition root without HTTP."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from sora_gateway.domain.errors import GatewayError
from sora_gateway.kit.redact import Secret
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.stores import Store
from sora_gateway.ports.upstream import Upstream
from sora_gateway.settings import Settings
from sora_gateway.store_access import open_store
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.upstream import SoraWeb

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The opened adapters. ``problems`` are reasons why this node may not work."""

    store: Store
    vault: LocalVault
    upstreams: dict[str, Upstream]
    link_secret: str
    problems: tuple[str, ...]


@asynccontextmanager
async def open_house(
    settings: Settings, *, is_brief: bool = False, is_guest: bool = False
) -> AsyncIterator[House]:
    """Open store, vault and backends, and close them again. ``is_brief``, ``is_guest``: see ``open_store``.

    Raises:
        GatewayError(store_unavailable): no store could be reached or started; the message says why.
        GatewayError(storage_unavailable): the media folder cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings, is_brief=is_brief, is_guest=is_guest))
        vault = LocalVault(settings.media_root)
        problems = []
        vault_id = await vault.open()
        on_record = await store.register_vault(vault_id)
        if on_record != vault_id:
            problems.append(
                f"This store belongs to another vault ({on_record}) than the media folder of this node "
                f"({vault_id}): share one folder between all nodes (SORA_GATEWAY_MEDIA_DIR)."
            )
        link_secret = secrets.token_urlsafe(32)
        try:
            link_secret = await store.secret("links", lambda: secrets.token_urlsafe(32))
        except GatewayError as error:
            problems.append(error.message)
        upstream = SoraWeb(sora_web_config(settings))
        stack.push_async_callback(upstream.aclose)
        upstreams: dict[str, Upstream] = {upstream.name: upstream}
        yield House(
            store=store, vault=vault, upstreams=upstreams, link_secret=link_secret, problems=tuple(problems)
        )


def sora_web_config(settings: Settings) -> SoraWebConfig:
    """Return the backend's part of the settings."""
    token = settings.sora_web_sentinel_token
    config = SoraWebConfig()
    return SoraWebConfig(
        base_url=settings.sora_web_base_url,
        session_url=settings.session_url,
        oauth_url=settings.oauth_url,
        sentinel_token=Secret(token.get_secret_value()) if token is not None else None,
        user_agent=settings.sora_web_user_agent or config.user_agent,
        media_hosts=tuple(host.strip() for host in settings.sora_web_media_hosts.split(",") if host.strip()),
        image_preset=settings.sora_web_image_preset,
        publish=settings.sora_web_publish,
        character_visibility=settings.sora_web_character_visibility,
        absence_over_s=settings.sora_web_absence_over_s,
        create_timeout_s=settings.sora_web_create_timeout_s,
        poll_fast_s=settings.sora_web_poll_fast_s,
        poll_slow_s=settings.sora_web_poll_slow_s,
    )
