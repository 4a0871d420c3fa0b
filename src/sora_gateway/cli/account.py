"""``sora-gateway account``: add, look at, check, disable and remove upstream accounts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from sora_gateway.accounts.health import after_error
from sora_gateway.accounts.standing import IDLE, Standing, standing
from sora_gateway.cli import enrol
from sora_gateway.cli.enrol import Choices, read_proxy
from sora_gateway.cli.options import DataDir, Json, settings_for_command
from sora_gateway.cli.output import ago, document, mask_email, moment, note, plural, table
from sora_gateway.cli.plain import FAILED, MISUSED, CommandError
from sora_gateway.cli.telling import account_document, account_lines, ahead, free_slots
from sora_gateway.cli.tokens import Given, facts_in, read_tokens
from sora_gateway.domain.accounts import Account, AccountState, CredentialForm, unopened
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.engine.arrivals import Arrivals, Opened
from sora_gateway.engine.clock import StoreClock
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.renewals import Renewals
from sora_gateway.house import House, open_house
from sora_gateway.kit.clock import system_now
from sora_gateway.ports.stores import AccountStore
from sora_gateway.settings import Settings
from sora_gateway.store_access import open_store

app = typer.Typer(no_args_is_help=True, help="Add, check and remove upstream accounts.")

_CHECKS_AT_ONCE = 8
_MANY = 5

T = TypeVar("T")
R = TypeVar("R")
Which = Annotated[str, typer.Argument(metavar="ID", help='As "account list" shows it; its name works too.')]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one line, or of the check of one account."""

    what: str
    is_ok: bool
    text: str
    account: Account | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as ``--json`` shows it."""
        account = None if self.account is None else as_json(self.account, system_now())
        return {"what": self.what, "ok": self.is_ok, "message": self.text, "account": account}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An account, how it stands, and when its tasks were last looked at."""

    account: Account
    standing: Standing
    observed_at: float | None

    def as_json(self, now_s: float) -> dict[str, Any]:
        """Return it as ``--json`` shows it."""
        more = account_document(self.account, self.standing, self.observed_at)
        return as_json(self.account, now_s) | more


@app.command()
def add(
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="File with one credential per line.", show_default="stdin"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name for it in lists.")] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", "-g", help="A group for it, besides its plan; repeatable.")
    ] = None,
    video_slots: Annotated[int | None, typer.Option(min=0, help="Videos at once.", show_default="3")] = None,
    image_slots: Annotated[
        int | None, typer.Option(min=0, help="Image tasks at once.", show_default="1")
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="All its calls go through this one; '' for none.", show_default="none"
        ),
    ] = None,
    has_check: Annotated[
        bool, typer.Option("--check/--no-check", help="Ask the backend about each, or believe the token.")
    ] = True,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Add accounts by access tokens, refresh tokens (rt_...) or session cookies, one per line.

    They come from a file or standard input, never as arguments: those can be read in the list of processes. A
    credential of an account that is there already replaces its credential and keeps its settings.
    """
    try:
        chosen_proxy = None if proxy is None else read_proxy(proxy)
    except ValueError as error:
        raise CommandError(str(error), exit_code=MISUSED) from None
    settings = settings_for_command(data_dir)
    given = read_tokens(_text_of(file))
    if not given:
        raise CommandError("No credential was given; write one per line.", exit_code=MISUSED)
    choices = Choices(
        name=name,
        groups=None if group is None else tuple(group),
        video_slots=video_slots,
        image_slots=image_slots,
        proxy=chosen_proxy,
    )
    _report(asyncio.run(_add(settings, given, choices, has_check)), is_json=is_json)


@app.command(name="list")
def list_accounts(
    has_all: Annotated[
        bool, typer.Option("--all", help="Those too that callers brought themselves (pass-through).")
    ] = False,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List the accounts with their state and why it is so."""
    found, now_s = asyncio.run(_seen(settings_for_command(data_dir)))
    accounts = [one for one in found if has_all or one.account.owner is None]
    if is_json:
        document([one.as_json(now_s) for one in accounts])
        return
    if not accounts:
        note("There is no account yet. Add some: sora-gateway account add < tokens.txt")
        return
    head = (
        "id", "name", "e-mail", "plan", "groups", "state", "until", "why", "free slots", "quota", "last use",
        "credential", "good until", "for",
    )  # fmt: skip
    typer.echo(table(head, [_row(one, now_s) for one in accounts]))


