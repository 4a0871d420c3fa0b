"""Prove that settings are named, explained and never shown where they are secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sora_gateway.domain.licences import Permission
from sora_gateway.domain.prices import DEFAULT_PRICES
from sora_gateway.domain.webhooks import DELAYS_S
from sora_gateway.settings import SettingsError, example, load, variable_names, variables

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / ".env.example"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def problem_with(**overrides: object) -> str:
    """Return what is said about settings that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        load(**overrides)
    return str(caught.value)


def test_defaults() -> None:
    """Without any variable everything has its default."""
    settings = load()
    assert (settings.host, settings.port, settings.redis_url) == ("127.0.0.1", 8000, None)
    assert settings.media_root == Path("data/media")


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option wins over the environment, that over ``.env``; an empty variable is none."""
    (tmp_path / ".env").write_text("SORA_GATEWAY_PORT=1111\nSORA_GATEWAY_HOST=::1\nOTHER=1\n")
    assert load().port == 1111
    monkeypatch.setenv("SORA_GATEWAY_PORT", "2222")
    monkeypatch.setenv("SORA_GATEWAY_LOG_LEVEL", "")
    settings = load(host=None)
    assert (settings.port, settings.host, settings.log_level) == (2222, "::1", "info")
    assert load(port=0).port == 0


@pytest.mark.parametrize("name", ["REDIS_URL", "SORA_GATEWAY_REDIS_URL"])
def test_redis_url_has_two_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The common name of the store's address is read, and ours."""
    monkeypatch.setenv(name, "redis://:geheim@localhost/0")
    settings = load()
    monkeypatch.delenv(name)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:geheim@localhost/0"
    assert "geheim" not in repr(settings)


