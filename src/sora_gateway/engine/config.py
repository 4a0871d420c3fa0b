"""Name the engine's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sora_gateway.domain.advance import Limits
from sora_gateway.domain.licences import NO_BOUNDS, Bounds, Permission
from sora_gateway.domain.model_names import DEFAULT_ALIASES, Alias
from sora_gateway.domain.prices import DEFAULT_PRICES, Prices
from sora_gateway.domain.webhooks import DELAYS_S


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Times in seconds, counts per node unless said otherwise."""

    limits: Limits = field(default_factory=Limits)
    lease_s: float = 12.0
    heartbeat_s: float = 4.0
    lease_margin_s: float = 3.0
    send_window_s: float = 3.0
    shutdown_grace_s: float = 4.0
    lanes: int = 1000
    submissions: int = 64
    collects: int = 8
    collect_lease_s: float = 15.0
    queue_limit: int = 10_000
    prices: Prices = DEFAULT_PRICES
    retention_s: float = 7 * 24 * 3600.0
    file_retention_s: float = 30 * 24 * 3600.0
    max_input_bytes: int = 20 * 1024 * 1024
    lost_reads: int = 5
    lost_after_s: float = 120.0
    upstream_call_s: float = 60.0
    prepare_s: float = 120.0
    account_gone_s: float = 10.0
    renew_every_s: float = 30.0
    renew_spacing_s: float = 600.0
    renew_retry_s: float = 60.0
    renew_call_s: float = 60.0
    renew_wait_s: float = 10.0
    renew_keep_s: float = 600.0
    passthrough_permissions: frozenset[Permission] = frozenset(Permission)
    passthrough_bounds: Bounds = NO_BOUNDS
    aliases: Mapping[str, Alias] = field(default_factory=lambda: DEFAULT_ALIASES)
    character_s: float = 900.0
    character_tries: int = 3
    webhook_every_s: float = 1.0
    webhook_posts: int = 16
    webhook_posts_each: int = 4
    webhook_answer_s: float = 15.0
    webhook_lease_s: float = 20.0
    webhook_delays_s: tuple[float, ...] = DELAYS_S
