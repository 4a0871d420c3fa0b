"""Tell whether a model that a caller asks about can be asked for by him."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.model_names import ModelName
from sora_gateway.domain.parameters import resolve
from sora_gateway.web.state import Services

_NO_SUCH_GROUP = (ErrorKind.INVALID_REQUEST, ErrorKind.PERMISSION_DENIED)


async def require_groups(services: Services, caller: Caller, model: ModelName) -> None:
    """Pass if the account groups that the name asks for exist and are open to the caller.

    Raises:
        GatewayError(invalid_request, permission_denied): what a request for the model would be told.
    """
    if not model.groups:
        return
    request = resolve({"model": model.asked, "prompt": "x"}, policy=services.policy).request
    try:
        await services.generations.admitted([request], caller)
    except GatewayError as error:
        if error.kind in _NO_SUCH_GROUP:
            raise