BAD = [
    ("SORA_GATEWAY_PORT", "many"),
    ("SORA_GATEWAY_PORT", "70000"),
    ("SORA_GATEWAY_LOG_FORMAT", "xml"),
    ("SORA_GATEWAY_LOG_LEVEL", "loud"),
    ("SORA_GATEWAY_PUBLIC_URL", "example.org"),
    ("SORA_GATEWAY_PUBLIC_URL", "https://example.org/"),
    ("SORA_GATEWAY_WAIT_MAX_S", "-1"),
    ("SORA_GATEWAY_QUEUE_LIMIT", "0"),
    ("SORA_GATEWAY_RELAX_25S", "perhaps"),
    ("SORA_GATEWAY_ALIASES", "my-video=sora_video2"),
    ("SORA_GATEWAY_ALIASES", '{"my-video": "sora_video3"}'),
    ("SORA_GATEWAY_ALIASES", '{"sora_video2-pro": "sora_video2"}'),
    ("SORA_GATEWAY_PRICES", "1"),
    ("SORA_GATEWAY_PRICES", '{"sora_video2": 3}'),
    ("SORA_GATEWAY_PRICES", '{"sora_image*": -1}'),
    ("SORA_GATEWAY_SORA_WEB_BASE_URL", "ftp://example.org"),
    ("SORA_GATEWAY_SORA_WEB_IMAGE_PRESET", "400"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_value_is_named_and_explained(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The text has the variable's name, its value and its meaning."""
    monkeypatch.setenv(name, value)
    text = problem_with()
    assert text.startswith(f"{name}={value} cannot be used: ")
    meaning = next(one.meaning for one in variables() if one.name == name)
    assert text.endswith(meaning)


def test_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON object of names; none by default."""
    assert load().aliases == {}
    monkeypatch.setenv("SORA_GATEWAY_ALIASES", '{"my-video": "sora_video2-pro-25s"}')
    assert load().aliases == {"my-video": "sora_video2-pro-25s"}


def test_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's before the usual ones, which are there by default."""
    assert load().price_list == DEFAULT_PRICES
    monkeypatch.setenv("SORA_GATEWAY_PRICES", '{"sora_image*": 2}')
    assert load().price_list.of("sora_image-square", None) == 2
    assert load().price_list.of("sora_video-portrait-10s", 10) == 1


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each."""
    monkeypatch.setenv("SORA_GATEWAY_PORT", "x")
    monkeypatch.setenv("SORA_GATEWAY_QUEUE_LIMIT", "x")
    monkeypatch.setenv("SORA_GATEWAY_COLOUR", "x")
    assert len(problem_with().splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SORA_GATEWAY_PRT", "Did you mean SORA_GATEWAY_PORT?"),
        ("sora_gateway_dat_dir", "Did you mean SORA_GATEWAY_DATA_DIR?"),
        ("SORA_GATEWAY_ZZZZZZZZZZZZZZZZ", "doctor"),
    ],
)
def test_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    """A misspelt name is no silent default."""
    monkeypatch.setenv(name, "1")
    text = problem_with()
    assert text.startswith(f"{name} is not a setting.")
    assert hint in text


def test_unknown_name_in_the_file(tmp_path: Path) -> None:
    """The same holds for ``.env``."""
    (tmp_path / ".env").write_text("SORA_GATEWAY_PORTT=1\n")
    assert "SORA_GATEWAY_PORTT is not a setting." in problem_with()


def test_intervals_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only makes sense together is checked together."""
    monkeypatch.setenv("SORA_GATEWAY_SORA_WEB_POLL_FAST_S", "9")
    assert "SORA_GATEWAY_SORA_WEB_POLL_SLOW_S" in problem_with()


@pytest.mark.parametrize(
    ("base_url", "session_url", "oauth_url"),
    [
        (None, "https://sora.chatgpt.com/api/auth/session", "https://auth.openai.com/oauth/token"),
        (
            "http://127.0.0.1:9/backend",
            "http://127.0.0.1:9/api/auth/session",
            "http://127.0.0.1:9/oauth/token",
        ),
    ],
)
def test_where_credentials_are_renewed(base_url: str | None, session_url: str, oauth_url: str) -> None:
    """Beside the backend that is meant: a refresh token goes to no host that the operator did not name."""
    settings = load(sora_web_base_url=base_url)
    assert (settings.session_url, settings.oauth_url) == (session_url, oauth_url)
    named = load(
        sora_web_base_url=base_url, sora_web_oauth_url="https://a/b", sora_web_session_url="https://c/d"
    )
    assert (named.session_url, named.oauth_url) == ("https://c/d", "https://a/b")


def test_permissions_of_passthrough(monkeypatch: pytest.MonkeyPatch) -> None:
    """All, or those that are named; a name that is none is refused."""
    assert load().permissions_of_passthrough == frozenset(Permission)
    some = load(passthrough_permissions="chat, Videos")
    assert some.permissions_of_passthrough == {Permission.CHAT, Permission.VIDEOS}
    monkeypatch.setenv("SORA_GATEWAY_PASSTHROUGH_PERMISSIONS", "chat,films")
    assert "no such permission: films" in problem_with()


def test_delays_of_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds with commas between; what is none, or longer than a day, is refused."""
    assert load().webhook_delays == DELAYS_S
    assert load(webhook_delays_s="0.5, 60").webhook_delays == (0.5, 60.0)
    for wrong in ("soon", "5;6", "0", "-1", "nan", "inf", "86401", ",", "1," * 21):
        monkeypatch.setenv("SORA_GATEWAY_WEBHOOK_DELAYS_S", wrong)
        assert "numbers of seconds" in problem_with(), wrong


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a representation nor a complaint has a secret in it."""
    monkeypatch.setenv("SORA_GATEWAY_SECRET_KEY", "geheim")
    monkeypatch.setenv("SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN", "geheim")
    settings = load()
    assert "geheim" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    monkeypatch.setenv("SORA_GATEWAY_SORA_WEB_BASE_URL", "ftp://me:geheim@example.org")
    assert "geheim" not in problem_with()
    assert "geheim" not in problem_with(secret_key=["geheim"])


def test_example_is_complete() -> None:
    """``.env.example`` names exactly the variables that are read, with meaning and default."""
    text = EXAMPLE.read_text()
    assert text == example(), "write it anew: sora-gateway doctor --settings > .env.example"
    assert tuple(re.findall(r"^# ([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)) == variable_names()
    assert all(one.meaning in text for one in variables())


def test_example_is_a_file_of_settings(tmp_path: Path) -> None:
    """With every default uncommented it says the same as no file at all."""
    text = re.sub(r"^# (?=[A-Z][A-Z0-9_]+=)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    before = load()
    (tmp_path / ".env").write_text(text)
    assert load() == before


def test_origins() -> None:
    """Off by default; what is no origin is refused with an example of one."""
    assert load().cors_allowed == frozenset()
    assert load(cors_origins="https://a.example, HTTP://b.example:81").cors_allowed == {
        "https://a.example",
        "http://b.example:81",
    }
    assert "https://chat.example.org" in problem_with(cors_origins="a.example")


def test_old_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several are separated by commas, empty ones left out, and none of them is shown."""
    assert load().old_keys == ()
    monkeypatch.setenv("SORA_GATEWAY_OLD_SECRET_KEYS", "one , ,two,")
    assert load().old_keys == ("one", "two")
    assert "two" not in repr(load())
