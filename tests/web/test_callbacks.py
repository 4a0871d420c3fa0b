"""Prove where a request's own address is read from."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.requests import Callback
from sora_gateway.web.callbacks import callback_of
from tests.gateway import Gateway, gateway

__all__ = ["gateway"]

ONE, TWO = "https://one.test/", "https://two.test/"


def asked(gateway: Gateway, **headers: str) -> Request:
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "app": gateway.app, "headers": listed})


@pytest.mark.parametrize(
    ("fields", "headers", "callback"),
    [
        ({}, {}, None),
        ({"webhook_url": None}, {}, None),
        ({"webhook_url": ""}, {}, None),
        ({"webhook_url": ONE}, {}, Callback(url=ONE)),
        ({}, {"x_webhook_url": TWO}, Callback(url=TWO)),
        ({"webhook_url": ONE}, {"x_webhook_url": TWO}, Callback(url=ONE)),
        ({"webhook_url": ONE}, {"x_webhook_secret": "12345678"}, Callback(url=ONE, sealed="sealed:87654321")),
    ],
)
async def test_field_then_header(
    gateway: Gateway, fields: dict[str, Any], headers: dict[str, str], callback: Callback | None
) -> None:
    """The field wins; a secret may come in either place and is kept sealed."""
    assert callback_of(asked(gateway, **headers), fields) == callback


async def test_a_secret_alone(gateway: Gateway) -> None:
    """It is a mistake: whoever sends one expects something to be signed."""
    with pytest.raises(GatewayError, match="without 'webhook_url'"):
        callback_of(asked(gateway, x_webhook_secret="12345678"), {})
