"""Keep secrets out of logs, errors and reprs."""

from __future__ import annotations

import re

_SECRETS = re.compile(
    r"(?<![A-Za-z0-9])sg-[A-Za-z0-9_-]{8,}"  # licence keys
    # JWT and JWE; looks once at each word, or a long one without a dot would take quadratic time
    r"|(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*+\.)[A-Za-z0-9_-]*?eyJ[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*){1,4}"
    r"|(?<![A-Za-z0-9])rt_[A-Za-z0-9_.-]{6,}"  # refresh tokens
    r"|(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=_-]{6,}"  # webhooks' signing secrets
    r"|(?i:(?<=bearer ))[^\s\"']+"
    r"|(?i:(?<=authorization: basic )|(?<=sentinel-token: ))[^\s\"']+"
    r"|(?<=[?&]key=)[^&\s\"']+"
    r"|(?<=[?&]sig=)[^&\s\"']+"
    r"|(?:(?<=session-token=)|(?<=session-token\.\d=)|(?<=session-token\.\d\d=))[^;\s\"']+"
    r"|(?<=://)[^\s/\"'@:]{0,200}:[^\s/\"']{1,400}(?=@)"  # user and password of an address
)


class Secret:
    """Hold a text that shows itself only when asked with ``reveal``.

    Equality and hash are those of the text, so a secret can be a key of a dictionary.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


_INTERNAL = re.compile(
    r"(?<![a-z0-9+.-])[a-z0-9+.-]*+://[^\s\"'<>]+"  # addresses of servers
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\[?\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}\]?"
    r"|(?<![\w.+-])[\w.+-]++@[\w-]+\.[\w.-]+"  # e-mail
    r"|\b(?:user|org|acct|sub)[-_][A-Za-z0-9]{6,}",  # ids of accounts
    re.IGNORECASE,
)


def presentable(text: str) -> str:
    """Return somebody else's words as a caller may read them: no secrets, addresses, mails or account ids."""
    return _INTERNAL.sub("…", redact(text))


def redact(text: str) -> str:
    """Return ``text`` with everything that looks like a credential replaced by ``***``."""
    return _SECRETS.sub("***", text)
