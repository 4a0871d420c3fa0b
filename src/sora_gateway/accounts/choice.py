"""Order the accounts that can take a request, or say why none ever could."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sora_gateway.domain.accounts import BUILT_IN_GROUPS, Account, AccountState, Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.ports.stores import Load

_OUT_OF_SERVICE = frozenset({AccountState.AUTH_FAILED, AccountState.DISABLED})


def choose(
    request: GenerationRequest,
    accounts: Sequence[Account],
    loads: Mapping[str, Load],
    now_s: float,
    avoid: Collection[str] = (),
) -> list[Account]:
    """Return the accounts that can take ``request`` now, the best first; empty: it has to wait.

    Fewest entitlements beyond the request's need come first, so that a Pro account is kept for what only it
    can do; then the least busy; then the one unused for longest; then by id. An account without an entry in
    ``loads`` is idle.
    """
    kind = request.kind
    used = {account.id: _used(loads.get(account.id), kind) for account in accounts}
    fitting = [
        account
        for account in allowed(request, accounts)
        if account.id not in avoid
        and _is_entitled(account, request)
        and _is_usable(account, request, now_s)
        and used[account.id] < account.room(kind)
    ]

    def order(account: Account) -> tuple[int, float, float, str]:
        busy = used[account.id] / account.room(kind)
        last_used_at = account.last_used_at if account.last_used_at is not None else float("-inf")
        return (_entitlements(account), busy, last_used_at, account.id)

    return sorted(fitting, key=order)


def admission(request: GenerationRequest, accounts: Sequence[Account]) -> GatewayError | None:
    """Return why no account could ever run ``request``, or None if one could, be it busy or cooling now.

    The kinds are ``no_account`` (none of the kind is configured, or all are disabled or auth_failed),
    ``invalid_request`` (no such group) and ``account_plan_required`` (none of the groups or of the plan).
    """
    serving = [
        account
        for account in allowed(request, accounts)
        if account.state not in _OUT_OF_SERVICE and account.room(request.kind) > 0
    ]
    if not serving and any(account.owner is not None for account in allowed(request, accounts)):
        return GatewayError(
            ErrorKind.NO_ACCOUNT,
            f"Your own account makes no {request.kind.value}s at the moment: the backend refuses its "
            "credential, or the operator has disabled it.",
        )
    if not serving and request.account_id is not None:
        return GatewayError(
            ErrorKind.NO_ACCOUNT,
            "The only account that can make this, because it holds what the request starts from, is not in "
            "service; the operator has to look at it.",
        )
    if not serving:
        return GatewayError(
            ErrorKind.NO_ACCOUNT,
            f"No account that makes {request.kind.value}s is in service; the operator has to add one.",
        )
    grouped = [account for account in serving if _is_in_group(account, request)]
    if not grouped:
        return _no_group(request, serving)
    if not any(account.plan.covers(request.plan) for account in grouped):
        if request.account_id is not None:
            return GatewayError(
                ErrorKind.ACCOUNT_PLAN_REQUIRED,
                f"This ({_reason(request)}) needs the plan '{request.plan.value}', but what the request "
                f"starts from lies on an account with the plan '{grouped[0].plan.value}'.",
                param=_field(request),
            )
        where = f" in the groups {', '.join(request.groups)}" if request.groups else ""
        return GatewayError(
            ErrorKind.ACCOUNT_PLAN_REQUIRED,
            f"The request with model '{request.model}' needs an account with the plan '{request.plan.value}' "
            f"({_reason(request)}) and there is none{where}.",
            param="model",
        )
    return None


def allowed(request: GenerationRequest, accounts: Sequence[Account]) -> Sequence[Account]:
    """Return the accounts that ``request`` may use at all, be they fit for it or not."""
    if request.account_id is None:
        # An account with an owner works for him alone, whose requests name it.
        return [account for account in accounts if account.owner is None]
    return [account for account in accounts if account.id == request.account_id]


def _field(request: GenerationRequest) -> str:
    return "hd" if request.hd else "model" if request.pro else "seconds"


def _reason(request: GenerationRequest) -> str:
    if request.hd:
        return "hd"
    return "pro" if request.pro else f"{request.duration_s} seconds"


def _no_group(request: GenerationRequest, serving: list[Account]) -> GatewayError:
    asked = ", ".join(request.groups)
    present = sorted({group for account in serving for group in _groups(account)})
    existing = f"Groups with accounts: {', '.join(present)}."
    if BUILT_IN_GROUPS.isdisjoint(request.groups):
        message = (
            f"The model '{request.model}' asks for account groups that do not exist: {asked}. {existing}"
        )
        return GatewayError(ErrorKind.INVALID_REQUEST, message, param="model")
    message = f"The model '{request.model}' asks for account groups without an account: {asked}. {existing}"
    return GatewayError(ErrorKind.ACCOUNT_PLAN_REQUIRED, message, param="model")


def _groups(account: Account) -> frozenset[str]:
    return frozenset({account.plan.value, *account.groups})


def _is_in_group(account: Account, request: GenerationRequest) -> bool:
    return not request.groups or not _groups(account).isdisjoint(request.groups)


def _is_entitled(account: Account, request: GenerationRequest) -> bool:
    return account.plan.covers(request.plan) and _is_in_group(account, request)


def _is_usable(account: Account, request: GenerationRequest, now_s: float) -> bool:
    # The backend counts videos of Sora 2 apart: with those used up, the rest goes on.
    has_no_videos = account.videos_remaining == 0 and (account.quota_resets_at or 0.0) > now_s
    if has_no_videos and request.kind is MediaKind.VIDEO and request.family is Family.VIDEO2:
        return False
    if has_no_videos and account.state is AccountState.EXHAUSTED:
        return True
    return account.is_usable(now_s)


def _used(load: Load | None, kind: MediaKind) -> int:
    return load.ours.get(kind, 0) + load.foreign.get(kind, 0) if load is not None else 0


def _entitlements(account: Account) -> int:
    return sum(account.plan.covers(plan) for plan in Plan)
