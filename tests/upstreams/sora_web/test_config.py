"""What an operator may set, and which links follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.kit.redact import Secret
from sora_gateway.upstreams.sora_web.config import SoraWebConfig

SECURE = "https://sora.chatgpt.com/backend"


def test_addresses_are_joined_with_one_slash() -> None:
    """A trailing slash of the setting changes nothing."""
    for base in (SECURE, SECURE + "/"):
        assert SoraWebConfig(base_url=base).url("/nf/create") == f"{SECURE}/nf/create"
    assert SoraWebConfig().origin == "https://sora.chatgpt.com"


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "sora.chatgpt.com"},
        {"base_url": "ftp://sora.chatgpt.com"},
        {"image_preset": "720"},
        {"poll_fast_s": 0},
        {"poll_fast_s": 9, "poll_slow_s": 5},
        {"absence_reads": 0},
        {"max_clients": 0},
        {"publish": "always"},
        {"recheck_reads": 0},
        {"character_visibility": "friends"},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    """A setting that cannot work fails at start, not at the first call."""
    with pytest.raises(ValueError, match="must be"):
        SoraWebConfig(**settings)


def test_the_sentinel_does_not_show() -> None:
    """The printed settings carry no secret."""
    assert "s3cret" not in repr(SoraWebConfig(sentinel_token=Secret("s3cret")))


@pytest.mark.parametrize(
    ("base", "hosts", "url", "is_allowed"),
    [
        (SECURE, (), "https://videos.openai.com/az/files/1/raw?sig=x", True),
        (SECURE, (), "http://videos.openai.com/az/files/1/raw", False),
        (SECURE, (), "http://sora.chatgpt.com/f", True),
        (SECURE, ("media.lan",), "http://media.lan:9000/f", True),
        (SECURE, ("media.lan",), "http://other.lan/f", False),
        ("http://127.0.0.1:8100/backend", (), "http://127.0.0.1:8101/f", True),
        ("http://sora.lan/backend", (), "http://media.lan/f", True),
        ("https://localhost:8100/backend", (), "http://media.lan/f", True),
        (SECURE, (), "file:///etc/passwd", False),
        (SECURE, (), "ftp://videos.openai.com/f", False),
        (SECURE, (), "//videos.openai.com/f", False),
        (SECURE, (), "https://user:pass@videos.openai.com/f", False),
        (SECURE, (), "https://", False),
        (SECURE, (), "https://[::1", False),
        (SECURE, (), "", False),
    ],
)
def test_which_links_may_be_fetched(base: str, hosts: tuple[str, ...], url: str, is_allowed: bool) -> None:
    """Files come over https; plain http only where the operator's own settings imply it."""
    assert SoraWebConfig(base_url=base, media_hosts=hosts).may_fetch(url) is is_allowed
