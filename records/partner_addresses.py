"""Addresses that a partner's contract names: where browsers are sent back to, and where webhooks go."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_LONGEST = 500
_NEVER = set("\"'<>\\^`{|}")


def address_fault(address: object, *, query: bool = True) -> str | None:
    """What is wrong with the address, to follow its name; None where nothing is. Never holds the address.

    `https` with a name or a public IP address; and, for development alone, this machine itself, also by `http`. Without
    `query`, it may have none.
    """
    if not isinstance(address, str) or not 0 < len(address) <= _LONGEST:
        return f"must be an address of at most {_LONGEST} characters"
    if not address.isascii() or any(each <= " " or each == "\x7f" or each in _NEVER for each in address):
        return "holds characters that an address cannot have; write them percent-encoded"
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return "is no address"
    if "#" in address or (not query and "?" in address):
        return "must end before '#'" if query else "must end before '?' and '#'"
    return _fault_of_place(parts)


def _fault_of_place(parts: SplitResult) -> str | None:
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return "must begin with https:// and a host"
    if "@" in parts.netloc:
        return "holds a user or a password; no address of a partner may"
    if is_this_machine(parts.hostname):
        return None
    if parts.scheme != "https":
        return "must begin with https://"
    try:
        number = ip_address(parts.hostname)
    except ValueError:
        return None
    return None if number.is_global and not number.is_multicast else "must lead to a public host, by its name"


def is_this_machine(host: str) -> bool:
    """Whether a host is the loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def for_development(address: str) -> bool:
    """Whether the address leads to this machine itself, which only partners under development live on."""
    return is_this_machine(urlsplit(address).hostname or "")
