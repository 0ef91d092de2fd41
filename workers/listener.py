"""The socket that all workers accept on: passed by systemd, or bound here. It outlives every worker."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from web.server.listen_address import ListenAddress

_FIRST_SYSTEMD_HANDLE = 3
"""The first file descriptor that systemd passes (sd_listen_fds(3))."""
_DEFAULT_ADDRESS = "127.0.0.1:8000"
_BIND_TIMEOUT = 3.0
"""Seconds to wait until the workers of a killed hub release the port."""


class ListenError(Exception):
    """There is no socket to listen on; the text names the address and the fix."""


def read_listen_address(environment: Mapping[str, str]) -> ListenAddress:
    """Reads the address from the settings. Raises ListenError if it is invalid."""
    text = environment.get("SIMPUL_LISTEN", _DEFAULT_ADDRESS)
    try:
        return ListenAddress.parse(text)
    except ValueError as problem:
        raise ListenError(f"SIMPUL_LISTEN={text} is not an address: {problem}") from None


def get_bound_address(listener: socket.socket) -> ListenAddress:
    """Returns the address that a socket is bound to."""
    host, port = listener.getsockname()[:2]
    return ListenAddress(ip_address(host), port)


def open_listener(environment: Mapping[str, str], address: ListenAddress) -> socket.socket:
    """Opens the listening socket. Raises ListenError."""
    listener = _take_systemd_socket(environment)
    if listener is None:
        return _bind(address)
    bound_to = get_bound_address(listener)
    if bound_to != address:
        listener.close()
        raise ListenError(f"systemd passes a socket on {bound_to}, but SIMPUL_LISTEN is {address}: make them the same")
    return listener


def _take_systemd_socket(environment: Mapping[str, str]) -> socket.socket | None:
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    if environment.get("LISTEN_FDS") != "1":
        raise ListenError(f"systemd passes {environment.get('LISTEN_FDS')} sockets: name one ListenStream=")
    listener = socket.socket(fileno=_FIRST_SYSTEMD_HANDLE)
    if listener.family not in (socket.AF_INET, socket.AF_INET6) or listener.type != socket.SOCK_STREAM:
        listener.close()
        raise ListenError("systemd passes a socket that is not TCP: write ListenStream=127.0.0.1:8000")
    os.set_inheritable(listener.fileno(), False)  # noqa: FBT003 - the standard library's argument has no name
    return listener


def _bind(address: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if isinstance(address.ip, IPv6Address) else socket.AF_INET
    until = time.monotonic() + _BIND_TIMEOUT
    while True:
        listener = None
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # [::] includes all IPv4 addresses
            listener.bind((str(address.ip), address.port))
            listener.listen(2048)
        except OSError as problem:
            if listener is not None:
                listener.close()
            if problem.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            taken = problem.errno == errno.EADDRINUSE
            why = "is used by another program" if taken else f"cannot be used ({problem.strerror})"
            raise ListenError(f"{address} {why}: choose another address or port with SIMPUL_LISTEN") from None
        return listener
