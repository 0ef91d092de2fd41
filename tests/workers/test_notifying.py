"""systemd hears in its own words what becomes of the hub (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from workers.notifying import Notifying


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, str]]:
    """The socket that systemd listens on, and its address. A socket's path is short: pytest's folder may not be."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = f"@simpul-{os.getpid()}" if request.param == "abstract" else f"{folder}/notify"
        listener.bind(path.replace("@", "\0", 1))
        listener.settimeout(5)
        yield listener, path


def test_each_state_is_told(systemd: tuple[socket.socket, str]) -> None:
    listener, path = systemd
    notifying = Notifying({"NOTIFY_SOCKET": path})
    notifying.ready("2 workers serve")
    notifying.reloading("Reloading")
    notifying.stopping("Finishing what runs")
    notifying.alive()
    told = [listener.recv(1024).decode() for _ in range(4)]
    assert told[0] == "READY=1\nSTATUS=2 workers serve"
    assert told[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert told[1].endswith("\nSTATUS=Reloading")
    assert told[2:] == ["STOPPING=1\nSTATUS=Finishing what runs", "WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "every"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({}, None),
    ],
)
def test_it_says_that_it_lives_twice_as_often_as_systemd_wants_to_hear_it(
    environment: dict[str, str], every: float | None
) -> None:
    assert Notifying(environment).every == every


def test_nobody_is_told_where_nobody_asked(tmp_path: Path) -> None:
    Notifying({}).ready("2 workers serve")
    Notifying({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("2 workers serve")
