"""From which address a request comes, as far as anybody can be believed about it.

Behind a proxy that is the right-most entry of `X-Forwarded-For` that no trusted proxy wrote about another: what stands
to its left is what the client itself says. The header counts only where the setting names who sent it, this machine
included: a proxy that passes on what clients write would let them choose their address.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

NOWHERE: Final = "nowhere"
"""The address of clients that have none, as over a socket in the file system."""
_HEADER: Final = "x-forwarded-for"
_MAX_ENTRIES: Final = 20
_IPV6_CLIENT_PREFIX_BITS: Final = 64
"""Bits of an IPv6 address: who has one has all that begin like it (RFC 6177)."""


class TrustedProxies:
    """Whose word counts."""

    def __init__(self, trusted: Collection[str]) -> None:
        """Take IP addresses and networks."""
        networks = [ip_network(each) for each in trusted]
        self._addresses = frozenset(
            to_plain_address(each.network_address) for each in networks if each.num_addresses == 1
        )
        self._networks = tuple(each for each in networks if each.num_addresses > 1)

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether it is one of theirs; an IPv4 address as such, also where it came as IPv6 (`to_plain_address`)."""
        return address in self._addresses or any(address in each for each in self._networks)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._addresses or self._networks)


class ClientAddresses:
    """Finds clients' addresses, in the form by which they are limited."""

    def __init__(self, trusted: Collection[str]) -> None:
        """Take the addresses and networks of proxies whose word counts."""
        self._trusted = TrustedProxies(trusted)

    def find_limit_key(self, scope: Scope, headers: Headers) -> str:
        """An IPv4 address, or the network of an IPv6 address."""
        client = scope.get("client")
        peer = client[0] if client else NOWHERE
        if self._trusted and _HEADER in headers:
            peer = self._find_forwarded_address(peer, headers)
        return to_limit_key(peer)

    def _find_forwarded_address(self, peer: str, headers: Headers) -> str:
        """Who stands before the last of the trusted proxies."""
        entries = ",".join(headers.getlist(_HEADER)).rsplit(",", _MAX_ENTRIES)
        for entry in reversed(entries):
            address = _parse_address(peer)
            if address is None or address not in self._trusted:
                break
            forwarded = _strip_port(entry.strip())
            if _parse_address(forwarded) is None:
                break  # nonsense of the client, or a proxy that hides it: the proxy is all that is known
            peer = forwarded
        return peer


@lru_cache(maxsize=4096)
def to_limit_key(address: str) -> str:
    """The address, or the network, that stands for one client."""
    known = _parse_address(address)
    if isinstance(known, IPv6Address):
        return str(IPv6Network((known.packed[: _IPV6_CLIENT_PREFIX_BITS // 8] + bytes(8), _IPV6_CLIENT_PREFIX_BITS)))
    return NOWHERE if known is None else str(known)


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return to_plain_address(ip_address(text))
    except ValueError:
        return None


def to_plain_address(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address as such, where it comes as IPv6 (`::ffff:192.0.2.1`); an IPv6 address without its zone."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _strip_port(entry: str) -> str:
    """`[2001:db8::1]:443` and `192.0.2.1:443` as some proxies write them, without the port."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
