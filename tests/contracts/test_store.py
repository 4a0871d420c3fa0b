"""Prove the promises of ``ports.stores.Store`` itself."""

from __future__ import annotations

import asyncio
from itertools import count

from sora_gateway.ports.stores import Store


async def test_the_store_answers_and_says_what_it_is(store: Store) -> None:
    """The facts name the server, and one run of it."""
    await store.ping()
    facts = await store.facts()
    assert facts.server
    assert facts.run_id
    assert facts.version[0].isdigit()


async def test_the_first_vault_stays(store: Store) -> None:
    """Every later one is told the first."""
    assert await store.register_vault("vault-1") == "vault-1"
    assert await store.register_vault("vault-2") == "vault-1"
    assert await store.register_vault("vault-1") == "vault-1"


async def test_a_secret_is_made_once(store: Store) -> None:
    """Ten nodes that ask at once agree; another name is another secret."""
    numbers = count()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.secret("links", lambda: f"s{next(numbers)}")) for _ in range(10)]
    assert len({task.result() for task in tasks}) == 1
    assert await store.secret("links", lambda: "late") == tasks[0].result()
    assert await store.secret("other", lambda: "its own") == "its own"
