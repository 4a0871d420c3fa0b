"""Each fault of the backend alone: what the caller sees, how many creations there were, how the account ends.

The simulator is a process; the gateway runs in this one, so that the engine's long times can be short. Every
case has an account of its own, so all run at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from sora_gateway.app import build_services, engine_config, install_surfaces
from sora_gateway.domain.accounts import Account, Credential, Plan
from sora_gateway.domain.advance import Limits
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.house import House, open_house, sora_web_config
from sora_gateway.kit.clock import boottime, system_now
from sora_gateway.kit.redact import Secret
from sora_gateway.licences.keys import hash_key
from sora_gateway.settings import Settings, load
from sora_gateway.upstreams.sora_web.upstream import SoraWeb
from tests.functional.harness import Simulator, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

KEY = "sg-key-of-the-faults-000000000000000000000000000"
WITHIN_S = 100.0
SETTLED_S = 1.5
CREATE = "POST /nf/create"
PENDING = "GET /nf/pending/v2"
FILES = "GET /az/*"
CONTENT = "This content may violate our guardrails."
SMALL = {
    f"{size}-{shape}": {"width_px": 96, "height_px": 96}
    for size in ("small", "large")
    for shape in ("portrait", "landscape")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault and its end: the caller's status and code, the creations, the account's state.

    ``says`` stands in the history of the job. ``spare``: the group has a second account, without faults.
    ``jobs`` are made one after the other; the last one is looked at. ``credential`` is how the account was
    added.
    """

    faults: tuple[Mapping[str, Any], ...] = ()
    status: str = "completed"
    code: str | None = None
    creations: int = 1
    state: str = "ready"
    says: str = ""
    spare: bool = False
    jobs: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    credential: str = "access"


def refused(error: str, *, route: str = CREATE, times: int | None = 1, **more: Any) -> dict[str, Any]:
    """Return a rule: an error before anything is done."""
    return {"kind": "status", "route": route, "error": error, "times": times, **more}


def struck(kind: str, route: str = CREATE, **more: Any) -> dict[str, Any]:
    """Return a rule of another kind."""
    return {"kind": kind, "route": route, **more}


def fate(outcome: str, text: str | None = None) -> dict[str, Any]:
    """Return a rule: the task is made and ends so."""
    return {"kind": "fate", "route": CREATE, "outcome": outcome, "text": text}


def waits(state: str, says: str, *faults: Mapping[str, Any], **more: Any) -> Case:
    """Return a case whose job waits for an account, because its only one is put aside."""
    return Case(faults=faults, status="queued", creations=0, state=state, says=says, **more)


def fails(code: str, *faults: Mapping[str, Any], creations: int = 0, **more: Any) -> Case:
    """Return a case whose job fails and whose account is none the worse."""
    return Case(faults=faults, status="failed", code=code, creations=creations, **more)


