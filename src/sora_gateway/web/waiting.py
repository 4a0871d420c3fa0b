"""Wait for jobs on behalf of a caller, as long as he has patience and stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
from starlette.requests import ClientDisconnect, Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller
from sora_gateway.web.deps import services_of
from sora_gateway.web.links import link_to

_MARGIN_S = 10.0
_LEAST_S = 1.0


_STATED = ("x-stainless-read-timeout", "x-stainless-timeout", "x-server-timeout")
"""Where SDKs say how long they wait, in seconds: OpenAI's and Anthropic's, Google's."""


def patience_s(headers: Mapping[str, str], wait_max_s: float) -> float:
    """Return how long an answer may take: ``wait_max_s``, or the client's stated time-out less 10 s."""
    stated = next((value for name in _STATED if (value := headers.get(name))), "")
    try:
        timeout_s = float(stated)
    except ValueError:
        return wait_max_s
    return max(_LEAST_S, min(wait_max_s, timeout_s - _MARGIN_S)) if timeout_s > 0 else wait_max_s


async def wait_final(request: Request, jobs: Sequence[Job], caller: Caller) -> tuple[Job, ...]:
    """Return the jobs when all are final, or as they are when patience ends.

    Raises:
        ClientDisconnect: the caller hung up; the jobs go on.
        GatewayError(still_running): the process ends; the jobs go on.
    """
    services = services_of(request)
    deadline = anyio.current_time() + patience_s(request.headers, services.wait_max_s)
    seen = list(jobs)

    async def wait() -> None:
        for position, job in enumerate(jobs):
            left_s = max(0.0, deadline - anyio.current_time())
            seen[position] = await services.generations.wait_final(job.id, caller, timeout_s=left_s)

    try:
        await while_connected(request, wait)
    except asyncio.CancelledError:
        # Nothing but the end of the process cancels a request; the jobs do not live in it.
        link = link_to(request, jobs[0])
        message = (
            f"The server is being restarted. Job '{jobs[0].id}' goes on; once finished it opens at {link}"
        )
        raise GatewayError(ErrorKind.STILL_RUNNING, message, code="server_stopping") from None
    return tuple(seen)


async def while_connected(request: Request, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work``, whose body was read before, and stop it when the caller hangs up.

    Raises:
        ClientDisconnect: he did.
        GatewayError: what ``work`` raised.
    """
    failure: GatewayError | None = None
    has_hung_up = False
    async with anyio.create_task_group() as group:

        async def listen() -> None:
            nonlocal has_hung_up
            while (await request.receive())["type"] != "http.disconnect":
                pass
            has_hung_up = True
            group.cancel_scope.cancel()

        group.start_soon(listen)
        try:
            await work()
        except GatewayError as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if has_hung_up:
        raise ClientDisconnect
