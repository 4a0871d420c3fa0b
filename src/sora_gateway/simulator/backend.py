"""Hold the parts of one simulated backend together, and open and close them."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sora_gateway.kit.clock import Now, system_now
from sora_gateway.kit.ids import new_secret
from sora_gateway.simulator.clock import SkewedClock
from sora_gateway.simulator.faults import FaultDesk
from sora_gateway.simulator.journal import Journal
from sora_gateway.simulator.links import LinkSigner
from sora_gateway.simulator.records import Account
from sora_gateway.simulator.render_cache import RenderCache
from sora_gateway.simulator.scenario import AccountSettings, Scenario
from sora_gateway.simulator.state import State
from sora_gateway.simulator.tokens import Identity, TokenMint

_USER_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True, kw_only=True)
class Backend:
    """One simulated backend. Everything runs on one event loop, so nothing here is locked."""

    scenario: Scenario
    clock: SkewedClock
    state: State
    mint: TokenMint
    links: LinkSigner
    renders: RenderCache
    faults: FaultDesk
    uploads_dir: Path
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, route: str, account: str | None) -> None:
        """Count one call of a route by an account."""
        self.calls[route, account or "-"] += 1

    def mint_for(self, account: Account) -> str:
        """Return a fresh access token of ``account``."""
        return _mint(self.mint, account.id, account.settings, self.clock())

    def enrol(self, settings: AccountSettings) -> Account:
        """Add an account with fresh credentials, or give the one of that name new settings."""
        known = self.state.account_named(settings.name)
        if known is not None:
            self.state.retune(known, settings)
            return self.state.accounts[known.id]
        now = self.clock()
        user_id = "user-" + "".join(secrets.choice(_USER_ID_CHARACTERS) for _ in range(24))
        account = Account(
            id=user_id,
            settings=settings,
            username=settings.username.replace("{name}", settings.name) if settings.username else None,
            created_at=now,
            access_token=_mint(self.mint, user_id, settings, now),
            session_token=new_secret("st_"),
            refresh_token=new_secret("rt_"),
        )
        self.state.add_account(account)
        return account


@contextlib.contextmanager
def open_backend(
    scenario: Scenario,
    *,
    media_origin: str,
    data_dir: Path | None = None,
    now: Now = system_now,
) -> Iterator[Backend]:
    """Open a backend; with a ``data_dir`` it remembers what it has answered for, even when killed.

    Raises:
        ValueError: the journal in ``data_dir`` is damaged.
    """
    with contextlib.ExitStack() as stack:
        room = data_dir
        if room is None:
            room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sora-simulator-")))
        uploads_dir = room / "uploads"
        uploads_dir.mkdir(parents=True, exist_ok=True)
        clock = SkewedClock(now, skew_s=scenario.clock_skew_s)
        secret = _secret(room / "secret")
        state = State(scenario, clock, Journal(room / "journal.jsonl" if data_dir else None))
        stack.callback(state.close)
        state.restore()
        bounds = scenario.rendering
        renders = RenderCache(room / "renders", workers=bounds.workers, most_bytes=bounds.cache_bytes)
        stack.callback(renders.close)
        backend = Backend(
            scenario=scenario,
            clock=clock,
            state=state,
            mint=TokenMint(secret),
            links=LinkSigner(secret, origin=media_origin, life_s=scenario.links.life_s),
            renders=renders,
            faults=FaultDesk(scenario.faults, seed=scenario.seed),
            uploads_dir=uploads_dir,
        )
        for settings in scenario.accounts:
            backend.enrol(settings)
        yield backend


def _mint(mint: TokenMint, user_id: str, settings: AccountSettings, now: float) -> str:
    identity = Identity(
        user_id=user_id,
        email=settings.email.replace("{name}", settings.name),
        plan=settings.plan,
        client_id=settings.client_id,
    )
    return mint.mint(identity, issued_at=now, life_s=settings.access_token_life_s)


def _secret(path: Path) -> bytes:
    """Return the secret in the file, made with mode 0600 when there is none or it was cut short."""
    with contextlib.suppress(FileNotFoundError):
        kept = path.read_bytes()
        if len(kept) == 32:
            return kept
    fresh = secrets.token_bytes(32)
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, fresh)
    finally:
        os.close(handle)
    draft.replace(path)
    return fresh
