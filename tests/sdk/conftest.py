"""Fixtures: a gateway over a fake engine, and a whole product in processes of its own."""

import asyncio

from tests.gateway import client, gateway, live
from tests.sdk.product import product

__all__ = ["client", "gateway", "live", "product"]

# pytest-asyncio would ask for the current loop and leave the one that is made for it unclosed.
asyncio.set_event_loop(None)
