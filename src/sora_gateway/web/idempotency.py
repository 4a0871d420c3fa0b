"""Read a caller's promise that equal requests mean one job."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.ports.stores import Idempotency
from sora_gateway.web.forms import Form, digest_of

_LONGEST_KEY = 255


async def idempotency_of(request: Request, caller: Caller, form: Form) -> Idempotency | None:
    """Return what ``Idempotency-Key`` promises, None without the header.

    The scope is licence and route, the digest covers fields and file contents, never the bytes on the wire.

    Raises:
        GatewayError(invalid_request): the key is too long.
    """
    key = request.headers.get("idempotency-key", "").strip()
    if not key:
        return None
    if len(key) > _LONGEST_KEY:
        message = f"The Idempotency-Key has {len(key)} characters; at most {_LONGEST_KEY} are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="Idempotency-Key")
    route = f"{request.method} {getattr(request.scope.get('route'), 'path', request.url.path)}"
    files = [entry async for entry in _digests(form)]
    return Idempotency(scope=f"{caller.licence_id}:{route}", key=key, digest=digest_of(route, form, files))


async def _digests(form: Form) -> AsyncIterator[str]:
    for name in sorted(form.files):
        for upload in form.files[name]:
            yield f"{name}={hashlib.sha256(await upload.read()).hexdigest()}"
