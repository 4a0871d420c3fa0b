"""``sora-gateway demo``: gateway, store and simulated backend with one command."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from sora_gateway.cli import enrol
from sora_gateway.cli.demo_child import Simulator, simulator_running
from sora_gateway.cli.demo_folder import remember, turned
from sora_gateway.cli.licence import make_licence
from sora_gateway.cli.listening import bind, url_of
from sora_gateway.cli.plain import MISUSED, CommandError
from sora_gateway.cli.serving import Running
from sora_gateway.cli.simulate import SCENARIO_HELP
from sora_gateway.cli.tokens import facts_in
from sora_gateway.domain.accounts import AccountFacts, Credential, Plan
from sora_gateway.domain.licences import Permission
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.redact import Secret
from sora_gateway.licences.keys import hash_key, new_key
from sora_gateway.ports.stores import AccountStore, LicenceStore
from sora_gateway.settings import Settings, load
from sora_gateway.simulator.scenario import load_scenario
from sora_gateway.store_access import open_store
from sora_gateway.telemetry import logs

_LICENCE_ID = "lic_demo"
_ANSWERS_S = 20.0
_ABSENCE_OVER_S = 15.0
_POLL_S: Mapping[str, tuple[float, float]] = {"fast": (0.25, 0.5)}
_DEFAULT_POLL_S = (0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What a person or a test needs to use a running demo."""

    base_url: str
    api_key: str
    simulator_url: str


def demo(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")
    ] = 8000,
    data_dir: Annotated[
        Path, typer.Option(help="Folder that keeps jobs, files and the key between runs.")
    ] = Path("data/demo"),
    scenario: Annotated[str, typer.Option(help=SCENARIO_HELP)] = "normal",
    ready_file: Annotated[
        Path | None,
        typer.Option(help="File to write base_url, api_key and simulator_url into, once it answers."),
    ] = None,
) -> None:
    """Try everything without an account: store, gateway and simulated backend in one go.

    Prints a base URL, a key and a curl line that makes a video. The same folder keeps key and jobs.
    """
    settings = load(host=host, port=port, data_dir=data_dir)
    level = settings.log_level if "log_level" in settings.model_fields_set else "warning"
    logs.configure(settings.log_format, level)
    try:
        load_scenario(scenario)
    except ValueError as error:
        raise CommandError(f"The scenario cannot be used: {error}.", exit_code=MISUSED) from error
    (data_dir / "simulator").mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(data_dir))
        listener = stack.enter_context(bind(host, port))
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
            stack.callback(ready_file.unlink, missing_ok=True)
        key = key_of(data_dir)

        async def main(running: Running) -> None:
            async with simulator_running(scenario=scenario, data_dir=data_dir / "simulator") as simulator:
                shown = Demo(
                    base_url=f"{url_of(listener, host)}/sora/v1",
                    api_key=key,
                    simulator_url=simulator.base_url,
                )
                remember(data_dir, simulator.base_url)
                running.settings = demo_settings(settings, simulator, scenario)
                async with asyncio.TaskGroup() as group:
                    watch = group.create_task(_watch(simulator, running))
                    await running.serve(
                        on_open=lambda: _furnish(running.settings, simulator, key),
                        on_ready=lambda: _announce(shown, simulator, ready_file),
                    )
                    watch.cancel()

        Running(settings, listener).run(main)


def demo_settings(settings: Settings, simulator: Simulator, scenario: str) -> Settings:
    """Return ``settings`` turned to the simulator; what belongs to a real installation is left out."""
    fast_s, slow_s = _POLL_S.get(scenario, _DEFAULT_POLL_S)
    return turned(settings, simulator.base_url).model_copy(
        update={
            "sora_web_absence_over_s": _ABSENCE_OVER_S,
            "sora_web_poll_fast_s": fast_s,
            "sora_web_poll_slow_s": slow_s,
        }
    )


def key_of(data_dir: Path) -> str:
    """Return the key that the folder keeps; made once, readable by its owner only."""
    path = data_dir / "demo-key"
    with contextlib.suppress(FileNotFoundError):
        if kept := path.read_text().strip():
            return kept
    key = new_key().key
    _write_whole(path, f"{key}\n")
    return key


