"""The socket that all workers accept on: handed over by systemd, or bound here. It outlives every worker."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Mapping

from web.serving import NotLoopback, check_loopback

_FIRST = 3
"""The first handle that systemd hands over (sd_listen_fds(3))."""
_HOST = "127.0.0.1"
_DEFAULT_PORT = "8000"
_HIGHEST_PORT = 65535
_UNTIL_FREE = 3.0
"""Seconds for the workers of a hub that was killed to let go of the port."""


class NoListener(Exception):  # noqa: N818 - names the condition
    """There is no socket to listen on; the text names the port and the mend."""


def port_in(environment: Mapping[str, str]) -> int:
    """The port that settings name. Raises NoListener where they name none."""
    text = environment.get("SIMPUL_PORT", _DEFAULT_PORT)
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _HIGHEST_PORT:
        return int(text)
    raise NoListener(f"SIMPUL_PORT={text} is no port: choose a number from 1 to {_HIGHEST_PORT}")


def listening(environment: Mapping[str, str], port: int) -> socket.socket:
    """The socket, listening. Raises NoListener."""
    given = _handed_over(environment)
    if given is None:
        return _bound(port)
    host, on = given.getsockname()[:2]
    try:
        check_loopback(host)
    except NotLoopback as refusal:
        given.close()
        raise NoListener(str(refusal)) from None
    if on != port:
        given.close()
        raise NoListener(f"systemd hands over a socket on port {on}, and SIMPUL_PORT is {port}: make them the same")
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


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    until = time.monotonic() + _UNTIL_FREE
    while True:
        try:
            listener.bind((_HOST, port))
            listener.listen(2048)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            listener.close()
            taken = problem.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be used ({problem.strerror})"
            raise NoListener(f"port {port} {why}: choose another one with SIMPUL_PORT") from None
        return listener
