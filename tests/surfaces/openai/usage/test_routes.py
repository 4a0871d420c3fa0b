"""The usage page over HTTP."""

from __future__ import annotations

from sora_gateway.licences.periods import day_of
from sora_gateway.ports.usage import DayUsage
from tests.gateway import CHAT_KEY, Gateway, client_of


async def test_any_key_reads_its_own_numbers(gateway: Gateway) -> None:
    """Oldest first, today last; another's are nowhere."""
    today = day_of(gateway.clock())
    gateway.usage.by_date = {
        ("licence-1", today): DayUsage(date=today, jobs=2, units=5),
        ("licence-7", today): DayUsage(date=today, jobs=9, units=9),
    }
    async with client_of(gateway, key=CHAT_KEY) as client:
        answer = (await client.get("/sora/v1/usage", params={"days": "3"})).json()
    assert answer["object"] == "list"
    assert [(day["jobs"], day["units"]) for day in answer["data"]] == [(0, 0), (0, 0), (2, 5)]
    assert answer["data"][-1]["date"] == today
    assert (answer["quota"]["daily"]["used"], answer["quota"]["monthly"]["used"]) == (5, 5)


async def test_refusals(gateway: Gateway) -> None:
    """No key: 401; a number of days that cannot be: 400 with its name."""
    async with client_of(gateway, key=None) as client:
        assert (await client.get("/v1/usage")).status_code == 401
    async with client_of(gateway) as client:
        answer = await client.get("/v1/usage?days=0")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "days")
