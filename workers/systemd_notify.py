"""What systemd is told of the hub (sd_notify(3)): that it serves, reloads, stops, and that it lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from time import CLOCK_MONOTONIC, clock_gettime_ns

_MICROSECONDS = 1_000_000
_SEND_TIMEOUT = 1.0
"""Seconds to wait where systemd has much to read. A sign of life does not wait: the next one comes soon."""


class SystemdNotifier:
    """Tells systemd, where it asked to be told; else nobody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "") if is_for_us else ""
        self.watchdog_interval = (
            int(microseconds) / _MICROSECONDS / 2 if microseconds.isdecimal() and int(microseconds) else None
        )
        """Seconds after which systemd wants to hear again that the hub lives; None where it does not."""

    def notify_ready(self, status: str) -> None:
        """It serves, for the first time or again after a reload."""
        self._send(f"READY=1\nSTATUS={status}")

    def notify_reloading(self, status: str) -> None:
        """It is being reloaded; `notify_ready` says when that is over."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}\nSTATUS={status}")

    def notify_stopping(self, status: str) -> None:
        """It ends."""
        self._send(f"STOPPING=1\nSTATUS={status}")

    def notify_alive(self) -> None:
        """It lives (`WatchdogSec=`)."""
        self._send("WATCHDOG=1", timeout=0.0)

    def notify_status(self, text: str) -> None:
        """How it is, in one line."""
        self._send(f"STATUS={text}")

    def _send(self, message: str, *, timeout: float = _SEND_TIMEOUT) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(timeout)
            try:
                sender.sendto(message.encode(), self._address)
            except OSError:
                return  # systemd that does not listen must not end the hub
