"""Callers who do not give up: each has one wish and one key, asks whichever node answers, and takes notes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from typing import Any

import httpx2

from sora_gateway.kit.clock import boottime, system_now
from tests.functional.chaos.plan import Wish
from tests.functional.chaos.records import END_EVENTS, Event, Told
from tests.functional.chaos.world import Licence, Node, World
from tests.functional.harness import sse

_PAUSE_S = 0.25
_ANSWER_S = 8.0
_IMAGE_S = 20.0
_SILENCE_S = 15.0
"""A stream beats every 12 s; one that does not is of a node that sleeps."""
_UNITS = {10: 1, 15: 2}
_ASK_AGAIN = frozenset(
    {
        "store_unavailable",
        "storage_unavailable",
        "still_running",
        "queue_full",
        "rate_limit_exceeded",
        "no_account",
        "internal_error",
        "",
    }
)
"""What says nothing about the job; all else is its end, or a refusal."""
_GONE = frozenset({"not_found", "invalid_request", "video_not_ready"})


class Street:
    """The way to the gateway: any node, by chance, rather one that is thought to be up."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world = world
        self._dice = dice
        self._client = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None), timeout=_ANSWER_S)
        self.began_at = boottime()
        self.finished: dict[str, list[str]] = {}
        """Videos that can be changed, by licence."""
        self.strange: Counter[str] = Counter()
        """Answers that nobody should get, by status and code."""

    async def aclose(self) -> None:
        """Hang up."""
        await self._client.aclose()

    def begin(self) -> None:
        """Count the run's time from now."""
        self.began_at = boottime()

    async def wait_until(self, at_s: float) -> None:
        """Wait for a moment of the run."""
        await asyncio.sleep(max(0.0, self.began_at + at_s - boottime()))

    def _node(self) -> Node:
        up = [node for node in self._world.nodes if node.is_up]
        return self._dice.choice(up or self._world.nodes)

    def licence(self, number: int) -> Licence:
        """Return the key that a wish is made with."""
        return self._world.licences[number]

    async def ask(
        self, licence: Licence, method: str, path: str, *, key: str | None = None, **more: Any
    ) -> httpx2.Response | None:
        """Ask once; None: no complete answer came."""
        headers = {"Authorization": f"Bearer {licence.key}", **({"Idempotency-Key": key} if key else {})}
        url = f"{self._node().gateway.url}/sora/v1{path}"
        try:
            answer = await self._client.request(method, url, headers=headers, **more)
        except httpx2.HTTPError:
            return None
        if answer.status_code == httpx2.codes.INTERNAL_SERVER_ERROR:
            self.strange[f"{method} {answer.status_code} {code_of(answer)}"] += 1
        return answer

    async def insist(
        self, licence: Licence, method: str, path: str, *, key: str | None = None, **more: Any
    ) -> httpx2.Response:
        """Ask until somebody gives an answer that says something."""
        while True:
            answer = await self.ask(licence, method, path, key=key, **more)
            if answer is not None and (answer.is_success or code_of(answer) not in _ASK_AGAIN):
                return answer
            await asyncio.sleep(_PAUSE_S)

    @contextlib.asynccontextmanager
    async def stream(self, licence: Licence, path: str, after_seq: int | None) -> Any:
        """Open a stream of events."""
        headers = {"Authorization": f"Bearer {licence.key}"}
        if after_seq is not None:
            headers["Last-Event-ID"] = str(after_seq)
        url = f"{self._node().gateway.url}/sora/v1{path}"
        timeout = httpx2.Timeout(_ANSWER_S, read=_SILENCE_S)
        async with self._client.stream("GET", url, headers=headers, timeout=timeout) as response:
            yield response