@app.command()
def explain(which: Which, is_json: Json = False, data_dir: DataDir = None) -> None:
    """Say how an account stands and why it gets no work: state, slots, quota, plan, credential."""
    found, now_s = asyncio.run(_seen(settings_for_command(data_dir), which))
    if is_json:
        document(found[0].as_json(now_s))
        return
    one = found[0]
    typer.echo("\n".join(account_lines(one.account, one.standing, one.observed_at, now_s)))


@app.command()
def check(
    which: Annotated[str | None, typer.Argument(metavar="[ID]", help="Which account.")] = None,
    has_all: Annotated[bool, typer.Option("--all", help="Check all accounts that are not disabled.")] = False,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Ask the backend about an account, and store what it says."""
    if (which is None) != has_all:
        raise CommandError("Say which account to check: its ID, or --all.", exit_code=MISUSED)
    _report(asyncio.run(_check(settings_for_command(data_dir), which)), is_json=is_json)


@app.command()
def disable(which: Which, data_dir: DataDir = None) -> None:
    """Give an account no new work. What runs on it is finished."""
    account = asyncio.run(_change(settings_for_command(data_dir), which, disabled))
    typer.echo(f"Account {account.id} is disabled; its running jobs are finished.")


@app.command()
def enable(which: Which, data_dir: DataDir = None) -> None:
    """Give an account work again, after it was disabled or put aside."""
    account = asyncio.run(_change(settings_for_command(data_dir), which, enabled))
    typer.echo(f"Account {account.id} is ready.")


@app.command()
def remove(
    which: Which,
    force: Annotated[bool, typer.Option(help="Even if jobs run on it; they fail then.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Forget an account and its credential."""
    account = asyncio.run(_remove(settings_for_command(data_dir), which, force))
    typer.echo(f"Account {account.id} is removed.")


def disabled(account: Account) -> Account:
    """Return the account without new work."""
    return replace(account, state=AccountState.DISABLED, reason="disabled by the operator", until=None)


def enabled(account: Account) -> Account:
    """Return the account as ready."""
    return replace(account, state=AccountState.READY, reason=None, until=None)


def find(accounts: Sequence[Account], which: str) -> Account:
    """Return the account of that id (for one of the pool its upstream may be left out), or of that name.

    Raises:
        CommandError: there is none, or several have the name.
    """
    exact = [
        account
        for account in accounts
        if which == account.id or (which == account.backend_id and account.owner is None)
    ]
    found = exact or [account for account in accounts if account.name == which]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"{len(found)} accounts are named '{which}'; use an id: account list")
    raise CommandError(
        f"There is no account '{which}' among {plural(len(accounts), 'account')}: account list"
    )


