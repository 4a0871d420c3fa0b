"""Answer ``dry_run``: say what would be asked of the backend, and of which accounts, without a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.prices import cost
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.web.deps import services_of
from sora_gateway.web.routes import json_response


class PlannedError(Exception):
    """Ends a request that asked for a plan only: it is the answer in every dialect, with status 200."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__("planned")
        self.plan = plan


async def plan(request: Request, requests: Sequence[GenerationRequest], caller: Caller) -> dict[str, Any]:
    """Return what ``requests`` would do.

    Shape: ``{"object": "dry_run", "jobs": [{"model", "prompt", "kind", "size", "seconds", "units", "call":
    {"method", "path", "body", "before", "after"}, "accounts": [{"name", "plan", "state"}]}]}``; the first
    account is the one that would be asked now.

    Raises:
        GatewayError: as ``Generations.submit``.
    """
    services = services_of(request)
    generations = services.generations
    placed = await generations.admitted(requests, caller)
    jobs = []
    for asked in placed:
        accounts = await generations.candidates(asked)
        jobs.append(
            {
                "kind": asked.kind.value,
                "model": asked.model,
                "prompt": asked.prompt,
                "size": asked.size,
                "seconds": str(asked.total_s) if asked.duration_s is not None else None,
                "units": cost(asked, services.policy.prices),
                "call": dict(generations.describe(asked)),
                "accounts": [_shown(position, account) for position, account in enumerate(accounts, 1)],
            }
        )
    return {"object": "dry_run", "jobs": jobs}


def _shown(position: int, account: Account) -> dict[str, Any]:
    # Neither address nor id at the backend: callers are not operators.
    return {
        "name": account.name or f"account {position}",
        "plan": account.plan.value,
        "groups": list(account.groups),
        "state": account.state.value,
    }


async def _on_planned(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, PlannedError):
        raise error
    return json_response(error.plan)


def install(app: FastAPI) -> None:
    """Make ``app`` answer with plans."""
    app.add_exception_handler(PlannedError, _on_planned)
