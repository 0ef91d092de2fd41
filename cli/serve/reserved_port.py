"""Reserves the hub's port before anything else starts, so that a taken port fails early."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

from cli.command_error import CommandError
from sandbox.state_folder import LOOPBACK


@contextlib.contextmanager
def reserve_port(port: int) -> Iterator[socket.socket]:
    """Bind the port without listening: no other program gets it, and no client waits on it. Raises `CommandError`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as problem:
            why = "is taken by another program" if problem.errno == errno.EADDRINUSE else f"cannot be used ({problem})"
            raise CommandError(f"port {port} {why}: choose another one with PORT={port + 1}") from None
        yield listener
