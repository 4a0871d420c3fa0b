"""The control API under ``/simulator/``, which is ours and no part of the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sora_gateway.simulator.characters import cameo_status
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.fault_rules import FAULT
from sora_gateway.simulator.records import Account, Cameo
from sora_gateway.simulator.routes_auth import describe
from sora_gateway.simulator.scenario import AccountSettings
from sora_gateway.simulator.shelf import Entry
from sora_gateway.simulator.timeline import effective_outcome
from sora_gateway.simulator.tokens import expiry

_T = TypeVar("_T")


class _Advance(BaseModel):
    model_config = ConfigDict(extra="forbid")

    advance_s: float = Field(ge=0)


async def home(call: Call) -> Answer:
    """``GET /``: what this is."""
    return json_answer(
        {
            "name": "sora-gateway simulator",
            "what": "A stateful server of the Sora web protocol that renders real media.",
            "scenario": call.backend.scenario.name,
            "backend": "/backend",
            "media_origin": call.backend.links.origin,
            "control": [
                "GET /simulator/ledger?account=&prompt_contains=",
                "GET /simulator/characters?account=",
                "GET /simulator/counts?reset=1",
                "GET|POST /simulator/accounts",
                "GET|POST|DELETE /simulator/faults, DELETE /simulator/faults/{id}",
                "GET|POST /simulator/clock {advance_s}",
                "GET /simulator/scenario",
                "GET /healthz",
            ],
        }
    )


async def healthz(call: Call) -> Answer:
    """``GET /healthz``."""
    del call
    return json_answer({"status": "ok"})


async def ledger(call: Call) -> Answer:
    """``GET /simulator/ledger``: every accepted creation, oldest first."""
    name, part = call.query.get("account"), call.query.get("prompt_contains", "")
    rows = [_row(call, entry) for entry in call.backend.state.tasks.values() if part in entry.task.prompt]
    return json_answer({"items": [row for row in rows if name is None or row["account"] == name]})


async def characters(call: Call) -> Answer:
    """``GET /simulator/characters``: every accepted cameo with what became of it, oldest first."""
    name = call.query.get("account")
    rows = [_cameo_row(call, cameo) for cameo in call.backend.state.cameos.values()]
    return json_answer({"items": [row for row in rows if name is None or row["account"] == name]})


async def counts(call: Call) -> Answer:
    """``GET /simulator/counts``: calls by route and account; ``?reset=1`` starts anew after this answer."""
    calls = call.backend.calls
    rows = [
        {"route": route, "account": account, "calls": number}
        for (route, account), number in sorted(calls.items())
    ]
    total = calls.total()
    if "reset" in call.query:
        calls.clear()
    return json_answer({"items": rows, "total": total})


async def list_accounts(call: Call) -> Answer:
    """``GET /simulator/accounts``: every account with living credentials."""
    return json_answer({"items": [_describe(call, item) for item in call.backend.state.accounts.values()]})


async def add_account(call: Call) -> Answer:
    """``POST /simulator/accounts``: settings as in a scenario; a known name gets the new settings."""
    settings = _checked(AccountSettings.model_validate, call.json())
    account = call.backend.enrol(settings)
    return json_answer(_describe(call, account), status=201)


async def list_faults(call: Call) -> Answer:
    """``GET /simulator/faults``: the rules in force with their counters."""
    return json_answer({"items": call.backend.faults.listing()})


async def add_fault(call: Call) -> Answer:
    """``POST /simulator/faults``: one rule as in a scenario."""
    rule = call.backend.faults.add(_checked(FAULT.validate_python, call.json()))
    return json_answer(rule.model_dump(mode="json"), status=201)


async def clear_faults(call: Call) -> Answer:
    """``DELETE /simulator/faults``: lift all rules."""
    call.backend.faults.clear()
    return Answer(status=204, content_type=None)


async def remove_fault(call: Call) -> Answer:
    """``DELETE /simulator/faults/{id}``: lift one rule."""
    if not call.backend.faults.remove(call.params["id"]):
        raise refusal("not_found")
    return Answer(status=204, content_type=None)


async def read_clock(call: Call) -> Answer:
    """``GET /simulator/clock``."""
    return json_answer({"now": call.backend.clock(), "skew_s": call.backend.clock.skew_s})


async def advance_clock(call: Call) -> Answer:
    """``POST /simulator/clock``: skew the simulator's time forward."""
    call.backend.state.advance_clock(_checked(_Advance.model_validate, call.json()).advance_s)
    return await read_clock(call)


async def show_scenario(call: Call) -> Answer:
    """``GET /simulator/scenario``: the data in force."""
    return json_answer(call.backend.scenario.model_dump(mode="json"))


def _checked(validate: Callable[[Any], _T], body: dict[str, Any]) -> _T:
    try:
        return validate(body)
    except ValidationError as error:
        raise invalid(str(error)) from None


def _describe(call: Call, account: Account) -> dict[str, Any]:
    is_alive = expiry(account.access_token) > call.now
    return describe(account, account.access_token if is_alive else call.backend.mint_for(account))


def _row(call: Call, entry: Entry) -> dict[str, Any]:
    task, now = entry.task, call.now
    is_over = now >= entry.schedule.ends_at
    return {
        "task_id": task.id,
        "account": call.backend.state.accounts[task.account_id].name,
        "kind": task.kind,
        "prompt": task.prompt,
        "body": task.body,
        "created_at": task.created_at,
        "ends_at": entry.schedule.ends_at,
        "status": entry.schedule.standing(now).status,
        "outcome": effective_outcome(task) if is_over else None,
        "cost": task.cost,
        "seconds": task.seconds,
        "width": task.width_px,
        "height": task.height_px,
        "generation_ids": list(task.generation_ids),
        "characters": [member.username for member in task.cast],
        "remix_target_id": task.remixed.target_id if task.remixed else None,
        "extended_id": task.extended_id,
    }


def _cameo_row(call: Call, cameo: Cameo) -> dict[str, Any]:
    state = call.backend.state
    living = state.character_of(cameo.id)
    dead = [item for item in state.deleted_characters.values() if item.cameo_id == cameo.id]
    character = living or (dead[-1] if dead else None)
    return {
        "cameo_id": cameo.id,
        "account": state.accounts[cameo.account_id].name,
        "source": cameo.source,
        "timestamps": [cameo.start_s, cameo.end_s],
        "created_at": cameo.created_at,
        "status": cameo_status(cameo, call.backend.scenario.characters, call.now),
        "failure": cameo.failure,
        "character_id": character.id if character else None,
        "username": character.username if character else None,
        "display_name": character.display_name if character else None,
        "visibility": character.visibility if character else None,
        "is_deleted": character is not None and living is None,
    }


def _route(method: str, template: str, handler: Callable[[Call], Any]) -> Route:
    return Route(method=method, template=template, handler=handler, needs_bearer=False, is_control=True)


ROUTES = (
    _route("GET", "/", home),
    _route("GET", "/healthz", healthz),
    _route("GET", "/simulator/ledger", ledger),
    _route("GET", "/simulator/characters", characters),
    _route("GET", "/simulator/counts", counts),
    _route("GET", "/simulator/accounts", list_accounts),
    _route("POST", "/simulator/accounts", add_account),
    _route("GET", "/simulator/faults", list_faults),
    _route("POST", "/simulator/faults", add_fault),
    _route("DELETE", "/simulator/faults", clear_faults),
    _route("DELETE", "/simulator/faults/{id}", remove_fault),
    _route("GET", "/simulator/clock", read_clock),
    _route("POST", "/simulator/clock", advance_clock),
    _route("GET", "/simulator/scenario", show_scenario),
)
