"""Fault rules: which calls they strike, how often, and what the caller sees."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from sora_gateway.simulator.fault_rules import FAULT
from sora_gateway.simulator.faults import FaultDesk, Occasion, matches
from tests.simulator.conftest import Running, error_of, scenario_of


def _rule(**more: Any) -> Any:
    return FAULT.validate_python({"kind": "reset"} | more)


def _occasion(**more: Any) -> Occasion:
    known: dict[str, Any] = {
        "method": "POST",
        "template": "/nf/create",
        "path": "/nf/create",
        "account": "plus",
        "prompt": "a red boat",
    }
    return Occasion(**(known | more))


@pytest.mark.parametrize(
    ("rule", "strikes"),
    [
        ({}, True),
        ({"route": "POST /nf/create"}, True),
        ({"route": "GET /nf/create"}, False),
        ({"route": "* /nf/*"}, True),
        ({"route": "POST /video_gen"}, False),
        ({"account": "plus"}, True),
        ({"account": "pro"}, False),
        ({"prompt_contains": "red"}, True),
        ({"prompt_contains": "blue"}, False),
    ],
)
def test_matching(rule: dict[str, Any], strikes: bool) -> None:
    """Method, path, account and prompt must all fit."""
    assert matches(_rule(**rule), _occasion()) is strikes


def test_template_matches_any_path_of_it() -> None:
    """A rule may name the template with its braces."""
    rule = _rule(route="GET /az/files/{id}/raw")
    assert matches(rule, _occasion(method="GET", template="/az/files/{id}/raw", path="/az/files/1/raw"))


def test_after_and_times() -> None:
    """`after` calls pass, then `times` are struck, then all pass."""
    desk = FaultDesk([_rule(after=1, times=2)], seed=1)
    assert [bool(desk.strike(_occasion())) for _ in range(5)] == [False, True, True, False, False]
    assert desk.listing()[0]["struck"] == 2


def test_probability_is_seeded() -> None:
    """Two desks of one seed strike the same calls."""
    desks = [FaultDesk([_rule(probability=0.5, times=None)], seed=7) for _ in range(2)]
    first, second = ([bool(desk.strike(_occasion())) for _ in range(50)] for desk in desks)
    assert first == second
    assert 10 < sum(first) < 40


def test_rules_can_be_replaced_and_lifted() -> None:
    """An id names one rule; without one it gets an id."""
    desk = FaultDesk([_rule(id="a")], seed=1)
    desk.add(_rule(id="a", kind="hang"))
    assert [row["kind"] for row in desk.listing()] == ["hang"]
    assert desk.add(_rule()).id
    assert desk.remove("a")
    assert not desk.remove("a")
    desk.clear()
    assert desk.listing() == []


async def test_lost_answer_leaves_a_task_behind(running: Running) -> None:
    """The request is fully processed although nobody hears of it (the ledger shows the one creation)."""
    faults = [{"id": "lost", "route": "POST /nf/create", "kind": "lose_answer"}]
    async with running(scenario_of(faults=faults)) as sim:
        with pytest.raises(httpx2.RemoteProtocolError):
            await sim.video("the lost one")
        items = (await sim.http.get("/simulator/ledger")).json()["items"]
        assert [item["prompt"] for item in items] == ["the lost one"]


async def test_reset_happens_before_processing(running: Running) -> None:
    """A reset creation does not exist."""
    async with running(scenario_of(faults=[{"route": "POST /nf/create", "kind": "reset"}])) as sim:
        with pytest.raises(httpx2.TransportError):
            await sim.video()
        assert (await sim.http.get("/simulator/ledger")).json() == {"items": []}


async def test_hang_processes_and_stays_silent(running: Running) -> None:
    """The client gives up; the task exists, and the server lives on."""
    async with running(scenario_of(faults=[{"route": "POST /nf/create", "kind": "hang"}])) as sim:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sim.video()
        assert len((await sim.http.get("/simulator/ledger")).json()["items"]) == 1


async def test_a_hanging_call_does_not_hold_up_the_end(running: Running) -> None:
    """The server closes the connections of silent calls when it ends."""
    async with (
        running(scenario_of(faults=[{"route": "GET /me", "kind": "hang"}])) as sim,
        asyncio.TaskGroup() as group,
    ):

        async def ask() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await sim.get("/me")

        group.create_task(ask())


@pytest.mark.parametrize(
    ("code", "status"), [("heavy_load", 400), ("token_invalidated", 401), ("too_many_concurrent_tasks", 429)]
)
async def test_status_fault_by_code(running: Running, code: str, status: int) -> None:
    """A catalogued code brings its status and text; n times, then the call is served."""
    faults = [{"route": "POST /nf/create", "kind": "status", "error": code, "times": 2}]
    async with running(scenario_of(faults=faults)) as sim:
        answers = [error_of(await sim.video()) for _ in range(2)]
        assert answers == [(status, code)] * 2
        assert (await sim.video()).status_code == 200


async def test_status_fault_with_a_body_and_headers(running: Running) -> None:
    """Any status, body and header can be given."""
    rule = {
        "route": "GET /me",
        "kind": "status",
        "status": 429,
        "body": {"x": 1},
        "headers": {"retry-after": "7"},
    }
    async with running(scenario_of(faults=[rule])) as sim:
        answer = await sim.get("/me")
        assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, {"x": 1}, "7")


async def test_edge_page(running: Running) -> None:
    """The edge answers HTML with its own header, section 11.1."""
    async with running(scenario_of(faults=[{"route": "* *", "kind": "html_edge"}])) as sim:
        answer = await sim.get("/nf/pending/v2")
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cf-mitigated"] == "challenge"
        assert "Just a moment" in answer.text


async def test_latency_answers_late_but_properly(running: Running) -> None:
    """The answer is what it would have been."""
    async with running(scenario_of(faults=[{"route": "GET /me", "kind": "latency", "seconds": 0.1}])) as sim:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await sim.get("/me")).status_code == 200
        assert loop.time() - began >= 0.1


async def test_faults_by_account_and_prompt(running: Running) -> None:
    """Only the named account and prompt are struck."""
    rule = {
        "kind": "status",
        "error": "heavy_load",
        "account": "pro",
        "prompt_contains": "red",
        "times": None,
    }
    async with running(scenario_of(faults=[rule])) as sim:
        assert (await sim.video("red", "plus")).status_code == 200
        assert (await sim.video("blue", "pro")).status_code == 200
        assert error_of(await sim.video("red", "pro")) == (400, "heavy_load")


async def test_stall_processes_nothing(running: Running) -> None:
    """The client gives up, and nothing was made."""
    async with running(scenario_of(faults=[{"route": "POST /nf/create", "kind": "stall"}])) as sim:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sim.video()
        assert (await sim.http.get("/simulator/ledger")).json() == {"items": []}


async def test_slow_answers_at_a_crawl(running: Running) -> None:
    """Every byte comes, later."""
    rule = {"route": "GET /me", "kind": "slow", "bytes_per_s": 4000}
    async with running(scenario_of(faults=[rule])) as sim:
        loop = asyncio.get_running_loop()
        began = loop.time()
        slow = await sim.get("/me")
        assert loop.time() - began >= len(slow.content) / 4000
        assert slow.content == (await sim.get("/me")).content


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("rate_limit_exhausted", 429),
        ("bad_gateway", 502),
        ("unsupported_country_code", 403),
        ("not_found", 404),
    ],
)
async def test_more_codes(running: Running, code: str, status: int) -> None:
    """A spent quota comes with its balance in place of an envelope; the others as any other."""
    rule = {"route": "POST /nf/create", "kind": "status", "error": code}
    async with running(scenario_of(faults=[rule])) as sim:
        answer = await sim.video()
    assert answer.status_code == status
    said = answer.json()
    if code == "rate_limit_exhausted":
        assert said["type"] == code
        assert said["rate_limit_and_credit_balance"]["rate_limit_reached"] is True
    else:
        assert said["error"]["code"] == code


async def test_fate(running: Running) -> None:
    """The task of one account is made and ends as the rule says; another one's is left alone."""
    rule = {"kind": "fate", "route": "POST /nf/create", "account": "plus", "outcome": "fail_pending"}
    async with running(scenario_of(faults=[rule | {"text": "It broke."}])) as sim:
        assert (await sim.video("a boat [violation]", "plus")).status_code == 200
        assert (await sim.video("a boat", "pro")).status_code == 200
        sim.clock.at += 3600
        rows = (await sim.http.get("/simulator/ledger")).json()["items"]
        assert [(row["account"], row["outcome"]) for row in rows] == [
            ("plus", "fail_pending"),
            ("pro", "success"),
        ]


