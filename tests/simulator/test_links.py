"""Signed links expire and cannot be extended (Sora web protocol, section 12)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from sora_gateway.simulator.links import LinkSigner

SIGNER = LinkSigner(b"secret", origin="http://media", life_s=60)


def _query(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def test_shape() -> None:
    """Azure-style query on the media origin."""
    link = SIGNER.sign("/az/files/1/raw", 1000)
    assert link.startswith("http://media/az/files/1/raw?se=1970-01-01T00%3A17%3A40.000Z&sp=r&sv=")
    assert {"se", "sp", "sv", "sr", "skoid", "sktid", "ske", "sks", "skv", "sig"} <= set(_query(link))


def test_good_for_one_path_and_a_while() -> None:
    """Another path, a later time, a moved expiry and another key are refused."""
    query = _query(SIGNER.sign("/a", 1000))
    assert SIGNER.is_valid("/a", query, 1059)
    assert not SIGNER.is_valid("/a", query, 1060)
    assert not SIGNER.is_valid("/b", query, 1000)
    assert not SIGNER.is_valid("/a", query | {"se": "2999-01-01T00:00:00.000Z"}, 1000)
    assert not SIGNER.is_valid("/a", {}, 1000)
    assert not SIGNER.is_valid("/a", {"se": "x", "sig": "ä"}, 1000)
    assert not LinkSigner(b"other", origin="http://media", life_s=60).is_valid("/a", query, 1000)


def test_an_expiry_that_is_no_time_is_refused() -> None:
    """Even with our signature on it."""
    query = {"se": "soon", "sig": SIGNER._signature("/a", "soon")}
    assert not SIGNER.is_valid("/a", query, 1000)
