"""What systemd is told of the hub (sd_notify(3)): that it serves, reloads, stops, and that it lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from time import CLOCK_MONOTONIC, clock_gettime_ns

_MICROSECONDS = 1_000_000
_PATIENCE = 1.0
"""Seconds to wait where systemd has much to read. A sign of life does not wait: the next one comes soon."""


class Notifying:
    """Tells systemd, where it asked to be told; else nobody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        wanted = environment.get("WATCHDOG_USEC", "") if mine else ""
        self.every = int(wanted) / _MICROSECONDS / 2 if wanted.isdecimal() and int(wanted) else None
        """Seconds after which systemd wants to hear again that the hub lives; None where it does not."""

    def ready(self, status: str) -> None:
        """It serves, for the first time or again after a reload."""
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self, status: str) -> None:
        """It is being reloaded; `ready` says when that is over."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}\nSTATUS={status}")

    def stopping(self, status: str) -> None:
        """It ends."""
        self._tell(f"STOPPING=1\nSTATUS={status}")

    def alive(self) -> None:
        """It lives (`WatchdogSec=`)."""
        self._tell("WATCHDOG=1", patience=0.0)

    def status(self, text: str) -> None:
        """How it is, in one line."""
        self._tell(f"STATUS={text}")

    def _tell(self, message: str, *, patience: float = _PATIENCE) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(patience)
            try:
                sender.sendto(message.encode(), self._address)
            except OSError:
                return  # systemd that does not listen must not end the hub
