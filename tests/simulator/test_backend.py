"""Opening a backend, and what survives a kill (state, secret, uploads)."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from sora_gateway.simulator.backend import open_backend
from tests.simulator.conftest import Running, account_of, clip, picture, scenario_of, video_body

_CHILD = """
import asyncio, json, pathlib, sys
from sora_gateway.simulator.server import SimulatorConfig, serve
config = SimulatorConfig(port=0, scenario="real", data_dir=pathlib.Path(sys.argv[1]))
def ready(address):
    print(json.dumps({"url": address.base_url, "accounts": address.accounts}), flush=True)
asyncio.run(serve(config, on_ready=ready))
"""


@contextmanager
def _killed(data_dir: Path) -> Iterator[tuple[httpx2.Client, dict[str, Any]]]:
    """Run a simulator in a process of its own and kill it at the end without any warning."""
    arguments = [sys.executable, "-c", _CHILD, str(data_dir)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        hello = json.loads(child.stdout.readline())
        plus = hello["accounts"][1]
        headers = {
            "authorization": f"Bearer {plus['access_token']}",
            "openai-sentinel-token": "x",
            "oai-device-id": "d",
        }
        with httpx2.Client(base_url=hello["url"], headers=headers, trust_env=False) as client:
            yield client, plus
        child.send_signal(signal.SIGKILL)


def test_state_survives_a_kill(tmp_path: Path) -> None:
    """Tasks go on; credentials, rotation, uploads and the skew of the clock stay."""
    with _killed(tmp_path) as (client, plus):
        upload = client.post("/backend/uploads", files={"file": ("a.png", picture(), "image/png")}).json()
        items = [{"kind": "upload", "upload_id": upload["id"]}]
        task = client.post("/backend/nf/create", json=video_body(inpaint_items=items)).json()["id"]
        grant = {
            "client_id": plus["client_id"],
            "grant_type": "refresh_token",
            "refresh_token": plus["refresh_token"],
        }
        rotated = client.post("/oauth/token", json=grant).json()["refresh_token"]
        client.post("/simulator/clock", json={"advance_s": 100})
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"event":"task","da')
    with _killed(tmp_path) as (client, plus):
        assert plus["refresh_token"] == rotated
        assert client.post("/oauth/token", json=grant).json()["error"]["code"] == "refresh_token_reused"
        (item,) = client.get("/backend/nf/pending/v2").json()
        assert (item["id"], item["status"]) == (task, "running")
        balance = client.get("/backend/nf/check").json()["rate_limit_and_credit_balance"]
        assert balance["estimated_num_videos_remaining"] == 4999
        body = video_body(inpaint_items=items)
        assert client.post("/backend/nf/create", json=body).status_code == 200
        client.post("/simulator/clock", json={"advance_s": 100})
    with _killed(tmp_path) as (client, _):
        (draft,) = client.get("/backend/project_y/profile/drafts/v2").json()["items"]
        assert draft["task_id"] == task


def test_characters_survive_a_kill(tmp_path: Path) -> None:
    """A cameo in progress goes on, its clip and the character made from it stay, as does its deletion."""
    with _killed(tmp_path) as (client, _):
        form = {"file": ("video.mp4", clip(), "video/mp4")}
        cameos = [client.post("/backend/characters/upload", files=form).json()["id"] for _ in range(2)]
        client.post("/simulator/clock", json={"advance_s": 60})
        avatar = {"file": ("profile.webp", picture(), "image/png")}
        pointer = client.post("/backend/project_y/file/upload", files=avatar).json()["asset_pointer"]
        made = []
        for number, cameo in enumerate(cameos):
            body = {
                "cameo_id": cameo,
                "username": f"rusty{number}",
                "display_name": "R",
                "profile_asset_pointer": pointer,
            }
            made.append(client.post("/backend/characters/finalize", json=body).json()["character"])
        by_id = f"/backend/project_y/cameos/by_id/{cameos[0]}/update_v2"
        client.post(by_id, json={"visibility": "public"})
        client.delete(f"/backend/project_y/characters/{made[1]['character_id']}")
        body = video_body(prompt="@rusty0 runs", n_frames=150)
        task = client.post("/backend/nf/create", json=body).json()["id"]
    with _killed(tmp_path) as (client, _):
        owned = client.get(f"/backend/project_y/cameos/owned/{cameos[0]}").json()
        assert (owned["character_id"], owned["visibility"]) == (made[0]["character_id"], "public")
        assert client.get(f"/backend/project_y/cameos/owned/{cameos[1]}").status_code == 404
        view = client.get(f"/backend/project_y/cameos/in_progress/{cameos[1]}").json()
        assert client.get(view["profile_asset_url"]).headers["content-type"] == "image/webp"
        client.post("/simulator/clock", json={"advance_s": 200})
        (draft,) = client.get("/backend/project_y/profile/drafts/v2").json()["items"]
        assert draft["task_id"] == task
        assert draft["creation_config"]["cameo_profiles"][0]["username"] == "rusty0"
        assert client.get(draft["url"]).status_code == 200


def test_the_secret_is_private_and_stays(tmp_path: Path) -> None:
    """Mode 0600; a token of the first run is good in the second; a secret cut short is made anew."""
    scenario = scenario_of(accounts=[account_of()])
    with open_backend(scenario, media_origin="http://m", data_dir=tmp_path) as backend:
        token = backend.mint_for(next(iter(backend.state.accounts.values())))
    secret = tmp_path / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with open_backend(scenario, media_origin="http://m", data_dir=tmp_path) as backend:
        assert backend.mint.read(token) is not None
    secret.write_bytes(b"short")
    with open_backend(scenario, media_origin="http://m", data_dir=tmp_path) as backend:
        assert backend.mint.read(token) is None


def test_without_a_directory_nothing_is_left_behind() -> None:
    """Uploads and renders of such a run vanish with it."""
    with open_backend(scenario_of(), media_origin="http://m") as backend:
        room = backend.uploads_dir
        assert room.is_dir()
    assert not os.path.exists(room.parent)


def test_scenario_settings_win_over_those_of_an_earlier_run(tmp_path: Path) -> None:
    """The account stays the same person with another plan."""
    ids = []
    for plan in ("plus", "pro"):
        scenario = scenario_of(accounts=[account_of(plan=plan)])
        with open_backend(scenario, media_origin="http://m", data_dir=tmp_path) as backend:
            (account,) = backend.state.accounts.values()
            assert account.settings.plan == plan
            ids.append(account.id)
    assert ids[0] == ids[1]


async def test_an_account_given_other_settings_later(running: Running) -> None:
    """The same name with another plan through the control API."""
    async with running() as sim:
        made = (await sim.http.post("/simulator/accounts", json={"name": "plus", "plan": "pro"})).json()
        assert (made["user_id"], made["plan"]) == (sim.account("plus")["user_id"], "pro")