async def put_licence(store: LicenceStore, key: str, now_s: float) -> None:
    """Make sure that ``key`` opens everything, whatever the store has lost or was told."""
    licence = await store.by_hash(hash_key(key))
    if licence is not None and licence.is_live(now_s) and licence.permissions == frozenset(Permission):
        return
    licence = make_licence(
        key, name="demo", permissions=frozenset(Permission), now_s=now_s, licence_id=_LICENCE_ID
    )
    await store.put(licence, hash_key(key))


async def put_accounts(store: AccountStore, accounts: Sequence[Mapping[str, Any]], now_s: float) -> None:
    """Put the simulator's accounts into the store, with the tokens that they have now."""
    for one in accounts:
        token = Secret(one["access_token"])
        claimed = facts_in(token)
        facts = AccountFacts(
            backend_id=one["user_id"],
            email=one["email"],
            plan=Plan(one["plan"]),
            expires_at=claimed.expires_at if claimed is not None else None,
        )
        credential = Credential(access_token=token)
        await enrol.save(store, facts, credential, enrol.Choices(name=one["name"]), now_s)


def welcome(shown: Demo, plans: Sequence[str]) -> str:
    """Return what a newcomer reads: where it is, the key, a video to make and to fetch."""
    origin = shown.base_url.removesuffix("/sora/v1")
    auth = f'-H "Authorization: Bearer {shown.api_key}"'
    body = '{"model": "sora_video2-landscape", "prompt": "A paper boat sails through a rainy city"}'
    return f"""
  Base URL   {shown.base_url}
  API key    {shown.api_key}
  Docs       {origin}/docs
  Simulator  {shown.simulator_url} (accounts: {", ".join(plans)}; nothing leaves this machine)

Make a video and save it as video.mp4 (paste both lines):

  ID=$(curl -s {shown.base_url}/videos {auth} -H "Content-Type: application/json" \\
    -d '{body}' | grep -o '"id": *"[^"]*"' | head -1 | cut -d'"' -f4); echo "$ID"
  curl -s --fail --retry 90 --retry-delay 1 --retry-all-errors -o video.mp4 {auth} \\
    {shown.base_url}/videos/$ID/content && ls -l video.mp4

Press Ctrl+C to stop; the next run on this folder has the same key and jobs.
"""


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the folder; the system gives it back however this process ends."""
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"A demo is running on the folder {data_dir} already. Stop it, or choose another --data-dir."
            ) from None
        yield


async def _watch(simulator: Simulator, running: Running) -> None:
    code = await simulator.wait_end()
    running.fail(f"The simulator ended by itself (exit code {code}); the demo cannot go on without it.")


async def _furnish(settings: Settings, simulator: Simulator, key: str) -> None:
    now_s = system_now()
    async with open_store(settings, is_brief=True) as store:
        await put_licence(store.licences, key, now_s)
        await put_accounts(store.accounts, simulator.accounts, now_s)


async def _announce(shown: Demo, simulator: Simulator, ready_file: Path | None) -> None:
    await _wait_answers(shown)
    typer.echo(welcome(shown, [account["name"] for account in simulator.accounts]))
    if ready_file is not None:
        facts = {
            "base_url": shown.base_url,
            "api_key": shown.api_key,
            "simulator_url": shown.simulator_url,
        }
        _write_whole(ready_file, json.dumps(facts) + "\n")


async def _wait_answers(shown: Demo) -> None:
    """Wait until the gateway answers a caller with this key.

    Raises:
        CommandError: it does not, with what it says instead.
    """
    headers = {"Authorization": f"Bearer {shown.api_key}"}
    said = "nothing"
    async with httpx2.AsyncClient(trust_env=False, timeout=5.0) as http:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERS_S):
                while True:
                    with contextlib.suppress(httpx2.HTTPError):
                        answer = await http.get(f"{shown.base_url}/models", headers=headers)
                        if answer.status_code == 200:
                            return
                        said = f"{answer.status_code} {answer.text[:200]}"
                    await asyncio.sleep(0.1)
    raise CommandError(f"The gateway does not answer as it should: {said}")


def _write_whole(path: Path, text: str) -> None:
    """Write the file whole or not at all, for its owner only."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