def as_json(account: Account, now_s: float) -> dict[str, Any]:
    """Return the account as ``--json`` shows it: without its credential."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "plan": account.plan.value,
        "groups": list(account.groups),
        "state": _state(account, now_s).value,
        "reason": _why(account),
        "until": account.until,
        "slots": {kind.value: slots for kind, slots in account.slots.items()},
        "videos_remaining": account.videos_remaining,
        "quota_resets_at": account.quota_resets_at,
        "credential": account.credential.form.value,
        "credential_version": account.credential.version,
        "credential_expires_at": account.credential.expires_at,
        "has_proxy": account.proxy is not None,
        "owner": account.owner,
        "created_at": account.created_at,
        "last_used_at": account.last_used_at,
    }


def _state(account: Account, now_s: float) -> AccountState:
    return AccountState.READY if account.is_usable(now_s) else account.state


def _row(seen: Seen, now_s: float) -> tuple[str, ...]:
    account = seen.account
    is_well = _state(account, now_s) is AccountState.READY
    left = "" if account.videos_remaining is None else str(account.videos_remaining)
    resets_at = account.quota_resets_at or 0.0
    return (
        account.id,
        account.name,
        mask_email(account.email),
        account.plan.value,
        ", ".join(account.groups),
        seen.standing.state,
        "" if is_well else moment(account.until),
        _why(account, is_well=is_well) or "",
        free_slots(seen.standing),
        f"{left}, more {ahead(resets_at, now_s)}" if left and resets_at > now_s else left,
        ago(account.last_used_at, now_s),
        account.credential.form.value,
        moment(account.credential.expires_at),
        "the pool" if account.owner is None else "its owner",
    )


def _why(account: Account, *, is_well: bool = False) -> str | None:
    """Return why the account is as it is, with what went wrong when its credential was renewed."""
    parts = (None if is_well else account.reason, account.credential.trouble)
    return "; ".join(dict.fromkeys(part for part in parts if part)) or None


def _text_of(file: Path | None) -> str:
    if file is not None and str(file) != "-":
        return file.read_text(errors="replace")
    if sys.stdin.isatty():
        note("Paste credentials, one per line; end with Ctrl+D on a line of its own.")
    return sys.stdin.read()


def _report(outcomes: Sequence[Outcome], *, is_json: bool) -> None:
    """Print a line for each; exit 1 if any failed."""
    if is_json:
        document([outcome.as_json() for outcome in outcomes])
    else:
        for outcome in outcomes:
            typer.echo(f"{outcome.what}: {'' if outcome.is_ok else 'FAILED - '}{outcome.text}")
    if not all(outcome.is_ok for outcome in outcomes):
        raise typer.Exit(FAILED)


@asynccontextmanager
async def _arrivals(house: House) -> AsyncIterator[Arrivals]:
    """Open what exchanges and confirms credentials; an exchange that has begun is finished."""
    clock = StoreClock(house.store, system_now)
    await clock.sync()
    pool = AccountPool(house.store.accounts, clock)
    async with Renewals(pool, house.upstreams, EngineConfig(), clock) as renewals:
        yield Arrivals(pool, renewals, house.upstreams, clock)


async def _add(
    settings: Settings, given: Sequence[Given], choices: Choices, has_check: bool
) -> Sequence[Outcome]:
    async with open_house(settings, is_brief=True) as house, _arrivals(house) as arrivals:

        async def one(line: Given) -> Outcome:
            return await _add_one(house.store.accounts, arrivals if has_check else None, line, choices)

        return await _each(given, one)


async def _add_one(store: AccountStore, arrivals: Arrivals | None, line: Given, choices: Choices) -> Outcome:
    what = f"line {line.line}"
    if line.token is None or line.form is None:
        return Outcome(what=what, is_ok=False, text=line.problem or "")
    claims = facts_in(line.token)
    if arrivals is None:
        if line.form is not CredentialForm.ACCESS or claims is None:
            text = f"This {line.form.value} does not say whose it is; add it without --no-check."
            return Outcome(what=what, is_ok=False, text=text)
        opened = Opened(credential=unopened(line.form, line.token), facts=claims)
    else:
        known = await store.get(enrol.account_id(claims)) if claims is not None else None
        proxy = known.proxy if choices.proxy is None and known is not None else choices.proxy
        try:
            opened = await arrivals.open(enrol.UPSTREAM, line.form, line.token, is_own=False, proxy=proxy)
        except GatewayError as error:
            return Outcome(what=what, is_ok=False, text=error.message)
    account, is_new = await enrol.save(
        store, opened.facts, opened.credential, choices, system_now(), opened.digest
    )
    if arrivals is not None:
        await arrivals.settle(opened)
    verb = "added" if is_new else "credential replaced"
    return Outcome(what=what, is_ok=True, text=f"{verb}: {_described(account)}", account=account)


async def _check(settings: Settings, which: str | None) -> Sequence[Outcome]:
    async with open_house(settings, is_brief=True) as house, _arrivals(house) as arrivals:
        accounts = list(await house.store.accounts.all())
        if which is not None:
            accounts = [find(accounts, which)]
        else:
            accounts = [
                one for one in accounts if one.state is not AccountState.DISABLED and one.owner is None
            ]

        async def one(account: Account) -> Outcome:
            return await _check_one(house.store.accounts, arrivals, account)

        return await _each(accounts, one)


async def _check_one(store: AccountStore, arrivals: Arrivals, account: Account) -> Outcome:
    try:
        confirmed, facts = await arrivals.confirm(account)
    except GatewayError as error:
        if error.kind is ErrorKind.ACCOUNT_AUTH:
            await store.change(
                account.id, lambda a: after_error(a, ErrorKind.ACCOUNT_AUTH, None, system_now())
            )
        return Outcome(what=account.id, is_ok=False, text=error.message, account=account)
    if facts.backend_id != account.backend_id:
        text = f"The credential opens another account ({facts.backend_id})."
        return Outcome(what=account.id, is_ok=False, text=text, account=account)
    after = await store.change(account.id, lambda before: enrol.with_facts(before, facts)) or confirmed
    return Outcome(what=account.id, is_ok=True, text=_described(after), account=after)


async def _each(items: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Return the results in the order of the items, a few at a time, showing progress for many."""
    results: dict[int, R] = {}
    gate = asyncio.Semaphore(_CHECKS_AT_ONCE)
    with _progress(len(items)) as progress:
        bar = progress.add_task("Asking the backend", total=len(items)) if progress is not None else None

        async def one(index: int, item: T) -> None:
            async with gate:
                results[index] = await work(item)
            if progress is not None and bar is not None:
                progress.advance(bar)

        async with asyncio.TaskGroup() as group:
            for index, item in enumerate(items):
                group.create_task(one(index, item))
    return [results[index] for index in range(len(items))]


