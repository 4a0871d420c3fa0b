"""Hold what an operator may set about the Sora web backend, with defaults that work."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from sora_gateway.kit.redact import Secret

SENTINEL_HEADER = "openai-sentinel-token"
"""Sora web protocol, section 2. Its value comes from the operator; nothing here makes one."""

_BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoraWebConfig:
    """Settings of one backend that speaks the Sora web protocol.

    ``media_hosts`` are hosts whose files may be fetched over plain http. ``image_preset`` picks one of the
    two sets of sizes of section 5.1. ``drafts_after_s``: a task that no list of unfinished tasks ever showed
    is looked for among the finished ones from this age on. ``max_clients`` bounds the credentials whose
    connections are kept open.

    ``publish``: whether the source of a remix gets a post of its own, or is named as the draft it is.
    ``publish_pauses_s`` are the waits after refusals of a draft that is too new. A publication or a character
    whose call got no answer is made again after ``recheck_reads`` over ``recheck_over_s`` did not show it. A
    character is polled every ``character_poll_s`` and has ``character_wait_s``; ``character_visibility`` says
    who may use it.
    """

    name: str = "sora_web"
    base_url: str = "https://sora.chatgpt.com/backend"
    session_url: str = "https://sora.chatgpt.com/api/auth/session"
    oauth_url: str = "https://auth.openai.com/oauth/token"
    sentinel_token: Secret | None = None
    user_agent: str = _BROWSER
    language: str = "en-US"
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    create_timeout_s: float = 60.0
    upload_timeout_s: float = 120.0
    file_timeout_s: float = 30.0
    media_hosts: tuple[str, ...] = ()
    image_preset: Literal["360", "480"] = "360"
    absence_reads: int = 5
    absence_over_s: float = 120.0
    poll_fast_s: float = 1.0
    poll_slow_s: float = 5.0
    drafts_after_s: float = 30.0
    drafts_pages: int = 3
    max_clients: int = 512
    publish: Literal["lazily", "never"] = "lazily"
    recheck_reads: int = 4
    recheck_over_s: float = 15.0
    publish_pauses_s: tuple[float, ...] = (2.0, 4.0, 8.0, 12.0)
    character_visibility: Literal["private", "public"] = "private"
    character_poll_s: float = 5.0
    character_wait_s: float = 600.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"base_url must be an http or https address, not {self.base_url!r}")
        if self.image_preset not in ("360", "480"):
            raise ValueError(f'image_preset must be "360" or "480", not {self.image_preset!r}')
        if not 0 < self.poll_fast_s <= self.poll_slow_s:
            raise ValueError("poll_fast_s must be above 0 and not above poll_slow_s")
        if self.absence_reads < 1 or self.max_clients < 1 or self.drafts_pages < 1:
            raise ValueError("absence_reads, max_clients and drafts_pages must be at least 1")
        if self.publish not in ("lazily", "never") or self.recheck_reads < 1:
            raise ValueError('publish must be "lazily" or "never", and recheck_reads at least 1')
        if self.character_visibility not in ("private", "public"):
            raise ValueError('character_visibility must be "private" or "public"')

    @property
    def origin(self) -> str:
        """The scheme and host of the pages that the calls belong to."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, path: str) -> str:
        """Return the address of the backend's ``path``, which begins with a slash."""
        return self.base_url.rstrip("/") + path

    def may_fetch(self, url: str) -> bool:
        """Tell whether a file may be fetched from ``url``: https, or http where the settings imply it."""
        try:
            link, base = urlsplit(url), urlsplit(self.base_url)
            host = link.hostname
        except ValueError:
            return False
        if not host or link.username is not None:
            return False
        if link.scheme == "https":
            return True
        if link.scheme != "http":
            return False
        is_plain = base.scheme == "http" or _is_loopback(base.hostname or "")
        return is_plain or host == base.hostname or host in self.media_hosts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
