"""Read the URL of a store: one server, one behind Sentinels, or a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from redis.asyncio.connection import parse_url


class Topology(StrEnum):
    """How the servers of a store belong together."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a store is. ``options`` are keyword arguments of redis-py's connections; they hold passwords."""

    topology: Topology
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    is_tls: bool = False
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    url: str = field(default="", repr=False)


_SINGLE = ("redis", "rediss", "unix")
_GROUPS: Mapping[str, tuple[Topology, int]] = {
    "redis+sentinel": (Topology.SENTINEL, 26379),
    "rediss+sentinel": (Topology.SENTINEL, 26379),
    "redis+cluster": (Topology.CLUSTER, 6379),
    "rediss+cluster": (Topology.CLUSTER, 6379),
}
SCHEMES = (*_SINGLE, *_GROUPS)

_SERVICE_OPTIONS = ("service", "service_name")
_SENTINEL_PREFIX = "sentinel_"
_UNREADABLE = "The store's URL cannot be read: check its hosts, ports, database and options."


def parse(url: str) -> Address:
    """Return what ``url`` says.

    One server: ``redis://``, ``rediss://`` and ``unix://`` as redis-py reads them. Groups of servers, also
    with ``rediss+`` for TLS; options are redis-py's, those that begin with ``sentinel_`` the Sentinels':

        redis+sentinel://[user:password@]host[:26379][,host2[:port]]/service[/db][?sentinel_password=...]
        redis+sentinel://host[,host2]/db?service=name
        redis+cluster://[user:password@]host[:6379][,host2[:port]]

    Raises:
        ValueError: it cannot be read; the message does not repeat it, it may hold a password.
    """
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        shown = scheme if mark and scheme.replace("+", "").isalnum() else "none"
        raise ValueError(f"The store's URL must begin with one of {known}; it begins with {shown!r}.")
    if scheme in _SINGLE:
        return Address(topology=Topology.SINGLE, is_tls=scheme == "rediss", url=url)
    topology, port = _GROUPS[scheme]
    authority, path, query = _parts(rest)
    userinfo, _, members = authority.rpartition("@")
    given = dict(parse_qsl(query, keep_blank_values=True))
    services = [given.pop(name) for name in _SERVICE_OPTIONS if name in given]
    sentinel = {name: given.pop(name) for name in list(given) if name.startswith(_SENTINEL_PREFIX)}
    places = [unquote(part) for part in path.split("/") if part]
    if topology is Topology.SENTINEL:
        service, database = _service(services, places)
    else:
        service, database = _no_service(services or [*sentinel], places)
    return Address(
        topology=topology,
        hosts=_hosts(members, port),
        service=service,
        is_tls=scheme.startswith("rediss"),
        options=_options(userinfo, database, given),
        sentinel_options={name.removeprefix(_SENTINEL_PREFIX): text for name, text in sentinel.items()},
    )


def _parts(rest: str) -> tuple[str, str, str]:
    # By hand: urlsplit takes a list of members for a broken IPv6 address.
    head, _, query = rest.partition("?")
    authority, _, path = head.partition("/")
    return authority, path, query


def _hosts(members: str, port: int) -> tuple[tuple[str, int], ...]:
    found = []
    for member in members.split(","):
        try:
            parts = urlsplit(f"//{member.strip()}")
            host, given = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_UNREADABLE) from None
        if not host or parts.path or parts.username is not None:
            raise ValueError("The store's URL must name its hosts as host:port, separated by commas.")
        found.append((host, given if given is not None else port))
    return tuple(found)


def _service(services: list[str], places: list[str]) -> tuple[str, str]:
    named = [*services, *(() if services else places[:1])]
    database = places if services else places[1:]
    if len(named) != 1 or not named[0] or len(database) > 1:
        raise ValueError(
            "The store's URL must name the service that the Sentinels watch, once: "
            "redis+sentinel://host:26379/mymaster/0, or redis+sentinel://host:26379/0?service=mymaster."
        )
    return named[0], _number(database[0] if database else "0", "redis+sentinel://host:26379/mymaster/0")


def _no_service(services: list[str], places: list[str]) -> tuple[str, str]:
    if services or any(place != "0" for place in places) or len(places) > 1:
        raise ValueError(
            "The store's URL names a database, a service or a Sentinel, and a cluster has none: "
            "redis+cluster://host:6379,host2:6379."
        )
    return "", "0"


def _number(database: str, example: str) -> str:
    if not (database.isascii() and database.isdigit()):
        raise ValueError(f"The database in the store's URL must be a number, as in {example}.")
    return database


def _options(userinfo: str, database: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Let redis-py read user, password and options, as it does for one server."""
    user, _, password = userinfo.partition(":")
    # What was quoted stays so, what should have been is: a password may hold any character.
    name = quote(unquote(user), safe="") if user else ""
    secret = f":{quote(unquote(password), safe='')}" if password else ""
    login = f"{name}{secret}@" if userinfo else ""
    try:
        read = parse_url(f"redis://{login}host:1/{database}?{urlencode(given)}")
    except ValueError:
        raise ValueError(_UNREADABLE) from None
    return {key: value for key, value in read.items() if key not in ("host", "port")}