async def test_refused_by_fate(running: Running) -> None:
    """``refuse`` makes no task."""
    rule = {"kind": "fate", "route": "POST /*", "outcome": "refuse", "text": "No."}
    async with running(scenario_of(faults=[rule])) as sim:
        answer = await sim.video()
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "No.")
        assert (await sim.http.get("/simulator/ledger")).json() == {"items": []}


async def test_a_vanished_task_is_nowhere(running: Running) -> None:
    """Listed at first; then no list and no call knows it, and its slot is free."""
    async with running(scenario_of()) as sim:
        task_id = (await sim.video("a boat [vanish]")).json()["id"]
        for _ in range(3):
            listed = (await sim.get("/backend/nf/pending/v2")).json()
        assert [row["id"] for row in listed] == [task_id]
        sim.clock.at += 3600
        assert (await sim.get("/backend/nf/pending/v2")).json() == []
        assert (await sim.get("/backend/project_y/profile/drafts/v2")).json()["items"] == []
        assert (await sim.get(f"/backend/nf/tasks/{task_id}/v2")).status_code == 404


async def test_the_clock_may_be_wrong(running: Running) -> None:
    """A backend that is ahead of the machine, or behind it."""
    async with running(scenario_of(clock_skew_s=-300.0)) as sim:
        assert (await sim.http.get("/simulator/clock")).json()["now"] == sim.clock.at - 300
