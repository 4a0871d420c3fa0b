"""A signed link opens exactly one file until it expires."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from sora_gateway.media.links import SignedLinks
from sora_gateway.ports.media import Links

JOB = "job_01k0000000000000000000000z"


def parts(link: str) -> tuple[str, str, str]:
    split = urlsplit(link)
    query = parse_qs(split.query)
    return split.path, query["exp"][0], query["sig"][0]


@pytest.mark.parametrize(
    ("variant", "path"),
    [
        ("video", f"{JOB}/video/0.mp4"),
        ("thumbnail", f"{JOB}/thumbnail/0.webp"),
        ("spritesheet", f"{JOB}/spritesheet/0.jpg"),
        ("image", f"{JOB}/image/0"),
    ],
)
def test_what_is_signed_is_verified(variant: str, path: str) -> None:
    """The link has the documented form, is safe in a URL, and is accepted until its last second."""
    now = 1000.0
    links: Links = SignedLinks("secret", lambda: now)
    link = links.sign(JOB, variant, 0, 1060.2)
    assert quote(link, safe="/?&=") == link
    name, exp, sig = parts(link)
    assert (name, exp, len(sig)) == (path, "1061", 43)
    assert links.verify(JOB, variant, 0, exp, sig)
    now = 1060.9
    assert links.verify(JOB, variant, 0, exp, sig)
    now = 1061.0
    assert not links.verify(JOB, variant, 0, exp, sig)


def test_any_change_breaks_it() -> None:
    """Another job, variant, index, expiry, signature or secret is refused, and nothing raises."""
    links = SignedLinks("secret", lambda: 0.0)
    _, exp, sig = parts(links.sign(JOB, "image", 1, 100))
    assert links.verify(JOB, "image", 1, exp, sig)
    changed = [
        (JOB[:-1], "image", 1, exp, sig),
        (JOB + "\n5", "image", 1, exp, sig),
        (JOB, "video", 1, exp, sig),
        (JOB, "image", 0, exp, sig),
        (JOB, "image", 11, exp, sig),
        (JOB, "image", 1, "101", sig),
        (JOB, "image", 1, exp, sig[:-1]),
        (JOB, "image", 1, exp, sig + "="),
        (JOB, "image", 1, exp, sig[:-1] + "ü"),
        (JOB, "image", 1, exp, "\ud800"),
        (JOB, "image", 1, exp, ""),
        ("\ud800", "image", 1, exp, sig),
    ]
    for attempt in changed:
        assert not links.verify(*attempt), attempt
    assert not SignedLinks("other", lambda: 0.0).verify(JOB, "image", 1, exp, sig)


@pytest.mark.parametrize(
    "exp", ["", "-1", "+100", " 100", "100 ", "1e9", "１００", "0x64", "9" * 13, "100.5"]
)
def test_only_plain_numbers_expire(exp: str) -> None:
    """An expiry that is not plain digits is refused, signed or not."""
    links = SignedLinks("secret", lambda: 0.0)
    assert not links.verify(JOB, "image", 0, exp, links._signature(JOB, "image", 0, exp))


@pytest.mark.parametrize(
    ("job", "variant", "index"), [("a/b", "video", 0), ("a", "v?x", 0), ("a", "video", -1)]
)
def test_parts_that_do_not_fit_a_path(job: str, variant: str, index: int) -> None:
    """Names that would need escaping are mistakes of the gateway."""
    with pytest.raises(ValueError, match="no link"):
        SignedLinks("secret").sign(job, variant, index, 1)


def test_a_secret_is_needed() -> None:
    """An empty secret would sign for everyone."""
    with pytest.raises(ValueError, match="secret"):
        SignedLinks("")
