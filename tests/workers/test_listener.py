"""The socket that workers share: bound by the hub, or passed by systemd (sd_listen_fds(3))."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

import pytest

from tests.sandbox_agencies import HOST, ROOT, free_port
from web.server.listen_address import ListenAddress
from workers.listener import ListenError, get_bound_address, open_listener

_TAKE_SCRIPT = """
import os, sys
from web.server.listen_address import ListenAddress
from workers.listener import ListenError, open_listener
handed, fds = map(int, sys.argv[1:3])
os.dup2(handed, 3)
try:
    given = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(fds)}
    print(open_listener(given, ListenAddress.parse(sys.argv[3])).getsockname()[:2])
except ListenError as refusal:
    print(refusal)
"""


def run_with_systemd_socket(handed: socket.socket, *, on: str, fds: int = 1) -> str:
    """The output of a process that receives a socket as from systemd."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _TAKE_SCRIPT, str(handed.fileno()), str(fds), on],
        env={"PYTHONPATH": str(ROOT)},
        pass_fds=[handed.fileno()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_without_systemd_the_port_is_bound_and_listens() -> None:
    port = free_port()
    with open_listener(
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, ListenAddress.parse(f"{HOST}:{port}")
    ) as listener:  # meant for another process
        assert listener.getsockname() == (HOST, port)
        socket.create_connection((HOST, port)).close()


def test_a_port_that_stays_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.listener._BIND_TIMEOUT", 0.1)
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ListenError) as refused:
            open_listener({}, ListenAddress.parse(f"{HOST}:{port}"))
    assert str(refused.value) == (
        f"{HOST}:{port} is used by another program: choose another address or port with SIMPUL_LISTEN"
    )


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ListenError, match=r"^192\.0\.2\.1:8000 cannot be used \("):
        open_listener({}, ListenAddress.parse("192.0.2.1:8000"))


@pytest.mark.parametrize(
    ("on", "reached"),
    [
        ("127.0.0.2", ["127.0.0.2"]),
        ("[::1]", ["::1"]),
        ("[::]", ["::1", "127.0.0.1", "127.0.0.2"]),
        ("0.0.0.0", ["127.0.0.1", "127.0.0.2"]),  # noqa: S104 - what is tested
    ],
)
def test_listens_on_the_configured_address_only(on: str, reached: list[str]) -> None:
    port = free_port()
    with open_listener({}, ListenAddress.parse(f"{on}:{port}")) as listener:
        assert str(get_bound_address(listener)) == f"{on}:{port}"
        found = []
        for host in ("::1", "127.0.0.1", "127.0.0.2"):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((host, port)).close()
                found.append(host)
        assert found == reached


def test_a_socket_from_systemd_is_used_and_a_wrong_one_is_refused() -> None:
    with socket.socket() as handed:
        handed.bind((HOST, 0))
        handed.listen()
        port = handed.getsockname()[1]
        assert run_with_systemd_socket(handed, on=f"{HOST}:{port}") == f"('{HOST}', {port})"
        for other in (f"{HOST}:{port + 1}", f"0.0.0.0:{port}", f"[::1]:{port}"):
            assert run_with_systemd_socket(handed, on=other) == (
                f"systemd passes a socket on {HOST}:{port}, but SIMPUL_LISTEN is {other}: make them the same"
            )
        assert (
            run_with_systemd_socket(handed, on=f"{HOST}:{port}", fds=2)
            == "systemd passes 2 sockets: name one ListenStream="
        )


def test_a_socket_of_another_kind_is_refused() -> None:
    with socket.socket(socket.AF_UNIX) as handed:
        assert run_with_systemd_socket(handed, on="127.0.0.1:1").startswith("systemd passes a socket that is not TCP")
