"""Notifications to systemd (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from workers.systemd_notify import SystemdNotifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, str]]:
    """The socket that systemd listens on, and its address. A socket's path is short: pytest's folder may not be."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = f"@simpul-{os.getpid()}" if request.param == "abstract" else f"{folder}/notify"
        listener.bind(path.replace("@", "\0", 1))
        listener.settimeout(5)
        yield listener, path


def test_each_state_is_sent(systemd: tuple[socket.socket, str]) -> None:
    listener, path = systemd
    notifying = SystemdNotifier({"NOTIFY_SOCKET": path})
    notifying.notify_ready("2 workers serve")
    notifying.notify_reloading("Reloading")
    notifying.notify_stopping("Finishing running requests")
    notifying.notify_alive()
    messages = [listener.recv(1024).decode() for _ in range(4)]
    assert messages[0] == "READY=1\nSTATUS=2 workers serve"
    assert messages[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert messages[1].endswith("\nSTATUS=Reloading")
    assert messages[2:] == ["STOPPING=1\nSTATUS=Finishing running requests", "WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "every"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_per_interval(environment: dict[str, str], every: float | None) -> None:
    assert SystemdNotifier(environment).watchdog_interval == every


def test_nothing_is_sent_without_a_notify_socket(tmp_path: Path) -> None:
    SystemdNotifier({}).notify_ready("2 workers serve")
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).notify_ready("2 workers serve")
