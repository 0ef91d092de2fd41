"""The socket that all workers accept on: handed over by systemd, or bound here. It outlives every worker."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from web.listen_address import ListenAddress

_FIRST = 3
"""The first handle that systemd hands over (sd_listen_fds(3))."""
_DEFAULT = "127.0.0.1:8000"
_UNTIL_FREE = 3.0
"""Seconds for the workers of a hub that was killed to let go of the port."""


class NoListener(Exception):  # noqa: N818 - names the condition
    """There is no socket to listen on; the text names the address and the fix."""


def address_in(environment: Mapping[str, str]) -> ListenAddress:
    """The address that settings name. Raises NoListener where they name none."""
    text = environment.get("SIMPUL_LISTEN", _DEFAULT)
    try:
        return ListenAddress.parse(text)
    except ValueError as problem:
        raise NoListener(f"SIMPUL_LISTEN={text} is not an address: {problem}") from None


def address_of(listener: socket.socket) -> ListenAddress:
    """The address that a socket is bound to."""
    host, port = listener.getsockname()[:2]
    return ListenAddress(ip_address(host), port)


def listening(environment: Mapping[str, str], address: ListenAddress) -> socket.socket:
    """The socket, listening. Raises NoListener."""
    given = _handed_over(environment)
    if given is None:
        return _bound(address)
    on = address_of(given)
    if on != address:
        given.close()
        raise NoListener(f"systemd hands over a socket on {on}, and SIMPUL_LISTEN is {address}: make them the same")
    return given


def _handed_over(environment: Mapping[str, str]) -> socket.socket | None:
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    if environment.get("LISTEN_FDS") != "1":
        raise NoListener(f"systemd hands over {environment.get('LISTEN_FDS')} sockets: name one ListenStream=")
    given = socket.socket(fileno=_FIRST)
    if given.family not in (socket.AF_INET, socket.AF_INET6) or given.type != socket.SOCK_STREAM:
        given.close()
        raise NoListener("systemd hands over a socket that is not TCP: write ListenStream=127.0.0.1:8000")
    os.set_inheritable(given.fileno(), False)  # noqa: FBT003 - the standard library's argument has no name
    return given


def _bound(address: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if isinstance(address.ip, IPv6Address) else socket.AF_INET
    until = time.monotonic() + _UNTIL_FREE
    while True:
        listener = None
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # [::] is all of IPv4, too
            listener.bind((str(address.ip), address.port))
            listener.listen(2048)
        except OSError as problem:
            if listener is not None:
                listener.close()
            if problem.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            taken = problem.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be used ({problem.strerror})"
            raise NoListener(f"{address} {why}: choose another address or port with SIMPUL_LISTEN") from None
        return listener