CASES: Mapping[str, Case] = {
    "nothing": Case(),
    # the network
    "late answer": Case(faults=(struck("latency", seconds=1.0),)),
    "time-out before acceptance": Case(faults=(struck("stall"),), says="no task was made"),
    "time-out after acceptance": Case(faults=(struck("hang"),), says="ambiguous"),
    "lost answer": Case(faults=(struck("lose_answer"),), says="ambiguous"),
    "reset": Case(faults=(struck("reset"),), says="no task was made"),
    "half an answer": Case(faults=(struck("truncate"),), says="ambiguous"),
    # the edge
    "edge page": waits("cooling", "upstream_blocked", struck("html_edge", times=None)),
    "edge page, another account": Case(
        faults=(struck("html_edge"),), spare=True, state="cooling", says="upstream_blocked"
    ),
    "edge page on the lists": waits("cooling", "upstream_blocked", struck("html_edge", PENDING)),
    "country": waits("cooling", "upstream_blocked", refused("unsupported_country_code", times=None)),
    "invalid request once": Case(faults=(refused("invalid_request"),), says="upstream_blocked"),
    "invalid request": fails("upstream_blocked", refused("invalid_request", times=None)),
    "sentinel once": Case(faults=(refused("sentinel_block"),), says="upstream_blocked"),
    "sentinel": fails("upstream_blocked", refused("sentinel_block", times=None)),
    # credentials
    "single 401": Case(faults=(refused("token_invalidated"),), says="account_auth"),
    "revoked": waits("auth_failed", "account_auth", settings={"revoked": True}),
    "expired and renewed": Case(
        faults=(refused("token_expired", route="* *", times=2),), credential="refresh"
    ),
    "replayed refresh token": waits(
        "auth_failed",
        "account_auth",
        refused("token_expired", route="* *", times=None),
        credential="replayed",
    ),
    # refusals
    "404": fails("upstream_refused", refused("not_found")),
    "content at creation": fails("content_policy_violation", fate("refuse", CONTENT)),
    "content while it runs": fails("content_policy_violation", fate("fail_pending", CONTENT), creations=1),
    "content of the result": fails("content_policy_violation", fate("violation", CONTENT), creations=1),
    "failure while it runs": fails("generation_failed", fate("fail_pending"), creations=1),
    "failure of the result": fails("generation_failed", fate("error"), creations=1),
    # limits
    "429 of parallel tasks": waits("cooling", "account_busy", refused("too_many_concurrent_tasks")),
    "429 of parallel tasks, another account": Case(
        faults=(refused("too_many_concurrent_tasks"),), spare=True, state="cooling", says="account_busy"
    ),
    "429 of the quota": waits("exhausted", "account_exhausted", refused("rate_limit_exhausted")),
    "429 of the pace": Case(
        faults=(
            {"kind": "status", "route": CREATE, "status": 429, "body": {}, "headers": {"retry-after": "2"}},
        ),
        says="account_rate_limited",
    ),
    "quota runs out": Case(status="queued", state="exhausted", jobs=2, settings={"video_quota": 1}),
    "heavy load": Case(faults=(refused("heavy_load"),), says="upstream_overloaded"),
    # servers
    "500": Case(faults=(refused("internal_error"),), says="no task was made"),
    "502": Case(faults=(refused("bad_gateway"),), says="no task was made"),
    "503": Case(faults=(refused("service_unavailable"),), says="no task was made"),
    "503 on the lists": Case(faults=(refused("service_unavailable", route=PENDING, times=3),)),
    "half a list": Case(faults=(struck("truncate", PENDING, times=3),)),
    # tasks
    "vanishes": fails("lost", fate("vanish"), creations=1),
    "stuck at 99 %": fails("timeout", fate("stuck"), creations=1),
    "late draft": Case(faults=(fate("late_draft"),)),
    "late link": Case(faults=(fate("late_url"),)),
    # files
    "dead links": Case(faults=(refused("link_expired", route=FILES, times=2),), says="put off"),
    "dead links for ever": Case(
        faults=(refused("link_expired", route=FILES, times=None),), status="in_progress", says="put off"
    ),
    "file host is away": Case(faults=(refused("service_unavailable", route=FILES),), says="put off"),
    "half a file": Case(faults=(struck("truncate", FILES),), says="put off"),
    "slow file": Case(faults=(struck("slow", FILES, bytes_per_s=50_000),)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a case ended."""

    status: str
    code: str | None
    creations: int
    state: str
    history: str
    owed: int


# --- the stage --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A simulator in a process of its own, and a gateway in this one."""

    simulator: Simulator
    house: House
    client: httpx2.AsyncClient


@asynccontextmanager
async def staged(folder: Path, **changes: Any) -> AsyncIterator[Stage]:
    """Run both; the engine waits for seconds where it else waits for minutes."""
    fast = {"limits__video_pixels": SMALL, "timing__video__late_result_s": 3.0, **changes}
    simulator = Simulator(folder / "simulator", **fast)
    async with AsyncExitStack() as stack:
        stack.enter_context(running(simulator))
        await simulator.ready()
        settings = load(
            data_dir=folder / "data",
            sora_web_base_url=f"{simulator.url}/backend",
            sora_web_sentinel_token="simulated",
            sora_web_absence_over_s=2.0,
            sora_web_poll_fast_s=0.3,
            sora_web_poll_slow_s=0.5,
        )
        house = await stack.enter_async_context(open_house(settings))
        upstream = SoraWeb(
            replace(
                sora_web_config(settings),
                create_timeout_s=3.0,
                read_timeout_s=5.0,
                absence_reads=3,
                drafts_after_s=3.0,
            )
        )
        stack.push_async_callback(upstream.aclose)
        house = replace(house, upstreams={upstream.name: upstream})
        client = await stack.enter_async_context(_serving(settings, house))
        yield Stage(simulator=simulator, house=house, client=client)


@asynccontextmanager
async def _serving(settings: Settings, house: House) -> AsyncIterator[httpx2.AsyncClient]:
    config = replace(
        engine_config(settings), limits=Limits(video_s=20.0), lost_reads=3, lost_after_s=6.0, collects=32
    )
    services, node = build_services(settings, house, config)
    app = FastAPI()
    install_surfaces(app, max_body_bytes=2**20)
    app.state.services = services
    licence = Licence(
        id="lic_faults",
        name="faults",
        key_hint="…",
        permissions=frozenset(Permission),
        created_at=system_now(),
    )
    await house.store.licences.put(licence, hash_key(KEY))
    transport = httpx2.ASGITransport(app)
    async with (
        node.running(),
        httpx2.AsyncClient(
            base_url="http://gateway/v1", headers={"Authorization": f"Bearer {KEY}"}, transport=transport
        ) as client,
    ):
        yield client


async def enrol(stage: Stage, name: str, group: str, case: Case | None) -> str:
    """Make an account at the backend and put it into the store; return its id."""
    settings = {"name": name, "plan": "plus", **(case.settings if case is not None else {})}
    row = await stage.simulator.post("accounts", settings)
    credential = Credential(access_token=Secret(row["access_token"]))
    if case is not None and case.credential != "access":
        credential = replace(
            credential, refresh_token=Secret(row["refresh_token"]), client_id=row["client_id"]
        )
    if case is not None and case.credential == "replayed":
        form = {"grant_type": "refresh_token"} | {key: row[key] for key in ("refresh_token", "client_id")}
        async with httpx2.AsyncClient() as other:
            (await other.post(f"{stage.simulator.url}/oauth/token", json=form)).raise_for_status()
    account = Account(
        id=f"sora_web:{row['user_id']}",
        upstream="sora_web",
        backend_id=row["user_id"],
        credential=credential,
        name=name,
        plan=Plan.PLUS,
        groups=(group,),
        created_at=system_now(),
    )
    await stage.house.store.accounts.put(account)
    return account.id


async def play(stage: Stage, number: int, case: Case) -> End:
    """Play one case until it has come to the end that is expected, or for as long as that may take."""
    group = f"case-{number}"
    account_id = await enrol(stage, group, group, case)
    video_id = ""
    for fault in case.faults:
        await stage.simulator.post("faults", {**fault, "account": group})
    for index in range(case.jobs):
        video_id = await _make(stage, group, f"{group} {index}")
        if index + 1 < case.jobs:
            await _ended(stage, video_id)
        elif case.spare:
            # The first choice is the account with the fault: the spare one comes when that has refused.
            await _until_put_aside(stage, account_id)
            await enrol(stage, f"{group}-spare", group, None)
    give_up_at = boottime() + WITHIN_S
    while True:
        if await _has_come(stage, case, video_id, account_id, group) or boottime() > give_up_at:
            break
        await asyncio.sleep(0.3)
    await asyncio.sleep(SETTLED_S)  # and it stays so
    return await _end(stage, video_id, account_id, group)


async def _has_come(stage: Stage, case: Case, video_id: str, account_id: str, group: str) -> bool:
    """Tell whether all is as told; the video alone is asked first, since all cases ask at once."""
    if (await _video(stage, video_id))["status"] != case.status:
        return False
    end = await _end(stage, video_id, account_id, group)
    told = (case.status, case.code, case.creations, case.state)
    return told == (end.status, end.code, end.creations, end.state) and case.says in end.history


async def _make(stage: Stage, group: str, prompt: str) -> str:
    body = {"model": f"sora_video2|[{group}]", "prompt": prompt}
    answer = await stage.client.post("/videos", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def _ended(stage: Stage, video_id: str) -> None:
    async def is_over() -> bool:
        return (await _video(stage, video_id))["status"] in ("completed", "failed")

    await until(is_over, timeout_s=WITHIN_S, what=f"{video_id} to end")


async def _until_put_aside(stage: Stage, account_id: str) -> None:
    async def is_put_aside() -> bool:
        return await _state(stage, account_id) != "ready"

    await until(is_put_aside, timeout_s=WITHIN_S, what=f"{account_id} to be put aside")


async def _state(stage: Stage, account_id: str) -> str:
    account = await stage.house.store.accounts.get(account_id)
    assert account is not None
    return "ready" if account.is_usable(system_now()) else account.state.value


async def _video(stage: Stage, video_id: str) -> dict[str, Any]:
    answer = await stage.client.get(f"/videos/{video_id}", params={"detail": "true"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def _end(stage: Stage, video_id: str, account_id: str, group: str) -> End:
    video = await _video(stage, video_id)
    rows = [row for row in await stage.simulator.creations() if row["prompt"].startswith(f"{group} ")]
    load = (await stage.house.store.lanes.load([account_id]))[account_id]
    return End(
        status=video["status"],
        code=video["error"]["code"] if video["error"] else None,
        creations=len(rows),
        state=await _state(stage, account_id),
        history="\n".join(f"{one['event']} {one['detail']}" for one in video["history"]),
        owed=sum(load.ours.values()),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, End]:
    """All cases, played at once."""
    async with staged(tmp_path_factory.mktemp("faults")) as stage:
        async with asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(play(stage, number, case))
                for number, (name, case) in enumerate(CASES.items())
            }
        return {name: task.result() for name, task in tasks.items()}


# --- the proofs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
async def test_fault(ends: Mapping[str, End], name: str) -> None:
    """The caller is told the right thing, nothing is made twice, the account is neither lost nor misused."""
    case, end = CASES[name], ends[name]
    found = (end.status, end.code, end.creations, end.state)
    assert found == (case.status, case.code, case.creations, case.state), end.history
    assert case.says in end.history


async def test_a_stuck_task_still_holds_its_slot(ends: Mapping[str, End]) -> None:
    """The caller has his answer; the task is seen out, so that the account is not overbooked."""
    assert ends["stuck at 99 %"].owed == 1
    assert ends["vanishes"].owed == 0


async def test_clocks_differ(tmp_path: Path) -> None:
    """A lost answer is found, and a lost request sent again, though the backend's clock is wrong."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_play_skewed(tmp_path / "behind", -90.0))
        group.create_task(_play_skewed(tmp_path / "ahead", 90.0))


async def _play_skewed(folder: Path, skew_s: float) -> None:
    async with staged(folder, clock_skew_s=skew_s) as stage:
        cases = [Case(faults=(struck("lose_answer"),)), Case(faults=(struck("stall"),)), Case()]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(play(stage, number, case)) for number, case in enumerate(cases)]
    found = [(task.result().status, task.result().creations) for task in tasks]
    assert found == [("completed", 1)] * len(cases)
