"""Redaction: secrets are found wherever they stand, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from sora_gateway.kit.ids import new_id, new_secret
from sora_gateway.kit.redact import Secret, presentable, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl"
JWE = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sg-Abc_123-def456 used", "key *** used"),
        (f"token={JWT}", "token=***"),
        (f"session {JWE}!", "session ***!"),
        ("refresh rt_Abc-123_def.456 rotated", "refresh *** rotated"),
        ("Authorization: Bearer abc.def/123", "Authorization: Bearer ***"),
        ("authorization: bearer abc", "authorization: bearer ***"),
        ("GET /v1/models?key=abc&pageSize=5", "GET /v1/models?key=***&pageSize=5"),
        ("GET /f?exp=1&sig=abcdef", "GET /f?exp=1&sig=***"),
        (
            "__Secure-next-auth.session-token=abc.def; oai-did=1",
            "__Secure-next-auth.session-token=***; oai-did=1",
        ),
        ("session-token.0=abc.def; session-token.11=ghi", "session-token.0=***; session-token.11=***"),
        ("AUTHORIZATION: BEARER abc", "AUTHORIZATION: BEARER ***"),
        ("Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic ***"),
        ("OpenAI-Sentinel-Token: abc", "OpenAI-Sentinel-Token: ***"),
        ("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZ+/= used", "secret *** used"),
        ("redis://:p%40ss@host:6379/0", "redis://***@host:6379/0"),
        ("proxy socks5h://ann:p@ss:word@10.0.0.1:1080 refused", "proxy socks5h://***@10.0.0.1:1080 refused"),
        ('{"refresh_token": "rt_abcdefgh"}', '{"refresh_token": "***"}'),
    ],
)
def test_secrets_are_masked(text: str, expected: str) -> None:
    """Licence keys, tokens, cookies and signatures, in prose, headers, links and JSON."""
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("nothing here", "sg-...abcd", "part_number_seven", "start_seconds", "msg-0123456789", "?monkey=1"),
        *("The model 'sora_video2-hd' does not exist.", "eyJ", "rt_1", "/v1/videos?after=video_1"),
        *("https://example.org:8080/a@b", "redis://host:6379/0", "mail ann@example.org", "bearer"),
    ],
)
def test_other_text_stays(text: str) -> None:
    """Words that merely look alike are readable."""
    assert redact(text) == text


@pytest.mark.parametrize("function", [redact, presentable])
@pytest.mark.parametrize(
    "piece", ["eyJ", "eyJaaaa", "a", "sg-", "rt_", "://", "://a:", "a@", "a.", "a:", "bearer ", "?key=", "."]
)
def test_long_texts_take_linear_time(function: Callable[[str], str], piece: str) -> None:
    """Nobody can hold the process up by what he makes it log."""
    began_s = time.process_time()
    function(piece * (250_000 // len(piece)))
    assert time.process_time() - began_s < 0.75


def test_a_token_glued_to_something_is_masked() -> None:
    """An escape before it, as in a representation of a text, does not save it."""
    assert JWT.partition(".")[2] not in redact(f"b'x\\n{JWT}'")
    assert JWT.partition(".")[2] not in redact(f"%22{JWT}%22")


def test_every_new_key_is_masked() -> None:
    """Whatever its random part looks like."""
    assert all(redact(f"'{new_secret('sg-')}'") == "'***'" for _ in range(200))


def test_ids_are_no_secrets() -> None:
    """Our own ids can be searched for in logs."""
    text = new_id("video")
    assert redact(text) == text


def test_secret_shows_itself_only_when_asked() -> None:
    """Not in any way of printing it."""
    secret = Secret("abc")
    assert {str(secret), repr(secret), f"{secret}", f"{[secret]!r}"} == {"Secret(***)", "[Secret(***)]"}
    assert secret.reveal() == "abc"


def test_secrets_are_values() -> None:
    """Equal texts are equal, with hash, and never equal to the text itself."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"): 1}[Secret("a")] == 1


def test_presentable_hides_what_is_internal() -> None:
    """A backend's words lose tokens, addresses, mails and account ids, and stay readable."""
    said = (
        "Bad token eyJhbGciOi.eyJzdWIi.c2ln at 10.0.0.5:8080 or [fe80::1:2:3] for user-QRkVabc123 of "
        "https://sora.example.org/backend/nf/create?x=1 (free@example.org); keep at most 3 of 10.5 s."
    )
    shown = presentable(said)
    for secret in ("eyJ", "10.0.0.5", "fe80", "QRkV", "sora.example", "free@"):
        assert secret not in shown
    assert "keep at most 3 of 10.5 s." in shown
    assert shown.startswith("Bad token ")
