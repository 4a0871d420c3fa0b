"""Verbs that are not served."""

from __future__ import annotations

import httpx2
import pytest


@pytest.mark.parametrize("place", ["v1", "v1beta", "v1beta1/publishers/google"])
async def test_refused(client: httpx2.AsyncClient, place: str) -> None:
    """404 with the verbs that there are, and not 405 for a path that only ``GET`` knows."""
    answer = await client.post(f"/{place}/models/a:b:embedContent", json={})
    assert answer.status_code == 404
    assert "'embedContent'; they have generateContent" in answer.json()["error"]["message"]