def code_of(answer: httpx2.Response) -> str:
    """Return the code of a failure, empty if there is none."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, LookupError, TypeError):
        return ""


class Caller:
    """Lives one wish from the asking to the end."""

    def __init__(self, wish: Wish, street: Street) -> None:
        self._wish = wish
        self._street = street
        self._licence = street.licence(wish.licence)
        self.told = Told(
            number=wish.number,
            kind=wish.kind,
            prompt=wish.prompt,
            licence_id=self._licence.id,
            units=_UNITS[wish.seconds] if wish.kind == "video" else 1,
            asked_at=0.0,
        )

    async def live(self) -> None:
        """Ask in time, and see it through."""
        await self._street.wait_until(self._wish.at_s)
        self.told.asked_at = system_now()
        if self._wish.kind == "image":
            await self._picture()
            return
        await self._video()
        if self.told.job_id is not None and self.told.end is None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(self.told.job_id))
                group.create_task(self._regret(self.told.job_id))

    @property
    def _key(self) -> str:
        return f"wish-{self._wish.number}"

    async def _picture(self) -> None:
        body = {"model": "sora_image", "prompt": self._wish.prompt}
        answer = await self._street.insist(
            self._licence, "POST", "/images/generations", key=self._key, json=body, timeout=_IMAGE_S
        )
        self._ended(
            "completed" if answer.is_success else "failed", None if answer.is_success else code_of(answer)
        )

    async def _video(self) -> None:
        finished = self._street.finished.get(self._licence.id)
        if self._wish.is_remix and finished:
            path, body = f"/videos/{finished[-1]}/remix", {"prompt": self._wish.prompt}
            answer = await self._street.insist(self._licence, "POST", path, key=self._key, json=body)
            if code_of(answer) in _GONE:  # deleted meanwhile, or lost by the store
                answer = await self._plain()
        else:
            answer = await self._plain()
        if answer.is_success:
            self.told.job_ids.append(answer.json()["id"])
            self.told.told_at = system_now()
        else:
            self._ended("refused", code_of(answer))

    async def _plain(self) -> httpx2.Response:
        body = {"model": f"sora_video2-{self._wish.seconds}s", "prompt": self._wish.prompt}
        return await self._street.insist(self._licence, "POST", "/videos", key=self._key, json=body)

    def _ended(self, end: str, code: str | None) -> None:
        if code == "insufficient_quota":
            end = "refused"
        self.told.end, self.told.code, self.told.ended_at = end, code, system_now()
        if end == "completed" and self._wish.then == "keep" and self.told.job_id is not None:
            self._street.finished.setdefault(self._licence.id, []).append(self.told.job_id)

    async def _regret(self, job_id: str) -> None:
        if self._wish.then == "keep":
            return
        await asyncio.sleep(self._wish.then_s)
        if self._wish.then == "cancel":
            answer = await self._street.insist(self._licence, "POST", f"/videos/{job_id}/cancel")
            self.told.is_cancelled = (
                answer.is_success and (answer.json()["error"] or {}).get("code") == "cancelled"
            )
        else:
            answer = await self._street.insist(self._licence, "DELETE", f"/videos/{job_id}")
            self.told.is_deleted = answer.is_success or code_of(answer) == "not_found"

    # --- watching -------------------------------------------------------------------------------------------

    async def _follow(self, job_id: str) -> None:
        while self.told.end is None and self.told.missed_at is None:
            with contextlib.suppress(httpx2.HTTPError):
                await self._read(job_id)
            await asyncio.sleep(_PAUSE_S)

    async def _read(self, job_id: str) -> None:
        events = self.told.events
        after_seq = events[-1].seq if events else None
        async with self._street.stream(self._licence, f"/videos/{job_id}/events", after_seq) as response:
            if response.status_code == httpx2.codes.NO_CONTENT:
                await self._look(job_id)
                return
            if not response.is_success:
                await response.aread()
                if code_of(response) == "not_found":
                    self._missed()
                return
            async for line in sse(response):
                if line.get("event", "ping") != "ping":
                    self._heard(line)

    def _heard(self, line: dict[str, str]) -> None:
        video = json.loads(line["data"])
        name = line["event"]
        self.told.events.append(
            Event(
                seq=int(line["id"]),
                name=name,
                status=video["status"],
                percent=video["progress"],
                at=system_now(),
            )
        )
        if name in END_EVENTS or video["status"] in ("completed", "failed"):
            self._ended(video["status"], (video["error"] or {}).get("code"))

    async def _look(self, job_id: str) -> None:
        answer = await self._street.ask(self._licence, "GET", f"/videos/{job_id}")
        if answer is None or not answer.is_success:
            if answer is not None and code_of(answer) == "not_found":
                self._missed()
            return
        video = answer.json()
        if video["status"] in ("completed", "failed"):
            self._ended(video["status"], (video["error"] or {}).get("code"))

    def _missed(self) -> None:
        if self._wish.then == "delete":
            self._ended("deleted", None)
        else:
            self.told.missed_at = system_now()
