"""Read a caller's promise that equal requests mean one job."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.ports.stores import Idempotency
from sora_gateway.web.delivery import on_delivery
from sora_gateway.web.deps import services_of
from sora_gateway.web.forms import Form, digest_of

_LONGEST_KEY = 255


async def idempotency_of(request: Request, caller: Caller, form: Form) -> Idempotency | None:
    """Return what makes equal requests one job: the caller's ``Idempotency-Key``, or an SDK that repeats.

    The scope is licence and route, the digest covers what the path names (the video of a remix), fields and
    file contents, never the bytes on the wire.
    SDKs send no key but number their attempts (``x-stainless-retry-count``): a repeated one gets the job
    that was made already, unless its answer was delivered. Neither header: None.

    Raises:
        GatewayError(invalid_request): the key is too long.
    """
    key = request.headers.get("idempotency-key", "").strip()
    attempt = request.headers.get("x-stainless-retry-count", "").strip()
    if not key and not attempt.isdecimal():
        return None
    if len(key) > _LONGEST_KEY:
        message = f"The Idempotency-Key has {len(key)} characters; at most {_LONGEST_KEY} are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="Idempotency-Key")
    route = f"{request.method} {getattr(request.scope.get('route'), 'path', request.url.path)}"
    named = "".join(f" {name}={value}" for name, value in sorted(request.path_params.items()))
    scope, digest = f"{caller.licence_id}:{route}", digest_of(f"{route}{named}", form, _digests(form))
    if key:
        return Idempotency(scope=scope, key=key, digest=digest)
    generations = services_of(request).generations
    promise = await generations.promise(scope, digest, is_repeat=int(attempt[:9]) > 0)
    if promise is not None:
        on_delivery(request, lambda: generations.delivered(promise))
    return promise


def _digests(form: Form) -> Iterator[str]:
    for name in sorted(form.files):
        for upload in form.files[name]:
            yield f"{name}={upload.file.digest}"
