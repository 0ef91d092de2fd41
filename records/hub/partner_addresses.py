"""Addresses in a partner's contract: where browsers return to, and where webhooks go."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

_MAX_LENGTH = 500
_FORBIDDEN_CHARACTERS = set("\"'<>\\^`{|}")
_HOST_NAME = re.compile(r"(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""A fully qualified host name (RFC 1123, section 2.1). The last label begins with a letter. Resolvers read a name
that ends in a number as an address, in any notation (`127.1`, `0x7f.1`, `2130706433`)."""
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All assigned addresses (RFC 4291, section 2.4). Other addresses can embed IPv4 addresses, such as this machine's."""
_SPECIAL_NETWORKS = (
    IPv4Network("0.0.0.0/8"),  # this network
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT (RFC 6598); one cloud's metadata service
    IPv4Network("168.63.129.16/32"),  # the host agent of another cloud's machines
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890); a third cloud's metadata service
    IPv4Network("192.88.99.0/24"),  # relays of 6to4 (RFC 7526)
    IPv4Network("198.18.0.0/15"),  # benchmarks (RFC 2544)
    IPv4Network("240.0.0.0/4"),  # reserved
    IPv6Network("2001::/23"),  # protocol assignments, including Teredo, which embeds IPv4 addresses
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: embeds IPv4 addresses
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
"""Networks that `is_global` calls public in some Python versions, or that only the registry lists as public."""


def find_address_fault(address: object, *, allow_query: bool = True) -> str | None:
    """Returns what is wrong with the address, to follow its name; None if it is valid. Never holds the address.

    Valid are `https` with a name or a public IP address and, for development only, this machine, also by `http`. A
    query is an error unless `allow_query` is true.
    """
    if not isinstance(address, str) or not 0 < len(address) <= _MAX_LENGTH:
        return f"must be an address of at most {_MAX_LENGTH} characters"
    if not address.isascii() or any(each <= " " or each == "\x7f" or each in _FORBIDDEN_CHARACTERS for each in address):
        return "holds characters that an address cannot have; write them percent-encoded"
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for what is not a port
    except ValueError:
        return "is not an address"
    if "#" in address or (not allow_query and "?" in address):
        return "must end before '#'" if allow_query else "must end before '?' and '#'"
    return _find_host_fault(parts)


def _find_host_fault(parts: SplitResult) -> str | None:
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return "must begin with https:// and a host"
    if "@" in parts.netloc:
        return "must not hold a user or a password"
    if is_this_machine(parts.hostname):
        return None
    if parts.scheme != "https":
        return "must begin with https://"
    return None if _is_public(parts.hostname) else "must name a public host"


def _is_public(host: str) -> bool:
    """Whether it is a public IP address, or a possible name of a public host."""
    try:
        number = ip_address(host)
    except ValueError:
        return _HOST_NAME.fullmatch(host) is not None and not host.endswith((".localhost", ".localdomain"))
    return is_public_address(number)


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Whether an IP address belongs to a host of the public internet, and does not embed another address."""
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_UNICAST or address.scope_id is not None):
        return False
    if any(address in each for each in _SPECIAL_NETWORKS if each.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def is_this_machine(host: str) -> bool:
    """Whether a host is the loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_development_address(address: str) -> bool:
    """Whether the address points to this machine, which only partners in development use."""
    return is_this_machine(urlsplit(address).hostname or "")
