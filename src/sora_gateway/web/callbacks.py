"""Read where a request wants its own end to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.requests import Callback
from sora_gateway.domain.webhooks import read_secret, read_url
from sora_gateway.web.deps import services_of

URL, SECRET = "webhook_url", "webhook_secret"
URL_HEADER, SECRET_HEADER = "X-Webhook-Url", "X-Webhook-Secret"


def callback_of(request: Request, fields: Mapping[str, Any]) -> Callback | None:
    """Return the address in ``webhook_url``, else in the header ``X-Webhook-Url``; None where there is none.

    Without ``webhook_secret`` (``X-Webhook-Secret``) what is sent there bears no signature.

    Raises:
        GatewayError(invalid_request): the address or the secret is not usable, or there is a secret alone.
    """
    url, url_name = _given(request, fields, URL, URL_HEADER)
    secret, secret_name = _given(request, fields, SECRET, SECRET_HEADER)
    if url is None:
        if secret is not None:
            message = f"'{secret_name}' is given without '{URL}', the address that it is for."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=secret_name)
        return None
    address = read_url(url, param=url_name)
    sealed = None if secret is None else read_secret(secret, param=secret_name)
    return services_of(request).webhooks.callback(address, sealed)


def _given(request: Request, fields: Mapping[str, Any], name: str, header: str) -> tuple[Any, str]:
    value = fields.get(name)
    if value not in (None, ""):
        return value, name
    return request.headers.get(header) or None, header
