"""Say how jobs go while they are waited for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import anyio
from starlette.requests import ClientDisconnect, Request

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller
from sora_gateway.engine.generations import Generations
from sora_gateway.web.deps import services_of
from sora_gateway.web.streaming import watching
from sora_gateway.web.telling import tell_progress
from sora_gateway.web.waiting import wait_final


async def told(
    generations: Generations, jobs: Sequence[Job], caller: Caller
) -> AsyncGenerator[tuple[Job, str], None]:
    """Yield each job whenever it changes, one after the other to its end, and a line about it.

    The line is empty where it would repeat the last one.
    """
    for position, job in enumerate(jobs, 1):
        said = ""
        async with watching(generations.watch(job.id, caller)) as events:
            async for watched in events:
                line = tell_progress(watched.view, position, len(jobs))
                yield watched.view.job, line if line != said else ""
                said = line


async def wait_told(request: Request, jobs: Sequence[Job], caller: Caller) -> tuple[tuple[Job, ...], str]:
    """Return what ``wait_final`` does, and the lines that a stream would have shown meanwhile.

    Raises:
        ClientDisconnect, GatewayError: see ``wait_final``.
    """
    lines: list[str] = []
    ended: tuple[Job, ...] = ()
    failure: GatewayError | ClientDisconnect | None = None

    async def listen() -> None:
        with suppress(GatewayError):  # whatever it is, the waiting meets it too
            async with watching(told(services_of(request).generations, jobs, caller)) as sights:
                async for _, line in sights:
                    lines.append(line)

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        try:
            ended = await wait_final(request, jobs, caller)
        except (GatewayError, ClientDisconnect) as error:
            failure = error
        if failure is not None or not all(job.is_final for job in ended):
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return ended, "".join(lines)
