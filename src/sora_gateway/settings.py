"""Read the settings from the environment and ``.env``; the only reader of the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, Json, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.prices import Prices, read_prices
from sora_gateway.domain.webhooks import DAY_S, DELAYS_S
from sora_gateway.kit.redact import redact
from sora_gateway.web.cors import origins_of

PREFIX = "SORA_GATEWAY_"
_MOST_DELAYS = 20


class SettingsError(Exception):
    """Settings that cannot be used; the text names each one and says what would be right."""


class Settings(BaseSettings):
    """Everything an operator can set; in the environment as ``SORA_GATEWAY_`` and the field's name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for all.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    workers: int = Field(1, ge=1, le=64, description="How many processes serve; each uses one core.")
    data_dir: Path = Field(
        Path("data"), description="Folder for the embedded store, the media and the secret key."
    )
    media_dir: Path | None = Field(
        None,
        description="Folder for results; all nodes need the same one. Default: `media` in the data folder.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", f"{PREFIX}REDIS_URL"),
        description="Server (7.0 or newer) as `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or "
        "`redis+cluster://`. Unset: an embedded one.",
    )
    store_replicas: int = Field(
        0,
        ge=0,
        le=9,
        description="How many replicas of that server must have a job before it is accepted, or sent.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Encrypts stored credentials; the same on all nodes. Unset: kept in the data folder.",
    )
    old_secret_keys: SecretStr | None = Field(
        None,
        description="Earlier secret keys, separated by commas: still read with, never written with.",
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/]+.*[^/]$",
        description="How callers reach the gateway, e.g. `https://example.org/sora`; links begin with it.",
    )
    accel_prefix: str | None = Field(
        None,
        pattern=r"^/(\S*/)?$",
        description="Internal location where nginx in front has the media folder, to send files itself: "
        "`/_vault/`.",
    )
    log_format: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level that is logged."
    )
    wait_max_s: float = Field(
        270.0, gt=0, le=3600, description="How long an answer waits for a result (chat, images)."
    )
    queue_limit: int = Field(
        10_000, ge=1, description="How many jobs may wait; one more is refused with 429."
    )
    media_retention_days: float = Field(7.0, gt=0, le=3650, description="How long results are kept.")
    file_retention_days: float = Field(
        30.0, gt=0, le=3650, description="How long uploaded files are kept, if their request does not say."
    )
    max_upload_mib: int = Field(32, ge=1, le=1024, description="The largest request body.")
    max_picture_mib: int = Field(20, ge=1, le=512, description="The largest reference picture.")
    client_idle_s: float = Field(
        30.0, gt=0, le=600, description="How long a caller may be silent in the middle of a request."
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call from a browser, separated by commas; `*` for all.",
    )
    relax_25s: bool = Field(False, description="Let accounts without a Pro plan make 25 s videos.")
    aliases: Json[dict[str, str]] = Field(
        "{}",
        validate_default=True,
        description='More model names, as JSON: `{"my-video": "sora-2-pro-25s"}`.',
    )
    prices: Json[dict[str, Any]] = Field(
        "{}",
        validate_default=True,
        description="Units that results cost, as JSON by patterns of model names, before the usual ones: "
        '`{"sora_image*": 2, "sora_video2*-hd*": {"10": 8, "15": 16}}`.',
    )
    fetch_allow_private: bool = Field(
        False, description="Fetch pictures from, and send webhooks to, private and loopback addresses too."
    )
    webhook_delays_s: str = Field(
        ",".join(f"{delay_s:g}" for delay_s in DELAYS_S),
        description="Seconds between tries of a webhook delivery, separated by commas; then it is given up.",
    )
    passthrough: bool = Field(
        True, description="Let callers use their own credential of the backend in place of a licence key."
    )
    passthrough_permissions: str = Field(
        "all",
        description="What such callers may do: `all`, or permissions of a licence, separated by commas.",
    )
    passthrough_requests_per_minute: int | None = Field(
        None, ge=1, le=100_000, description="How many requests each such caller may make per minute."
    )
    passthrough_concurrent_jobs: int | None = Field(
        None, ge=1, description="How many unfinished jobs each such caller may have."
    )
    proxy_ips: str = Field(
        "127.0.0.1", description="Proxies whose `X-Forwarded-*` headers are believed; `*` for all."
    )
    sora_web_base_url: str = Field(
        "https://sora.chatgpt.com/backend",
        pattern=r"^https?://\S+$",
        description="Where the backend's protocol is spoken.",
    )
    sora_web_session_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Where a session cookie gives an access token. Default: `/api/auth/session` of the "
        "backend's host.",
    )
    sora_web_oauth_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Where a refresh token gives one. Default: `https://auth.openai.com/oauth/token`, or "
        "with another base URL `/oauth/token` of its host.",
    )
    sora_web_sentinel_token: SecretStr | None = Field(
        None, description="Value of the `openai-sentinel-token` header, if the backend asks for one."
    )
    sora_web_user_agent: str | None = Field(None, description="The user agent shown to the backend.")
    sora_web_media_hosts: str = Field(
        "", description="Hosts, separated by commas, whose files may be fetched over plain http."
    )
    sora_web_poll_fast_s: float = Field(
        1.0, gt=0, le=60, description="Seconds between looks at an account when something is about to happen."
    )
    sora_web_poll_slow_s: float = Field(5.0, gt=0, le=300, description="Seconds between looks otherwise.")
    sora_web_absence_over_s: float = Field(
        120.0,
        ge=1,
        le=3600,
        description="How long a lost submission must not show in the backend's lists before it is repeated.",
    )
    sora_web_create_timeout_s: float = Field(
        60.0, ge=2, le=600, description="How long the backend may take to answer a creation."
    )
    sora_web_image_preset: Literal["360", "480"] = Field(
        "360", description="Which of the two known sets of picture sizes is asked for."
    )
    sora_web_publish: Literal["lazily", "never"] = Field(
        "lazily",
        description="Give the source of a remix an unlisted post (`lazily`), or name its draft (`never`).",
    )
    sora_web_character_visibility: Literal["private", "public"] = Field(
        "private", description="Who may mention new characters: the account they lie on, or anybody."
    )

    @field_validator("webhook_delays_s")
    @classmethod
    def _are_delays(cls, value: str) -> str:
        _delays_s(value)
        return value

    @property
    def webhook_delays(self) -> tuple[float, ...]:
        """How long to wait before each further try of a delivery."""
        return _delays_s(self.webhook_delays_s)

    @field_validator("passthrough_permissions")
    @classmethod
    def _are_permissions(cls, value: str) -> str:
        _permissions(value)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        origins_of(value)
        return value

    @property
    def cors_allowed(self) -> frozenset[str]:
        """The origins whose pages may call."""
        return origins_of(self.cors_origins)

    @property
    def old_keys(self) -> tuple[str, ...]:
        """The earlier secret keys."""
        text = self.old_secret_keys.get_secret_value() if self.old_secret_keys is not None else ""
        return tuple(key for part in text.split(",") if (key := part.strip()))

    @property
    def permissions_of_passthrough(self) -> frozenset[Permission]:
        """What callers with a credential of their own may do."""
        return _permissions(self.passthrough_permissions)

    @property
    def session_url(self) -> str:
        """Where a session cookie is exchanged."""
        return self.sora_web_session_url or f"{self._backend_origin}/api/auth/session"

    @property
    def oauth_url(self) -> str:
        """Where a refresh token is exchanged: never at a host that the operator did not mean."""
        if self.sora_web_oauth_url is not None:
            return self.sora_web_oauth_url
        is_default = self.sora_web_base_url == type(self).model_fields["sora_web_base_url"].default
        origin = "https://auth.openai.com" if is_default else self._backend_origin
        return f"{origin}/oauth/token"

    @property
    def _backend_origin(self) -> str:
        parts = urlsplit(self.sora_web_base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("aliases")
    @classmethod
    def _are_aliases(cls, aliases: dict[str, str]) -> dict[str, str]:
        try:
            with_aliases(aliases)
        except GatewayError as error:
            raise ValueError(error.message.rstrip(".")) from error
        return aliases

    @field_validator("prices")
    @classmethod
    def _are_prices(cls, prices: dict[str, Any]) -> dict[str, Any]:
        read_prices(prices)
        return prices

    @property
    def price_list(self) -> Prices:
        """What results cost."""
        return read_prices(self.prices)

    @property
    def media_root(self) -> Path:
        """The folder of results."""
        return self.media_dir if self.media_dir is not None else self.data_dir / "media"


def _delays_s(text: str) -> tuple[float, ...]:
    try:
        delays_s = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        delays_s = ()
    if not 1 <= len(delays_s) <= _MOST_DELAYS or not all(0.1 <= delay_s <= DAY_S for delay_s in delays_s):
        raise ValueError(f"1 to {_MOST_DELAYS} numbers of seconds are needed, each from 0.1 to {DAY_S:g}")
    return delays_s


def _permissions(text: str) -> frozenset[Permission]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return frozenset(Permission)
    unknown = [name for name in names if name not in set(Permission)]
    if unknown:
        known = ", ".join(Permission)
        raise ValueError(f"no such permission: {', '.join(unknown)}; there are {known}, and all")
    return frozenset(Permission(name) for name in names)


def load(**overrides: Any) -> Settings:
    """Return the settings; ``overrides`` that are not None win over the environment.

    Raises:
        SettingsError: a value is wrong or a variable is unknown; the text names each.
    """
    problems = list(_unknown(_names_in_use()))
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems.extend(_explain(item) for item in error.errors())
        raise SettingsError("\n".join(problems)) from error
    if settings.sora_web_poll_fast_s > settings.sora_web_poll_slow_s:
        problems.append(f"{PREFIX}SORA_WEB_POLL_FAST_S must not be above {PREFIX}SORA_WEB_POLL_SLOW_S.")
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment with ``more`` in it, for a child."""
    return {**os.environ, **more}


def variable_names() -> tuple[str, ...]:
    """Return the names of all variables that are read, in the order of the fields."""
    return tuple(_variable(name) for name in Settings.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable as it is shown to people; no default is an empty text."""

    name: str
    default: str
    meaning: str


def variables() -> tuple[Variable, ...]:
    """Return all variables that are read, in the order of the fields."""
    return tuple(
        Variable(
            name=_variable(name),
            default="" if info.default is None else _shown(info.default),
            meaning=info.description or "",
        )
        for name, info in Settings.model_fields.items()
    )


def example() -> str:
    """Return the text of ``.env.example``: every variable with its meaning, its default commented out."""
    head = "# Settings of sora-gateway. Copy this file to .env and take the # away from what you change.\n"
    return head + "".join(f"\n# {one.meaning}\n# {one.name}={one.default}\n" for one in variables())


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variable(field: str) -> str:
    return "REDIS_URL" if field == "redis_url" else PREFIX + field.upper()


def _names_in_use() -> set[str]:
    return {*os.environ, *dotenv_values(".env")}


def _unknown(names: Iterable[str]) -> Iterable[str]:
    known = {*variable_names(), f"{PREFIX}REDIS_URL"}
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f" Did you mean {near[0]}?" if near else " `sora-gateway doctor` lists the known ones."
            yield f"{name} is not a setting.{hint}"


def _explain(item: Any) -> str:
    field = str(item["loc"][0])
    name = field if field == "REDIS_URL" else _variable(field)
    info = Settings.model_fields.get("redis_url" if name == "REDIS_URL" else field)
    is_secret = info is None or "SecretStr" in str(info.annotation) or "@" in str(item["input"])
    shown = "***" if is_secret else redact(str(item["input"]))
    meaning = f" {info.description}" if info is not None and info.description else ""
    return f"{name}={shown} cannot be used: {item['msg']}.{meaning}"
