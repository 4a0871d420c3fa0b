"""Define what the answers of the backend are made of: tolerant models, and fields that are read late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, Protocol, Self, TypeVar, overload

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

from sora_gateway.upstreams.sora_web.fields import Flag, Integer, Number, Text, as_object


class Wire(BaseModel):
    """What all answers have in common: a field that is not known is not read."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


Value = TypeVar("Value")


class HasRow(Protocol):
    """Something that was made of an object of an answer."""

    @property
    def row(self) -> Mapping[str, Any]:
        """The object as it came."""
        ...


class Late(Generic[Value]):
    """A field that is read from the row each time it is asked for."""

    def __init__(self, read: Callable[[Any], Value]) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...
    @overload
    def __get__(self, holder: HasRow, owner: type) -> Value: ...
    def __get__(self, holder: HasRow | None, owner: type) -> Self | Value:
        return self if holder is None else self._read(holder.row.get(self._name))


def reader(kind: Any) -> Callable[[Any], Any]:
    """Return what reads a value of ``kind`` as a model does."""
    return TypeAdapter(kind, config=ConfigDict(defer_build=True)).validate_python


class Encoding(Wire):
    """One rendition. On posts the key is ``url`` instead of ``path``.

    Source: Sora web protocol, sections 5.3 and 7.3. Example:
    ``{"path": "https://videos.openai.com/az/files/9c1e/raw?sig=x", "size": 4412907, "duration_secs": 10.1}``
    """

    path: Text = None
    url: Text = None
    duration_secs: Number = None

    @property
    def link(self) -> str | None:
        """The address, or None: a path of the backend's own storage is none."""
        return next((text for text in (self.path, self.url) if text and text.startswith(_SCHEMES)), None)


_SCHEMES = ("https://", "http://")


class Encodings(Wire):
    """The renditions that matter. Source: Sora web protocol, section 8.3."""

    source: Annotated[Encoding | None, BeforeValidator(as_object)] = None
    source_wm: Annotated[Encoding | None, BeforeValidator(as_object)] = None


class Moderation(Wire):
    """The verdict on a first-generation task or result.

    Source: Sora web protocol, section 5.3. Example:
    ``{"type": "passed", "results_by_frame_index": {}, "code": null, "is_output_rejection": false}``
    """

    type: Text = None
    code: Text = None
    is_output_rejection: Flag = False

    @property
    def is_refusal(self) -> bool:
        """Tell whether the content was refused."""
        return self.is_output_rejection or self.type not in (None, "passed")


class Generation(Wire):
    """One result of a first-generation task.

    Source: Sora web protocol, section 5.3. Example:
    ``{"id": "gen_01kq", "url": "https://…/img_0.webp?sig=x", "download_status": "ready", "deleted_at": null,
    "encodings": {"source": {"path": "https://…/img_0.png?sig=x"}}, "width": 1536, "height": 1024}``
    """

    id: Text = None
    url: Text = None
    deleted_at: Any = None
    download_status: Text = None
    width: Integer = None
    height: Integer = None
    n_frames: Integer = None
    encodings: Annotated[Encodings | None, BeforeValidator(as_object)] = None

    @property
    def link(self) -> str | None:
        """The file's address, or None where it cannot be fetched (any more, or yet)."""
        if self.deleted_at or self.download_status not in (None, "ready"):
            return None
        source = self.encodings.source if self.encodings else None
        return (source.link if source else None) or self.url
