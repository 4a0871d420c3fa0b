"""Fixtures: a gateway over a fake engine."""

import asyncio

from tests.gateway import client, gateway, live

__all__ = ["client", "gateway", "live"]

# pytest-asyncio would ask for the current loop and leave the one that is made for it unclosed.
asyncio.set_event_loop(None)
