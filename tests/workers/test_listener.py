"""The socket that workers share: bound by the hub, or handed over by systemd (sd_listen_fds(3))."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.city import HOST, ROOT, free_port
from workers.listener import NoListener, listening

_TAKES = """
import os, sys
from workers.listener import NoListener, listening
handed, port, fds = map(int, sys.argv[1:])
os.dup2(handed, 3)
try:
    print(listening({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(fds)}, port).getsockname())
except NoListener as refusal:
    print(refusal)
"""


def taken(handed: socket.socket, *, port: int, fds: int = 1) -> str:
    """What a process says that is handed a socket as systemd does."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _TAKES, str(handed.fileno()), str(port), str(fds)],
        env={"PYTHONPATH": str(ROOT)},
        pass_fds=[handed.fileno()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_without_systemd_the_port_is_bound_and_listens() -> None:
    port = free_port()
    with listening({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, port) as listener:  # meant for another process
        assert listener.getsockname() == (HOST, port)
        socket.create_connection((HOST, port)).close()


def test_a_port_that_stays_taken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.listener._UNTIL_FREE", 0.1)
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(NoListener) as refused:
            listening({}, port)
    assert str(refused.value) == f"port {port} is taken by another program: choose another one with SIMPUL_PORT"


def test_a_socket_that_systemd_hands_over_is_taken_and_one_that_is_not_ours_refused() -> None:
    with socket.socket() as handed:
        handed.bind((HOST, 0))
        handed.listen()
        port = handed.getsockname()[1]
        assert taken(handed, port=port) == f"('{HOST}', {port})"
        assert taken(handed, port=port + 1) == (
            f"systemd hands over a socket on port {port}, and SIMPUL_PORT is {port + 1}: make them the same"
        )
        assert taken(handed, port=port, fds=2) == "systemd hands over 2 sockets: name one ListenStream="


def test_a_socket_that_others_could_reach_is_refused() -> None:
    with socket.socket() as handed:
        handed.bind(("0.0.0.0", 0))  # noqa: S104 - refused
        handed.listen()
        assert taken(handed, port=handed.getsockname()[1]).startswith(
            "The hub listens on this machine only (127.0.0.1, ::1 or localhost), not on '0.0.0.0'"
        )


def test_a_socket_of_another_kind_is_refused() -> None:
    with socket.socket(socket.AF_UNIX) as handed:
        assert taken(handed, port=1).startswith("systemd hands over a socket that is not TCP")
