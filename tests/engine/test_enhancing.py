"""A prompt is worded anew by whichever account answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.accounts import AccountState
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.engine.enhancing import Enhancer
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.engine.conftest import ACCOUNT, Scripted
from tests.engine.test_generations import ANN

OTHER = "scripted:user-2"


async def _enhanced(tools: NodeTools, **changes: str) -> str:
    caller = replace(ANN, **changes)  # type: ignore[arg-type]
    return await Enhancer(tools).enhance("a cat", level="short", duration_s=15, groups=(), caller=caller)


async def _second_account(store: Store) -> None:
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    await store.accounts.put(
        replace(account, id=OTHER, backend_id="user-2", created_at=account.created_at + 1)
    )


async def test_it_asks_for_what_was_wished(tools: NodeTools) -> None:
    """Level and length reach the backend."""
    assert await _enhanced(tools) == "short 15: a cat, in golden light"


async def test_another_account_is_asked(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """An account's own trouble is put down to it, and the next one answers."""
    await _second_account(store)
    upstream.enhance_errors = [GatewayError(ErrorKind.ACCOUNT_RATE_LIMITED, "slow down")]
    assert "golden" in await _enhanced(tools)
    assert set(upstream.enhanced) == {ACCOUNT, OTHER}
    first = await store.accounts.get(upstream.enhanced[0])
    assert first is not None
    assert first.state is AccountState.COOLING


async def test_a_refusal_is_the_answer(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """Nobody else is asked for refused content."""
    await _second_account(store)
    upstream.enhance_errors = [GatewayError(ErrorKind.CONTENT_REFUSED, "no")]
    with pytest.raises(GatewayError, match="no"):
        await _enhanced(tools)
    assert len(upstream.enhanced) == 1


async def test_with_a_caller_of_his_own_account(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """Only that one is asked."""
    await _second_account(store)
    await _enhanced(tools, account_id=OTHER)
    assert upstream.enhanced == [OTHER]


async def test_without_accounts(store: Store, tools: NodeTools) -> None:
    """It says that none is in service."""
    await store.accounts.remove(ACCOUNT)
    with pytest.raises(GatewayError) as caught:
        await _enhanced(tools)
    assert caught.value.kind is ErrorKind.NO_ACCOUNT


async def test_text_models_of_the_licence(tools: NodeTools, upstream: Scripted) -> None:
    """A licence with a list of models must name them, one by one or all; else nobody is asked."""
    for models in (("prompt-enhance",), ("sora_image", "prompt-enhance-short-15s")):
        assert "golden" in await Enhancer(tools).enhance(
            "a cat", level="short", duration_s=15, groups=(), caller=replace(ANN, models=models)
        )
    with pytest.raises(GatewayError, match="prompt-enhance-short-15s") as caught:
        await Enhancer(tools).enhance(
            "a cat", level="short", duration_s=15, groups=(), caller=replace(ANN, models=("sora_image",))
        )
    assert caught.value.kind is ErrorKind.PERMISSION_DENIED
    assert len(upstream.enhanced) == 2
