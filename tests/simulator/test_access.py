"""Bearers and the sentinel header (Sora web protocol, sections 1.1, 2 and 11.1)."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.access import check_sentinel
from sora_gateway.simulator.errors import RefusalError
from sora_gateway.simulator.scenario import Sentinel
from tests.simulator.conftest import Running, account_of, error_of, image_body, scenario_of, video_body


async def test_missing_and_foreign_bearers(running: Running) -> None:
    """401 with the documented text, and `token_invalidated` for what we did not sign."""
    async with running() as sim:
        answer = await sim.http.get("/backend/nf/check")
        assert answer.status_code == 401
        assert answer.json()["error"]["message"] == "Missing bearer authentication in header"
        answer = await sim.http.get("/backend/me", headers={"authorization": "Bearer x.y.z"})
        assert error_of(answer) == (401, "token_invalidated")


async def test_expired_token_then_refreshed(running: Running) -> None:
    """`token_expired` once, ok after a refresh through the session."""
    async with running() as sim:
        sim.clock.at += 9 * 86_400
        assert error_of(await sim.get("/backend/me")) == (401, "token_expired")
        cookie = {"cookie": sim.account("plus")["session_cookie"]}
        token = (await sim.http.get("/api/auth/session", headers=cookie)).json()["accessToken"]
        answer = await sim.http.get("/backend/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200


async def test_revoked_account(running: Running) -> None:
    """401 `token_invalidated` always."""
    async with running(scenario_of(accounts=[account_of("plus", revoked=True)])) as sim:
        assert error_of(await sim.get("/backend/me")) == (401, "token_invalidated")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/backend/nf/create", video_body()),
        ("/backend/nf/create/storyboard", video_body()),
        ("/backend/video_gen", image_body()),
        ("/backend/project_y/post", {}),
    ],
)
@pytest.mark.parametrize("value", [None, "", "a bad one"])
async def test_sentinel_required(running: Running, path: str, body: object, value: str | None) -> None:
    """Missing or marked bad: 400 `sentinel_block`, before anything else is looked at."""
    async with running() as sim:
        sim.extra = {} if value is None else {"openai-sentinel-token": value}
        answer = await sim.post(path, body)
        assert error_of(answer) == (400, "sentinel_block")
        assert "Hmmm something didn't look right" in answer.json()["error"]["message"]


async def test_sentinel_not_needed_elsewhere(running: Running) -> None:
    """Polls, uploads and enhancement go without."""
    async with running() as sim:
        sim.extra = {}
        assert (await sim.get("/backend/nf/pending/v2")).status_code == 200
        assert (await sim.post("/backend/editor/enhance_prompt", {"prompt": "x"})).status_code == 200


def test_policy_is_data() -> None:
    """Not required, or bound to a device id, as the scenario says."""
    check_sentinel(Sentinel(required=False), {})
    bound = Sentinel(device_id_required=True)
    check_sentinel(bound, {"openai-sentinel-token": "x", "oai-device-id": "d"})
    with pytest.raises(RefusalError):
        check_sentinel(bound, {"openai-sentinel-token": "x"})
