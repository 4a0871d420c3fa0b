"""Decide which network addresses a caller's URL may lead to."""

from __future__ import annotations

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Beside what the standard library knows as not global; its answers differ between Python's versions.
_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers, and by clouds for their own services
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible, loopback, unspecified
        "64:ff9b:1::/48",  # NAT64 inside a network
        "100::/64",
        "2001::/23",  # Teredo and other protocols' own
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Where clouds hand out credentials to whoever asks. Not even ``allow_private`` opens these.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "fd00:ec2::254")
)


def is_public(address: IPAddress) -> bool:
    """Tell whether anybody on the internet means the same machine by ``address`` as we do."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_metadata(address: IPAddress) -> bool:
    """Tell whether a cloud's metadata service answers at ``address``."""
    inner = _inner(address)
    return is_metadata(inner) if inner is not None else address in _METADATA


def _inner(address: IPAddress) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that packets to an IPv6 address end at, None if it is its own."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
