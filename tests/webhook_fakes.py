"""Stand-ins for what webhooks need: endpoints in memory, and a poster that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.webhooks import Endpoint
from sora_gateway.ports.webhooks import EndpointPage


@dataclass(frozen=True)
class Post:
    """What was sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]


class FakePoster:
    """Answers with ``answers`` one by one, a text for no answer at all, and then with 200."""

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers)
        self.posts: list[Post] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        self.posts.append(Post(url, body, dict(headers)))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, str):
            raise GatewayError(ErrorKind.INVALID_REQUEST, answer, param="url")
        return answer


class FakeWebhooks:
    """The part of a webhook store that surfaces lead to; what is sealed shows that it is."""

    def __init__(self) -> None:
        self.records: dict[str, Endpoint] = {}

    async def add_endpoint(self, endpoint: Endpoint, *, most: int) -> bool:
        if len(await self.endpoints_of(endpoint.owner)) >= most:
            return False
        self.records[endpoint.id] = endpoint
        return True

    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        return self.records.get(endpoint_id)

    async def endpoints_of(self, owner: str) -> Sequence[Endpoint]:
        return [endpoint for endpoint in self.records.values() if endpoint.owner == owner]

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool
    ) -> EndpointPage | None:
        mine = sorted(
            await self.endpoints_of(owner), key=lambda it: (it.created_at, it.id), reverse=not ascending
        )
        ids = [endpoint.id for endpoint in mine]
        if after is not None and after not in ids:
            return None
        start = 0 if after is None else ids.index(after) + 1
        page = tuple(mine[start : start + limit])
        return EndpointPage(endpoints=page, has_more=len(mine) > start + limit)

    async def change_endpoint(
        self, endpoint_id: str, decide: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        if endpoint_id not in self.records:
            return None
        self.records[endpoint_id] = decide(self.records[endpoint_id])
        return self.records[endpoint_id]

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        return self.records.pop(endpoint_id, None) is not None

    def seal(self, text: str) -> str:
        return f"sealed:{text[::-1]}"

    def unseal(self, sealed: str) -> str:
        return sealed.removeprefix("sealed:")[::-1]