def _progress(number: int) -> AbstractContextManager[Progress | None]:
    if number <= _MANY:
        return nullcontext()
    return Progress(console=Console(stderr=True), transient=True)


def _described(account: Account) -> str:
    left = account.videos_remaining
    quota = "" if left is None else f", {plural(left, 'video')} left"
    return f"{account.id}, {mask_email(account.email)}, plan {account.plan.value}{quota}"


async def _seen(settings: Settings, which: str | None = None) -> tuple[list[Seen], float]:
    """Return all accounts, or the one that is meant, as they stand now."""
    async with open_store(settings, is_brief=True) as store:
        now_s = await store.time()
        accounts = await store.accounts.all()
        if which is not None:
            accounts = [find(accounts, which)]
        loads = await store.lanes.load([account.id for account in accounts])
        seen = []
        for account in accounts:
            facts = await store.lanes.facts(account.id)
            how = standing(account, loads.get(account.id, IDLE), now_s)
            seen.append(Seen(account=account, standing=how, observed_at=facts.last_observed_at))
        return seen, now_s


async def _change(settings: Settings, which: str, decide: Callable[[Account], Account]) -> Account:
    async with open_store(settings, is_brief=True) as store:
        account = find(await store.accounts.all(), which)
        changed = await store.accounts.change(account.id, decide)
        return account if changed is None else changed


async def _remove(settings: Settings, which: str, force: bool) -> Account:
    async with open_store(settings, is_brief=True) as store:
        account = find(await store.accounts.all(), which)
        running = len(await store.jobs.lane_jobs(account.id))
        if running and not force:
            raise CommandError(
                f"{plural(running, 'job')} still run on {account.id}. "
                "Disable it and remove it when they are done, or use --force."
            )
        await store.accounts.remove(account.id)
        return account
