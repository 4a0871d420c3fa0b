"""``sora-gateway webhook``: see where events go, whether they arrive, and send them again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from sora_gateway.cli.options import DataDir, Json, parse_length_s, settings_for_command
from sora_gateway.cli.output import document, moment, note, plural, table
from sora_gateway.cli.plain import MISUSED, CommandError
from sora_gateway.domain.webhooks import (
    CALLBACK,
    Delivery,
    DeliveryState,
    Endpoint,
    event_id_of,
    renewed,
)
from sora_gateway.engine.deliveries import replay as replay_deliveries
from sora_gateway.settings import Settings
from sora_gateway.store_access import open_store

app = typer.Typer(no_args_is_help=True, help="See where events go, and send them again.")

_MOST_REPLAYED = 10_000


@app.command("list")
def list_endpoints(is_json: Json = False, data_dir: DataDir = None) -> None:
    """List the webhook endpoints of all licences."""
    endpoints = asyncio.run(_endpoints(settings_for_command(data_dir)))
    if is_json:
        document([_endpoint_json(endpoint) for endpoint in endpoints])
        return
    if not endpoints:
        note("There is no webhook endpoint; callers make them: POST /v1/webhook_endpoints")
        return
    rows = [
        (
            endpoint.id,
            endpoint.owner,
            endpoint.name,
            endpoint.url,
            ", ".join(endpoint.event_types),
            _health(endpoint),
        )
        for endpoint in endpoints
    ]
    typer.echo(table(("id", "licence", "name", "url", "events", "state"), rows))


@app.command()
def deliveries(
    job: Annotated[str | None, typer.Option("--job", help="Only those of this job's event.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The last so many.")] = 50,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List deliveries of the last 30 days with their last try, the newest first."""
    found = asyncio.run(_deliveries(settings_for_command(data_dir), job, limit))
    if failed:
        found = [delivery for delivery in found if delivery.state is DeliveryState.FAILED]
    if is_json:
        document([delivery_json(delivery) for delivery in found])
        return
    if not found:
        note("There is no such delivery.")
        return
    rows = [
        (
            moment(delivery.created_at),
            delivery.event.id,
            delivery.event.type.value,
            delivery.event.job_id,
            delivery.target,
            delivery.state.value,
            str(delivery.attempts),
            delivery.tries[-1].outcome if delivery.tries else delivery.reason or "",
        )
        for delivery in found
    ]
    typer.echo(table(("made", "event", "type", "job", "to", "state", "tries", "last"), rows))


@app.command()
def replay(
    name: Annotated[
        str | None, typer.Argument(metavar="[JOB_ID|EVENT_ID]", help="Whose event is sent again.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that were given up.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="With --failed: made within this time, e.g. 12h, 7d.", show_default="30d"),
    ] = None,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Send events again, with the same webhook-id; a running node does it within a second or two."""
    if (name is None) is not failed or (since is not None and not failed):
        raise CommandError(
            "Name one job or event, or give --failed, with --since if you like.", exit_code=MISUSED
        )
    settings = settings_for_command(data_dir)
    length_s = parse_length_s(since) if since is not None else None
    done = asyncio.run(_replay_failed(settings, length_s) if name is None else _replay(settings, name))
    if is_json:
        document([delivery_json(delivery) for delivery in done])
    elif done:
        events = len({delivery.event.id for delivery in done})
        to = plural(len({delivery.target for delivery in done}), "target")
        typer.echo(f"{plural(events, 'event')} to {to}: due now.")
    else:
        note("Nothing is to be sent: nobody has subscribed to it, or nothing has failed.")


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Return the delivery as ``--json`` shows it."""
    is_pending = delivery.state is DeliveryState.PENDING
    return {
        "event_id": delivery.event.id,
        "type": delivery.event.type.value,
        "job_id": delivery.event.job_id,
        "licence_id": delivery.event.owner,
        "endpoint_id": None if delivery.target == CALLBACK else delivery.target,
        "state": delivery.state.value,
        "reason": delivery.reason,
        "created_at": delivery.created_at,
        "next_try_at": delivery.due_at if is_pending else None,
        "attempts": delivery.attempts,
        "tries": [{"at": made.at, "status": made.status, "error": made.error} for made in delivery.tries],
    }


def _endpoint_json(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "licence_id": endpoint.owner,
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": [event_type.value for event_type in endpoint.event_types],
        "created_at": endpoint.created_at,
        "failing_since": endpoint.failing_since,
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason,
    }


def _health(endpoint: Endpoint) -> str:
    if endpoint.disabled_at is not None:
        return f"disabled {moment(endpoint.disabled_at)}: {endpoint.disabled_reason}"
    if endpoint.failing_since is not None:
        return f"failing since {moment(endpoint.failing_since)}"
    return "enabled"


async def _endpoints(settings: Settings) -> Sequence[Endpoint]:
    async with open_store(settings, is_brief=True) as store:
        return await store.webhooks.endpoints()


async def _deliveries(settings: Settings, job_id: str | None, limit: int) -> Sequence[Delivery]:
    async with open_store(settings, is_brief=True) as store:
        if job_id is not None:
            return await store.webhooks.deliveries_of(event_id_of(job_id))
        return await store.webhooks.recent(limit)


async def _replay(settings: Settings, name: str) -> Sequence[Delivery]:
    async with open_store(settings, is_brief=True) as store:
        return await replay_deliveries(store.webhooks, store.jobs, name, await store.time())


async def _replay_failed(settings: Settings, length_s: float | None) -> Sequence[Delivery]:
    async with open_store(settings, is_brief=True) as store:
        now_s = await store.time()
        since = now_s - length_s if length_s is not None else 0.0
        found = await store.webhooks.recent(_MOST_REPLAYED, since=since)
        failed = [delivery for delivery in found if delivery.state is DeliveryState.FAILED]
        again = [renewed(delivery, now_s) for delivery in failed]
        await store.webhooks.put(again)
        return again
