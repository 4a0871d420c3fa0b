"""``sora-gateway doctor``: say what is wrong with this installation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from sora_gateway.cli import checks, store_checks
from sora_gateway.cli.findings import Finding, Level, ok, problem, warning
from sora_gateway.cli.options import DataDir, Json, settings_for_command
from sora_gateway.cli.output import document
from sora_gateway.cli.plain import FAILED, told
from sora_gateway.domain.accounts import Account, AccountState
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.house import House, open_house
from sora_gateway.kit.clock import system_now
from sora_gateway.settings import Settings, SettingsError, example, variables
from sora_gateway.store_access import open_store

_CHECK_S = 30.0
_DATE_S = 5.0
_MARKS = {Level.OK: "ok      ", Level.WARNING: "warning ", Level.PROBLEM: "PROBLEM "}
_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


def doctor(
    lists_settings: Annotated[
        bool, typer.Option("--settings", help="List all settings with their meaning, as a file .env.")
    ] = False,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Look at this installation and say what is wrong with it, and what to do.

    Works beside a running gateway. Exit code 1 if there is a problem.
    """
    if lists_settings:
        _list_settings(is_json=is_json)
        return
    findings = asyncio.run(_examine(data_dir, is_quiet=is_json))
    if is_json:
        document([finding.as_json() for finding in findings])
    if any(finding.level is Level.PROBLEM for finding in findings):
        raise typer.Exit(FAILED)


def line(finding: Finding) -> str:
    """Return the finding for people."""
    advice = f"\n          -> {finding.advice}" if finding.advice else ""
    mark = typer.style(_MARKS[finding.level], fg=_COLOURS[finding.level])
    return f"{mark}  {finding.what}: {finding.text}{advice}"


def _list_settings(*, is_json: bool) -> None:
    if is_json:
        document([{"name": one.name, "default": one.default, "meaning": one.meaning} for one in variables()])
    else:
        typer.echo(example(), nl=False)


async def _examine(data_dir: Path | None, *, is_quiet: bool) -> Sequence[Finding]:
    findings = []
    async for finding in _findings(data_dir):
        findings.append(finding)
        if not is_quiet:
            typer.echo(line(finding))
    return findings


async def _findings(data_dir: Path | None) -> AsyncIterator[Finding]:
    yield checks.python_version()
    for finding in checks.modules():
        yield finding
    yield checks.fonts()
    try:
        settings = settings_for_command(data_dir)
    except SettingsError as error:
        for text in str(error).splitlines():
            yield problem("settings", text, "sora-gateway doctor --settings lists them all.")
        return
    yield ok("settings", "All can be read.")
    yield checks.data_folder("data folder", settings.data_dir)
    if settings.media_dir is not None:
        yield checks.data_folder("media folder", settings.media_dir)
    yield checks.workers(settings.workers, _cores())
    yield checks.secret_key(settings)
    async for finding in _inside(settings):
        yield finding


def _cores() -> int:
    """Return how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


async def _inside(settings: Settings) -> AsyncIterator[Finding]:
    """Look at what is kept and at the backend; stop where nothing more can be reached."""
    try:
        async with open_store(settings, is_brief=True) as store:
            for finding in store_checks.judged(await store.facts(), settings.store_replicas):
                yield finding
            now_s = system_now()
            yield checks.licences(await store.licences.all(), now_s)
            yield checks.old_keys(await store.old_secrets(), len(settings.old_keys))
            async with open_house(settings, is_brief=True) as house:
                async for finding in _house(settings, house):
                    yield finding
    except (GatewayError, OSError, BaseExceptionGroup) as error:
        text, _ = told(error)
        yield problem(_place(error), text, "Nothing behind it could be checked.")


def _place(error: BaseException) -> str:
    kinds = {
        ErrorKind.STORAGE_UNAVAILABLE: "media",
        ErrorKind.STORE_UNAVAILABLE: "store",
        ErrorKind.INTERNAL: "secret key",
    }
    return kinds.get(error.kind, "store") if isinstance(error, GatewayError) else "store"


async def _house(settings: Settings, house: House) -> AsyncIterator[Finding]:
    if house.problems:
        for text in house.problems:
            yield problem("media", text, "This node is not ready until that is solved.")
    else:
        yield ok("media", f"{settings.media_root} is the folder that the store knows.")
    now_s = system_now()
    found = await house.store.accounts.all()
    yield checks.accounts(found, now_s)
    yield await _backend(settings, house, found, now_s)
    yield checks.clock_against(await _date(settings), system_now())


async def _backend(settings: Settings, house: House, found: Sequence[Account], now_s: float) -> Finding:
    """Ask the backend about one account, the healthiest first."""
    what = "backend"
    asked = [one for one in found if one.state is not AccountState.DISABLED and one.owner is None]
    if not asked:
        return warning(what, "It was not asked, for want of an account.", "Add an account and try again.")
    account = min(asked, key=lambda one: (not one.is_usable(now_s), one.id))
    try:
        async with asyncio.timeout(_CHECK_S):
            await house.upstreams[account.upstream].check(account.credential, account.proxy)
    except TimeoutError:
        advice = "Look at the network, and at SORA_GATEWAY_SORA_WEB_BASE_URL."
        return problem(what, f"It did not answer within {_CHECK_S:.0f} s.", advice)
    except GatewayError as error:
        return problem(
            what, error.message, _BACKEND_ADVICE.get(error.kind, "sora-gateway account check --all")
        )
    return ok(what, f"It answers for {account.id}.")


_BACKEND_ADVICE = {
    ErrorKind.UPSTREAM_UNREACHABLE: "Look at the network, and at SORA_GATEWAY_SORA_WEB_BASE_URL.",
    ErrorKind.UPSTREAM_BLOCKED: "Look at SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN and this machine's country.",
    ErrorKind.ACCOUNT_AUTH: "Add the account again with a new token: sora-gateway account add",
}


async def _date(settings: Settings) -> str | None:
    """Return what time the backend's server says it is, None if it does not."""
    try:
        async with httpx2.AsyncClient(timeout=_DATE_S) as http:
            answer = await http.head(settings.sora_web_base_url)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return None
    date: str | None = answer.headers.get("date")
    return date
