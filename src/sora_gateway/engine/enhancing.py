"""Have the backend word a prompt more richly."""

from __future__ import annotations

import asyncio

from sora_gateway.accounts.choice import admission, choose
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.text_models import TextModel
from sora_gateway.engine.tools import NodeTools, report_trouble
from sora_gateway.licences.scope import text_within

_MOST_ASKED = 3
_ANOTHER_MAY = frozenset(
    {ErrorKind.ACCOUNT_AUTH, ErrorKind.ACCOUNT_BUSY, ErrorKind.ACCOUNT_EXHAUSTED}
    | {ErrorKind.ACCOUNT_RATE_LIMITED, ErrorKind.UPSTREAM_BLOCKED, ErrorKind.UPSTREAM_OVERLOADED}
    | {ErrorKind.UPSTREAM_UNREACHABLE}
)
"""What another account may do better."""


class Enhancer:
    """Asks one account after the other. Nothing is kept: asking again is harmless and costs no quota."""

    def __init__(self, tools: NodeTools) -> None:
        self._tools = tools

    async def enhance(
        self, prompt: str, *, level: str, duration_s: int, groups: tuple[str, ...], caller: Caller
    ) -> str:
        """Return a richer wording of ``prompt`` for a video of ``duration_s``; asks up to three accounts.

        Raises:
            GatewayError(permission_denied): the caller's licence allows neither the model nor its family.
            GatewayError(no_account): none is in service, or all are resting.
            GatewayError(content_refused): the backend does not work with this prompt.
            GatewayError: the last account's trouble.
        """
        request = GenerationRequest(
            kind=MediaKind.CHARACTER,  # like a character it needs no quota
            family=Family.VIDEO2,
            model=Family.VIDEO2.value,
            prompt=prompt,
            aspect=Aspect.PORTRAIT,
            groups=text_within(TextModel(id="", level=level, duration_s=duration_s, groups=groups), caller),
            account_id=caller.account_id,
        )
        accounts = await self._tools.pool.all()
        refusal = admission(request, accounts)
        if refusal is not None:
            raise refusal
        failure = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "All accounts are resting; try again later.")
        for account in choose(request, accounts, {}, self._tools.now())[:_MOST_ASKED]:
            upstream = self._tools.upstreams[account.upstream]
            try:
                async with asyncio.timeout(self._tools.config.upstream_call_s):
                    return await upstream.enhance(prompt, level, duration_s, account)
            except TimeoutError:
                failure = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "The backend did not answer in time.")
            except GatewayError as error:
                if error.kind not in _ANOTHER_MAY:
                    raise
                await report_trouble(self._tools, upstream, account, error.kind)
                failure = error
        raise failure
