"""The address of a request's client, also behind trusted proxies.

Behind proxies, it is the right-most entry of `X-Forwarded-For` that is not a trusted proxy itself: the client may have
written the entries to its left. The header counts only from peers in the setting, and that includes this machine: a
proxy that passes on the header of clients would let them choose their address.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

NOWHERE: Final = "nowhere"
"""The address of clients without one, such as over a Unix socket."""
_HEADER: Final = "x-forwarded-for"
_MAX_ENTRIES: Final = 20
_IPV6_CLIENT_PREFIX_BITS: Final = 64
"""Bits of the network of one IPv6 client, which can use all of its addresses (RFC 6177)."""


class TrustedProxies:
    """Addresses and networks of trusted proxies."""

    def __init__(self, trusted: Collection[str]) -> None:
        """Takes IP addresses and networks."""
        networks = [ip_network(each) for each in trusted]
        self._addresses = frozenset(
            to_plain_address(each.network_address) for each in networks if each.num_addresses == 1
        )
        self._networks = tuple(each for each in networks if each.num_addresses > 1)

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether the address is trusted. Pass an IPv4 address as such, not mapped to IPv6 (`to_plain_address`)."""
        return address in self._addresses or any(address in each for each in self._networks)

    def __bool__(self) -> bool:
        """Whether any proxy is trusted."""
        return bool(self._addresses or self._networks)


class ClientAddresses:
    """Finds the addresses of clients, in the form that rate limits use."""

    def __init__(self, trusted: Collection[str]) -> None:
        """Takes the addresses and networks of trusted proxies."""
        self._trusted = TrustedProxies(trusted)
        self._has_trusted = bool(self._trusted)

    def find_limit_key(self, scope: Scope, headers: Headers) -> str:
        """An IPv4 address, or the network of an IPv6 address."""
        client = scope.get("client")
        peer = client[0] if client else NOWHERE
        if self._has_trusted and _HEADER in headers:
            peer = self._find_forwarded_address(peer, headers)
        return to_limit_key(peer)

    def _find_forwarded_address(self, peer: str, headers: Headers) -> str:
        """The address of the client before the first trusted proxy on the way."""
        entries = ",".join(headers.getlist(_HEADER)).rsplit(",", _MAX_ENTRIES)
        for entry in reversed(entries):
            address = _parse_address(peer)
            if address is None or address not in self._trusted:
                break
            forwarded = _strip_port(entry.strip())
            if _parse_address(forwarded) is None:
                break  # invalid, or hidden by the proxy: only the proxy is known
            peer = forwarded
        return peer


@lru_cache(maxsize=4096)
def to_limit_key(address: str) -> str:
    """The address, or the IPv6 network, of one client."""
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
    """An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) as IPv4; any other IPv6 address without its zone."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _strip_port(entry: str) -> str:
    """An entry without its port: some proxies write `[2001:db8::1]:443` and `192.0.2.1:443`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
