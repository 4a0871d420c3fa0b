"""What the composition root hands to every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sora_gateway.domain.parameters import DEFAULT_POLICY, Policy
from sora_gateway.engine.characters import Characters
from sora_gateway.engine.enhancing import Enhancer
from sora_gateway.engine.files import Files
from sora_gateway.engine.generations import Generations
from sora_gateway.engine.webhooks import Webhooks
from sora_gateway.kit.clock import Now
from sora_gateway.ports.media import Links, MediaTools, Vault
from sora_gateway.ports.usage import UsageStore
from sora_gateway.web.auth import Callers


async def always_ready() -> Sequence[str]:
    """Return no reason against serving."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The open doors of the house, put on ``app.state.services`` by the composition root.

    ``public_url`` is how callers reach the gateway from outside (links begin with it); None takes the
    request's own origin. ``wait_max_s`` bounds answers that wait for a job, ``link_s`` how long a
    link made before the result is there stays good. ``is_working`` False refuses all work: the
    node has the wrong vault or key. ``readiness`` returns the reasons why this node should get no requests.
    ``accel_prefix``: see ``web.files.StoredSource``.
    """

    generations: Generations
    files: Files
    characters: Characters
    enhancer: Enhancer
    webhooks: Webhooks
    callers: Callers
    usage: UsageStore
    vault: Vault
    tools: MediaTools
    links: Links
    now: Now
    policy: Policy = DEFAULT_POLICY
    public_url: str | None = None
    wait_max_s: float = 270.0
    accel_prefix: str | None = None
    ping_s: float = 12.0
    link_s: float = 24 * 3600.0
    is_working: bool = True
    readiness: Callable[[], Awaitable[Sequence[str]]] = always_ready
