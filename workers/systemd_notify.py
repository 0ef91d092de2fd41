"""Notifications to systemd (sd_notify(3)): ready, reloading, stopping, status and watchdog."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from time import CLOCK_MONOTONIC, clock_gettime_ns

_MICROSECONDS = 1_000_000
_SEND_TIMEOUT = 1.0
"""Seconds to wait if systemd's queue is full. A watchdog message does not wait, because the next one follows soon."""


class SystemdNotifier:
    """Notifies systemd, if the environment requests it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "") if is_for_us else ""
        self.watchdog_interval = (
            int(microseconds) / _MICROSECONDS / 2 if microseconds.isdecimal() and int(microseconds) else None
        )
        """Seconds between watchdog messages, half of systemd's limit; None without a watchdog."""

    def notify_ready(self, status: str) -> None:
        """Reports that the hub serves, after its start or a reload."""
        self._send(f"READY=1\nSTATUS={status}")

    def notify_reloading(self, status: str) -> None:
        """Reports the start of a reload; `notify_ready` reports its end."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}\nSTATUS={status}")

    def notify_stopping(self, status: str) -> None:
        """Reports that the hub stops."""
        self._send(f"STOPPING=1\nSTATUS={status}")

    def notify_alive(self) -> None:
        """Feeds the watchdog (`WatchdogSec=`)."""
        self._send("WATCHDOG=1", timeout=0.0)

    def notify_status(self, text: str) -> None:
        """Reports the status in one line."""
        self._send(f"STATUS={text}")

    def _send(self, message: str, *, timeout: float = _SEND_TIMEOUT) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(timeout)
            try:
                sender.sendto(message.encode(), self._address)
            except OSError:
                return  # a systemd that does not listen must not end the hub
