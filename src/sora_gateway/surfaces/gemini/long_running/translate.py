"""Read requests that start an operation or ask for one."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.values import show
from sora_gateway.surfaces.gemini.instances import read_instance
from sora_gateway.surfaces.gemini.intake import Draft
from sora_gateway.surfaces.gemini.keys import snaked
from sora_gateway.surfaces.gemini.names import operation_id_in
from sora_gateway.web.forms import Form


def translate_start(form: Form, model: str) -> Draft:
    """Return what a request to make videos asks for, see ``read_instance``."""
    instance = read_instance(form, model)
    return Draft(
        wish=instance.wish, references=instance.references, kind=MediaKind.VIDEO, start=instance.start
    )


def translate_fetch(form: Form) -> tuple[str, str]:
    """Return the name of the operation that is asked for, and its job's id.

    Raises:
        GatewayError(invalid_request): it is missing or no such name.
    """
    name = snaked(form.fields).get("operation_name")
    job_id = operation_id_in(name) if isinstance(name, str) else None
    if not isinstance(name, str) or job_id is None:
        said = "is missing" if name is None else f"is {show(name)}"
        message = f"'operationName' {said}; give the 'name' that :predictLongRunning returned."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="operationName")
    return name, job_id
