"""Wait for jobs on behalf of a caller, as long as he has patience and stays."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller
from sora_gateway.web.deps import services_of
from sora_gateway.web.links import MAIN_VARIANT, link_to
from sora_gateway.web.streaming import OpenAnswers

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


_WAIT = re.compile(r"\s*wait\s*=\s*(?:(\d{1,9})|\"(\d{1,9})\")\s*(?:;.*)?", re.ASCII | re.IGNORECASE)


def preferred_wait_s(headers: Headers) -> int | None:
    """Return how many seconds the caller would wait for the end (``Prefer: wait=N``, RFC 7240).

    The first one counts; what cannot be read is no preference.
    """
    for line in headers.getlist("prefer"):
        for preference in line.split(","):
            found = _WAIT.fullmatch(preference)
            if found is not None:
                return int(found[1] or found[2])
    return None


async def wait_as_preferred(request: Request, job: Job, caller: Caller) -> tuple[Job, Mapping[str, str]]:
    """Return the job as it is after the caller's preferred wait, and the headers that say how long it was.

    It is no longer than any answer may take, and ends when the job does. Without a preference neither.

    Raises:
        ClientDisconnect: see ``wait_final``.
    """
    preferred_s = preferred_wait_s(request.headers)
    if preferred_s is None:
        return job, {}
    wait_s = min(preferred_s, int(patience_s(request.headers, services_of(request).wait_max_s)))
    seen = [job]
    try:
        await _wait(request, seen, caller, deadline=anyio.current_time() + wait_s)
    except (StoppingError, asyncio.CancelledError):
        return job, {}  # the process ends; the answer is the job, finished or not
    return seen[0], {"preference-applied": f"wait={wait_s}"}


async def wait_final(
    request: Request, jobs: Sequence[Job], caller: Caller, *, most_s: float | None = None
) -> tuple[Job, ...]:
    """Return the jobs when all are final, or as they are when patience (or ``most_s``) ends.

    Raises:
        ClientDisconnect: the caller hung up; the jobs go on.
        GatewayError(still_running): the process ends; the jobs go on.
    """
    limit_s = patience_s(request.headers, services_of(request).wait_max_s)
    deadline = anyio.current_time() + (limit_s if most_s is None else min(most_s, limit_s))
    seen = list(jobs)
    try:
        await _wait(request, seen, caller, deadline=deadline)
    except (StoppingError, asyncio.CancelledError):
        # Nothing but the end of the process cancels a request; the jobs do not live in it.
        message = f"The server is being restarted. Job '{jobs[0].id}' goes on; {_found(request, jobs[0])}"
        raise GatewayError(ErrorKind.STILL_RUNNING, message, code="server_stopping") from None
    return tuple(seen)


async def _wait(request: Request, jobs: list[Job], caller: Caller, *, deadline: float) -> None:
    """Put each job, as it is when it is final or at ``deadline``, into its place."""
    generations = services_of(request).generations

    async def wait() -> None:
        for position, job in enumerate(jobs):
            left_s = max(0.0, deadline - anyio.current_time())
            jobs[position] = await generations.wait_final(job.id, caller, timeout_s=left_s)

    await while_connected(request, wait)


def _found(request: Request, job: Job) -> str:
    if job.kind in MAIN_VARIANT:
        return f"once finished it opens at {link_to(request, job)}"
    return f"ask for it at /v1/{job.kind.value}s/{job.id}"


class StoppingError(Exception):
    """The process ends, so nothing is waited for any longer."""


class _Work:
    """Work of a request that the end of the process ends."""

    def __init__(self, scope: anyio.CancelScope) -> None:
        self._scope = scope
        self.is_stopped = False

    def stop(self) -> None:
        """End it."""
        self.is_stopped = True
        self._scope.cancel()


async def while_connected(request: Request, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work``, whose body was read before, and stop it when the caller hangs up.

    Raises:
        ClientDisconnect: he did.
        StoppingError: the process ends.
        GatewayError: what ``work`` raised.
    """
    answers: OpenAnswers = request.app.state.open_answers
    failure: GatewayError | None = None
    has_hung_up = False
    async with anyio.create_task_group() as group:
        work_here = _Work(group.cancel_scope)

        async def listen() -> None:
            nonlocal has_hung_up
            while (await request.receive())["type"] != "http.disconnect":
                pass
            has_hung_up = True
            group.cancel_scope.cancel()

        group.start_soon(listen)
        answers.add(work_here)
        try:
            await work()
        except GatewayError as error:
            failure = error
        finally:
            answers.discard(work_here)
        group.cancel_scope.cancel()
    if work_here.is_stopped:
        raise StoppingError
    if failure is not None:
        raise failure
    if has_hung_up:
        raise ClientDisconnect
