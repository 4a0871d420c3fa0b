"""Name resources as Google does: models, operations, files. A name holds all there is to know of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from sora_gateway.domain.media import MediaKind
from sora_gateway.web.deps import services_of

VERSIONS = ("v1beta", "v1")
"""google-genai asks for the first up to 2.x, for the second from 3.x on: both are served alike."""

CLOUD = "v1beta1/publishers/google"
"""Where models stand in ``vertexai`` mode."""

# The SDKs cut a file id at the first character that is no lower-case letter or digit, so the job's own id
# would lose its tail. Job ids are a kind, "_" and digits of Crockford's alphabet, which has no "u".
_FILE_ID = re.compile(r"(image|video)([0-9a-hjkmnp-tv-z]{1,64})(?:u(\d{1,4}))?")
_FILE_URI = re.compile(r"(?:.*/)?files/([^/:?#]+)(?::download)?(?:[?#].*)?", re.DOTALL)
_OPERATION = re.compile(r"(?:.*/)?operations/([a-z0-9_]{1,80})", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """A result: the ``index``-th of the job ``job_id``."""

    job_id: str
    kind: MediaKind
    index: int

    @property
    def id(self) -> str:
        """The file id: lower-case letters and digits only."""
        return self.job_id.replace("_", "") + (f"u{self.index}" if self.index else "")


def file_name_of(file_id: str) -> FileName | None:
    """Return what a file id names, None if it is none of ours."""
    match = _FILE_ID.fullmatch(file_id)
    if match is None:
        return None
    return FileName(job_id=f"{match[1]}_{match[2]}", kind=MediaKind(match[1]), index=int(match[3] or 0))


def file_name_in(uri: str) -> FileName | None:
    """Return what the last ``files/{id}`` of ``uri`` names, None if it is no file of ours.

    The SDKs paste a whole ``http`` uri behind ``files/``, so there may be several.
    """
    match = _FILE_URI.fullmatch(uri)
    return file_name_of(match[1]) if match else None


def file_uri(request: Request, job_id: str, kind: MediaKind, index: int = 0) -> str:
    """Return the absolute uri by which the SDKs download a result; it needs the key.

    Like links it begins with the public URL of the settings, else with the origin and mount of ``request``.
    """
    base = services_of(request).public_url or str(request.base_url)
    name = FileName(job_id=job_id, kind=kind, index=index)
    return f"{base.rstrip('/')}/{VERSIONS[0]}/files/{name.id}:download?alt=media"


def resource_in(path: str) -> str:
    """Return the resource of a path below the mount, without version and verb.

    ``/v1beta/models/a|[b:c]:predict`` is about ``models/a|[b:c]``: the verb follows the last colon.
    """
    _, _, resource = path.lstrip("/").partition("/")
    head, colon, verb = resource.rpartition(":")
    return head if colon and "/" not in verb else resource


def operation_id_in(name: str) -> str | None:
    """Return the job's id in an operation's name, None if there is none."""
    match = _OPERATION.fullmatch(name)
    return match[1] if match else None
