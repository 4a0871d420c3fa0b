"""Models that a caller asks about."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.domain.model_names import parse_model_name
from sora_gateway.web.naming import require_groups
from tests.fakes import caller_of
from tests.gateway import Gateway, client_of

CALLER = caller_of("licence", Permission.CHAT)


@pytest.mark.parametrize(
    ("name", "kind", "is_refused"),
    [
        ("sora_video2|[none]", ErrorKind.INVALID_REQUEST, True),
        ("sora_video2|[theirs]", ErrorKind.PERMISSION_DENIED, True),
        ("sora_video2|[free]", ErrorKind.NO_ACCOUNT, False),
        ("sora_video2-pro", ErrorKind.INVALID_REQUEST, False),
    ],
)
async def test_groups(gateway: Gateway, name: str, kind: ErrorKind, is_refused: bool) -> None:
    """Groups that do not exist or are not the caller's are told; that nobody is there now is not."""
    gateway.generations.refusal = GatewayError(kind, "No.", param="model")
    services, model = gateway.app.state.services, parse_model_name(name)
    if not is_refused:
        await require_groups(services, CALLER, model)
        return
    with pytest.raises(GatewayError) as caught:
        await require_groups(services, CALLER, model)
    assert caught.value.kind is kind


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models"])
async def test_every_dialect(gateway: Gateway, path: str) -> None:
    """Looking it up is a 404, as for any name that means nothing."""
    gateway.generations.refusal = GatewayError(ErrorKind.INVALID_REQUEST, "No such group.", param="model")
    async with client_of(gateway) as client:
        for headers in ({}, {"anthropic-version": "2023-06-01"}):
            answer = await client.get(f"{path}/sora_video2|[none]", headers=headers)
            assert answer.status_code == 404
            assert "No such group." in answer.text
