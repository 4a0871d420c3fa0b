"""Say in words how an account stands and why it gets no work. Pure, and for people only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sora_gateway.accounts.choice import admission
from sora_gateway.domain.accounts import Account, AccountState
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.ports.stores import Load

BUSY = "busy"
IDLE = Load(ours={}, foreign={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How many tasks of one kind may run at once, and how many do: ours, and those of other clients."""

    most: int
    ours: int
    foreign: int

    @property
    def free(self) -> int:
        """How many more may be given."""
        return max(0, self.most - self.ours - self.foreign)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why no work is given, and until when; None: until somebody does something, or something ends."""

    text: str
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an account stands. ``state`` is the account's, or ``busy``; ``why`` is empty if all is well."""

    state: str
    slots: Mapping[MediaKind, Slots]
    why: tuple[Obstacle, ...]


def standing(account: Account, load: Load, now_s: float) -> Standing:
    """Return how the account stands at ``now_s``."""
    slots = {kind: slots_of(account, load, kind) for kind in MediaKind}
    rest = _rest(account, now_s)
    if rest is not None:
        return Standing(state=account.state.value, slots=slots, why=(rest,))
    why = [taken for kind in MediaKind if (taken := _taken(slots[kind], kind)) is not None]
    spent = _spent(account, now_s)
    if spent is not None:
        why.append(spent)
    made = [slots[kind] for kind in (MediaKind.VIDEO, MediaKind.IMAGE) if slots[kind].most > 0]
    is_busy = bool(made) and all(one.free == 0 for one in made)
    return Standing(state=BUSY if is_busy else AccountState.READY.value, slots=slots, why=tuple(why))


def slots_of(account: Account, load: Load, kind: MediaKind) -> Slots:
    """Return the account's slots of ``kind``."""
    return Slots(most=account.room(kind), ours=load.ours.get(kind, 0), foreign=load.foreign.get(kind, 0))


def obstacle(
    request: GenerationRequest, account: Account, load: Load, now_s: float, avoid: Collection[str] = ()
) -> Obstacle | None:
    """Return why the account does not take ``request`` now; None: it would."""
    if account.state in (AccountState.DISABLED, AccountState.AUTH_FAILED):
        return _rest(account, now_s)
    never = admission(request, [account])
    if never is not None:
        return Obstacle(text=_never(request, account))
    if account.id in avoid:
        return Obstacle(text="it refused this job before")
    return (
        _rest(account, now_s)
        or (_spent(account, now_s) if request.kind is MediaKind.VIDEO else None)
        or _taken(slots_of(account, load, request.kind), request.kind)
    )


def _never(request: GenerationRequest, account: Account) -> str:
    if account.room(request.kind) == 0:
        return f"it has no slots for {request.kind.value}s"
    if not account.plan.covers(request.plan):
        return f"its plan is {account.plan.value}, and {request.plan.value} is needed"
    if request.groups:
        return f"it is in none of the groups {', '.join(request.groups)}"
    return "it works for other callers, or the job is bound to another account"


def _rest(account: Account, now_s: float) -> Obstacle | None:
    if account.is_usable(now_s):
        return None
    reason = account.reason or account.credential.trouble
    because = f": {reason}" if reason else ""
    match account.state:
        case AccountState.DISABLED:
            return Obstacle(text=f"it is disabled{because}")
        case AccountState.AUTH_FAILED:
            return Obstacle(text=f"its credential is not accepted any more{because}")
        case AccountState.EXHAUSTED:
            return Obstacle(text=f"it is exhausted{because}", until=account.until)
        case _:
            return Obstacle(text=f"it rests{because}", until=account.until)


def _spent(account: Account, now_s: float) -> Obstacle | None:
    if account.videos_remaining == 0 and (account.quota_resets_at or 0.0) > now_s:
        return Obstacle(text="its videos are used up", until=account.quota_resets_at)
    return None


def _taken(slots: Slots, kind: MediaKind) -> Obstacle | None:
    if slots.most == 0:
        return Obstacle(text=f"it has no slots for {kind.value}s")
    if slots.free > 0:
        return None
    others = f" and {slots.foreign} tasks of other clients" if slots.foreign else ""
    return Obstacle(
        text=f"no {kind.value} slot is free: of {slots.most}, {slots.ours} run jobs of this gateway{others}"
    )
