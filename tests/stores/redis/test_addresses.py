"""Prove how the URL of a store is read."""

from __future__ import annotations

import pytest

from sora_gateway.stores.redis.addresses import Topology, parse


@pytest.mark.parametrize("url", ["redis://h:1/2", "rediss://u:p@h", "unix:///x?db=1", "REDIS://h"])
def test_one_server_is_left_to_the_client(url: str) -> None:
    """The whole URL goes on as it is."""
    address = parse(url)
    assert (address.topology, address.url) == (Topology.SINGLE, url)


@pytest.mark.parametrize(
    ("url", "hosts", "service", "db"),
    [
        ("redis+sentinel://a/mymaster", (("a", 26379),), "mymaster", 0),
        ("redis+sentinel://a:1,b,c:3/my-master/2", (("a", 1), ("b", 26379), ("c", 3)), "my-master", 2),
        ("redis+sentinel://a:1,b:2/4?service=other", (("a", 1), ("b", 2)), "other", 4),
        ("redis+sentinel://a?service_name=other", (("a", 26379),), "other", 0),
        ("redis+sentinel://[::1]:5,[::2]/m/0", (("::1", 5), ("::2", 26379)), "m", 0),
        ("rediss+sentinel://a/m", (("a", 26379),), "m", 0),
    ],
)
def test_sentinels(url: str, hosts: tuple[tuple[str, int], ...], service: str, db: int) -> None:
    """Hosts, service and database, in both notations in use."""
    address = parse(url)
    assert (address.topology, address.hosts, address.service) == (Topology.SENTINEL, hosts, service)
    assert address.options.get("db", 0) == db
    assert address.is_tls is url.startswith("rediss")


def test_who_logs_in_where() -> None:
    """Servers and Sentinels have their own passwords, which may hold any character and never show."""
    url = (
        "redis+sentinel://me:a%2Fb:c@d@h:1/m/0?sentinel_password=pw2&sentinel_username=me2&socket_keepalive=1"
    )
    address = parse(url)
    assert address.options["username"] == "me"
    assert address.options["password"] == "a/b:c@d"
    assert address.options["socket_keepalive"] is True
    assert address.sentinel_options == {"username": "me2", "password": "pw2"}
    assert "a/b" not in repr(address)
    assert "pw2" not in repr(address)


def test_a_password_without_a_name() -> None:
    """As in ``redis://:password@host``."""
    options = parse("redis+cluster://:secret@h").options
    assert (options.get("username"), options["password"]) == (None, "secret")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("redis+cluster://a", (("a", 6379),)),
        ("redis+cluster://a:7000,b:7001", (("a", 7000), ("b", 7001))),
        ("redis+cluster://u:p@a:7000,b/0", (("a", 7000), ("b", 6379))),
        ("rediss+cluster://a:7000/", (("a", 7000),)),
    ],
)
def test_clusters(url: str, hosts: tuple[tuple[str, int], ...]) -> None:
    """Some of its nodes; there is no database but the first."""
    address = parse(url)
    assert (address.topology, address.hosts) == (Topology.CLUSTER, hosts)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://u:secret@h", "redis\\+sentinel://"),
        ("secret", "begin"),
        ("sentinel://u:secret@h", "redis\\+sentinel://"),
        ("redis+sentinel://:secret@h:26379", "service"),
        ("redis+sentinel://:secret@h:26379/", "service"),
        ("redis+sentinel://:secret@h/m/0/1", "service"),
        ("redis+sentinel://:secret@h/a/0?service=b", "service"),
        ("redis+sentinel://:secret@h/m/x", "number"),
        ("redis+sentinel://:secret@h:no/m", "ports"),
        ("redis+sentinel://:secret@/m", "hosts"),
        ("redis+sentinel://:secret@a,,b/m", "hosts"),
        ("redis+sentinel://:secret@h/m?socket_timeout=secret", "options"),
        ("redis+cluster://:secret@h/1", "redis\\+cluster://"),
        ("redis+cluster://:secret@h?service=m", "redis\\+cluster://"),
        ("redis+cluster://:secret@h?sentinel_password=secret", "redis\\+cluster://"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url: str, hint: str) -> None:
    """And what would be right."""
    with pytest.raises(ValueError, match=hint) as caught:
        parse(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
