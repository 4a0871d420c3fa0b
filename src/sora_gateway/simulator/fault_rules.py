"""The rows of a scenario's ``faults``: what goes wrong, where, how often.

A new kind of fault is a new class here, a member of ``Fault`` and a branch in ``faults.py``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Outcome = Literal[
    "success",
    "violation",
    "error",
    "fail_pending",
    "late_url",
    "late_draft",
    "vanish",
    "stuck",
    "unsafe",
    "refuse",
]
"""How a task ends: see ``timeline``."""


class FaultRule(BaseModel):
    """Which calls a fault strikes.

    ``route`` is a method (or ``*``) and a glob over the route's template or the called path, without
    the ``/backend`` prefix: ``POST /nf/create``, ``* /nf/*``, ``GET /az/*``.

    ``after`` matching calls pass first, then at most ``times`` are struck (``null``: all of them).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = ""
    route: str = "* *"
    account: str | None = None
    prompt_contains: str | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=1, ge=1)


class Latency(FaultRule):
    """Answer late, but properly."""

    kind: Literal["latency"]
    seconds: float = Field(ge=0)


class Reset(FaultRule):
    """Reset the connection before anything is processed."""

    kind: Literal["reset"]


class LoseAnswer(FaultRule):
    """Process the call fully, then close the connection without a byte of an answer."""

    kind: Literal["lose_answer"]


class Hang(FaultRule):
    """Process the call fully, then stay silent until the client gives up."""

    kind: Literal["hang"]


class Stall(FaultRule):
    """Process nothing, and stay silent until the client gives up."""

    kind: Literal["stall"]


class Slow(FaultRule):
    """Send the body at a crawl: ``bytes_per_s`` on the average."""

    kind: Literal["slow"]
    bytes_per_s: float = Field(default=100_000, gt=0)


class Fate(FaultRule):
    """Take the creation and decide how its task ends, whatever words its prompt has."""

    kind: Literal["fate"]
    outcome: Outcome
    text: str | None = None


class Truncate(FaultRule):
    """Promise the whole answer, send a share of it and close the connection."""

    kind: Literal["truncate"]
    share: float = Field(default=0.5, ge=0, lt=1)


class Status(FaultRule):
    """Answer with an error before anything is processed: a catalogued code, or a body of your own."""

    kind: Literal["status"]
    error: str | None = None
    status: int | None = Field(default=None, ge=100, le=599)
    body: dict[str, Any] | str | None = None
    headers: dict[str, str] = {}


class HtmlEdge(FaultRule):
    """Answer as an edge layer's challenge page would (Sora web protocol, section 11.1)."""

    kind: Literal["html_edge"]
    status: int = 403


Fault = Annotated[
    Latency | Reset | LoseAnswer | Hang | Stall | Truncate | Slow | Status | HtmlEdge | Fate,
    Field(discriminator="kind"),
]

FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
