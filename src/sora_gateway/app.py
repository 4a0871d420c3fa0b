"""Plug the adapters into the ports: the composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.licences import Bounds
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.parameters import Policy
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.node import Node
from sora_gateway.house import House, open_house
from sora_gateway.kit.clock import system_now
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.media.fetcher import SafeFetcher
from sora_gateway.media.inline import decode_inline
from sora_gateway.media.links import SignedLinks
from sora_gateway.settings import Settings
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
from sora_gateway.web import dispatch, errors, health, links, middleware, planning, welcome
from sora_gateway.web.auth import Callers
from sora_gateway.web.dialect import Dialect
from sora_gateway.web.routes import mount
from sora_gateway.web.state import Services
from sora_gateway.web.streaming import OpenAnswers
from sora_gateway.web.switchboard import Switchboard

log = get_logger(__name__)


def create_app(settings: Settings, *, is_guest: bool = False) -> FastAPI:
    """Wire the application without any I/O; its lifespan opens and closes everything.

    ``is_guest``: see ``open_store``.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(open_house(settings, is_guest=is_guest))
            services, node = build_services(settings, house)
            app.state.services = services
            app.state.hand_over = lambda: None
            if house.problems:
                for problem in house.problems:
                    log.error("this node does not work", reason=problem)
            else:
                await stack.enter_async_context(node.running())
                app.state.hand_over = node.stop
            yield

    app = FastAPI(
        title="sora-gateway",
        version=version("sora-gateway"),
        summary="OpenAI-compatible gateway for image and video generation.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # asked for anew at every request
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
    app.state.open_answers = OpenAnswers()
    errors.install(app, renderers)
    planning.install(app)
    welcome.describe(app)
    app.add_middleware(Switchboard, owner=app)
    middleware.install(app, max_body_bytes=max_body_bytes, idle_s=idle_s, cors_origins=cors_origins)


def engine_config(settings: Settings) -> EngineConfig:
    """Return the engine's part of the settings."""
    return EngineConfig(
        queue_limit=settings.queue_limit,
        prices=settings.price_list,
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
        shutdown_grace_s=3.5,  # from the signal on; all must end in 5 s
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
        policy=Policy(
            relax_25s=settings.relax_25s,
            aliases=with_aliases(settings.aliases),
            prices=settings.price_list,
        ),
        public_url=settings.public_url,
        accel_prefix=settings.accel_prefix,
        wait_max_s=settings.wait_max_s,
        is_working=not house.problems,
        readiness=readiness,
    )
    return services, node
