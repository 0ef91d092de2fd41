"""Resolves host names that partners choose: every address is checked before a connection is opened.

A name is resolved once. The caller connects only to checked addresses, so a name server that changes its answer between
check and connection gains nothing (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from records.hub.partner_addresses import is_public_address

HostResolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolve a host to IP addresses, as text. Raises OSError if there are none."""


class NotPublic(Exception):  # noqa: N818 - names the condition
    """An address of the host is not public. The text contains no host and no address."""


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Resolve a host with the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def resolve_public_addresses(host: str, port: int, *, resolve: HostResolver, loopback: bool) -> Sequence[str]:
    """Resolve a host to public addresses; with `loopback`, addresses of this machine are also allowed.

    Raises `NotPublic` if any of its addresses is not public, and OSError if the host cannot be resolved.
    """
    found = await resolve(host, port)
    if not found or not all(_is_allowed(each, loopback=loopback) for each in found):
        raise NotPublic("the host leads to an address that is not public")
    return found


def _is_allowed(text: str, *, loopback: bool) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return is_public_address(address) or (loopback and address.is_loopback)
