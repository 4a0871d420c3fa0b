"""Plug the adapters into the ports: the composition root."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Bounds
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.parameters import Policy
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.node import Node
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.redact import Secret
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.media.fetcher import SafeFetcher
from sora_gateway.media.inline import decode_inline
from sora_gateway.media.links import SignedLinks
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.stores import Store
from sora_gateway.ports.upstream import Upstream
from sora_gateway.settings import Settings
from sora_gateway.stores.embedded import EmbeddedServer
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore
from sora_gateway.surfaces.anthropic import errors as anthropic_errors
from sora_gateway.surfaces.anthropic import router as anthropic
from sora_gateway.surfaces.anthropic.models import routes as anthropic_models
from sora_gateway.surfaces.gemini import errors as gemini_errors
from sora_gateway.surfaces.gemini import router as gemini
from sora_gateway.surfaces.gemini.models import routes as gemini_models
from sora_gateway.surfaces.openai import errors as openai_errors
from sora_gateway.surfaces.openai import router as openai
from sora_gateway.surfaces.openai.models import routes as openai_models
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.upstream import SoraWeb
from sora_gateway.web import dispatch, errors, health, links, middleware, pace, planning, welcome
from sora_gateway.web.auth import Callers
from sora_gateway.web.dialect import Dialect
from sora_gateway.web.routes import mount
from sora_gateway.web.state import Services

log = get_logger(__name__)

_STORE_WAIT_S = 15.0
_BRIEF_STORE_WAIT_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The opened adapters. ``problems`` are reasons why this node may not work."""

    store: Store
    vault: LocalVault
    upstreams: dict[str, Upstream]
    link_secret: str
    problems: tuple[str, ...]


def create_app(settings: Settings) -> FastAPI:
    """Wire the application without any I/O; its lifespan opens and closes everything."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(open_house(settings))
            services, node = build_services(settings, house)
            app.state.services = services
            if house.problems:
                for problem in house.problems:
                    log.error("this node does not work", reason=problem)
            else:
                await stack.enter_async_context(node.running())
            yield

    app = FastAPI(
        title="sora-gateway",
        version=version("sora-gateway"),
        summary="OpenAI-compatible gateway for image and video generation.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    install_surfaces(
        app,
        max_body_bytes=settings.max_upload_mib * 2**20,
        idle_s=settings.client_idle_s,
        cors_origins=settings.cors_allowed,
    )
    return app


def install_surfaces(
    app: FastAPI,
    *,
    max_body_bytes: int,
    idle_s: float = middleware.IDLE_S,
    cors_origins: Collection[str] = (),
) -> None:
    """Give ``app`` every route, every dialect's errors and the middleware.

    Gemini's operations and files stand before the shared paths that would take them for a model or a file.
    """
    models = dispatch.models_router(
        {
            Dialect.OPENAI: openai_models.list_models,
            Dialect.ANTHROPIC: anthropic_models.list_models,
            Dialect.GEMINI: gemini_models.list_models,
        },
        {
            Dialect.OPENAI: openai_models.show_model,
            Dialect.ANTHROPIC: anthropic_models.show_model,
            Dialect.GEMINI: gemini_models.show_model,
        },
    )
    routers = (gemini.build_router(), models, openai.build_router(), anthropic.build_router())
    mount(app, welcome.router, health.router, links.router, *routers)
    renderers = {
        Dialect.OPENAI: openai_errors.render_error,
        Dialect.ANTHROPIC: anthropic_errors.render_error,
        Dialect.GEMINI: gemini_errors.render_error,
    }
    errors.install(app, renderers)
    planning.install(app)
    welcome.describe(app)
    app.add_middleware(pace.PaceHeaders)
    middleware.install(app, max_body_bytes=max_body_bytes, idle_s=idle_s, cors_origins=cors_origins)


@asynccontextmanager
async def open_house(settings: Settings, *, is_brief: bool = False) -> AsyncIterator[House]:
    """Open store, vault and backends, and close them again. ``is_brief``: see ``open_store``.

    Raises:
        GatewayError(store_unavailable): no store could be reached or started; the message says why.
        GatewayError(storage_unavailable): the media folder cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings, is_brief=is_brief))
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


@asynccontextmanager
async def open_store(settings: Settings, *, is_brief: bool = False) -> AsyncIterator[Store]:
    """Open the store alone: the server of the settings, else the embedded one (started, or joined).

    ``is_brief`` is for commands: an embedded server that they happen to start may outlive them, and is not
    brought back if it goes away.

    Raises:
        GatewayError(store_unavailable): no store could be reached or started; the message says why.
    """
    is_embedded = settings.redis_url is None
    async with AsyncExitStack() as stack:
        if settings.redis_url is not None:
            url = settings.redis_url.get_secret_value()
        else:
            server = EmbeddedServer(settings.data_dir, dies_with_us=not is_brief)
            url = await stack.enter_async_context(server)
            if not is_brief:
                await stack.enter_async_context(_kept(server))
        try:
            connection = connect(url, is_embedded=is_embedded)
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
        message = f"The store did not answer within {wait_s:.0f} s; check REDIS_URL and its server."
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, message) from None


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
        poll_fast_s=settings.sora_web_poll_fast_s,
        poll_slow_s=settings.sora_web_poll_slow_s,
    )


def engine_config(settings: Settings) -> EngineConfig:
    """Return the engine's part of the settings."""
    return EngineConfig(
        queue_limit=settings.queue_limit,
        retention_s=settings.media_retention_days * 86_400,
        file_retention_s=settings.file_retention_days * 86_400,
        max_input_bytes=settings.max_picture_mib * 2**20,
        passthrough_permissions=settings.permissions_of_passthrough,
        passthrough_bounds=Bounds(
            requests_per_minute=settings.passthrough_requests_per_minute,
            concurrent_jobs=settings.passthrough_concurrent_jobs,
        ),
        aliases=with_aliases(settings.aliases),
        webhook_delays_s=settings.webhook_delays,
        shutdown_grace_s=2.5,  # comes after the server's second for running answers; all must end in 5 s
    )


def build_services(
    settings: Settings, house: House, config: EngineConfig | None = None
) -> tuple[Services, Node]:
    """Return what the routes use, and the engine that must run for it; ``config`` is that of the settings."""
    media = LocalMediaTools()
    signed = SignedLinks(house.link_secret)
    fetcher = SafeFetcher(allow_private=settings.fetch_allow_private)
    node = Node(
        store=house.store,
        upstreams=house.upstreams,
        vault=house.vault,
        media=media,
        fetcher=fetcher,
        poster=fetcher,
        inline=lambda text, limit, param: decode_inline(text, limit_bytes=limit, param=param),
        links=signed,
        config=config or engine_config(settings),
        now=system_now,
    )

    async def readiness() -> Sequence[str]:
        if house.problems:
            return house.problems
        try:
            await house.store.ping()
        except GatewayError as error:
            return (error.message,)
        return ()

    services = Services(
        generations=node.generations,
        files=node.files,
        characters=node.characters,
        enhancer=node.enhancer,
        webhooks=node.webhooks,
        callers=Callers(house.store.licences, system_now, node.passthrough if settings.passthrough else None),
        usage=house.store.usage,
        vault=house.vault,
        tools=media,
        links=signed,
        now=system_now,
        policy=Policy(relax_25s=settings.relax_25s, aliases=with_aliases(settings.aliases)),
        public_url=settings.public_url,
        wait_max_s=settings.wait_max_s,
        is_working=not house.problems,
        readiness=readiness,
    )
    return services, node
