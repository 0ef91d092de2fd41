"""`simpul hub` as an operator runs it: its process, workers, log and signals."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from auth.caller import Caller
from tests.cli.command_line import END_TIMEOUT_S, READY_TIMEOUT_S, find_descendants, is_alive
from tests.fakes.waiting import block_until
from tests.journeys.hub_process import HubProcess
from tests.sandbox_agencies import ROOT

_HAND_OVER_SCRIPT = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""


class Production(HubProcess):
    """A hub of several workers with its own database, a settings file and a link to its release."""

    def __init__(self, folder: Path) -> None:
        """Starts nothing yet."""
        super().__init__(folder)
        self.folder = folder
        self.settings = folder / "hub.env"
        self.release = folder / "current"
        self.worker_count = 2
        """The number of workers."""
        self.seen_pids: set[int] = set()
        self.extra_environment: dict[str, str] = {}
        """Variables of the command besides those of its file."""
        self.file_settings = {
            name: value
            for name, value in self.environment.items()
            if name.startswith("SIMPUL_") and name != "SIMPUL_STATE"
        } | {
            "SIMPUL_LISTEN": f"127.0.0.1:{self.port}",
            "SIMPUL_RATES": "off",
            "SIMPUL_SHED_AFTER": "0",  # a busy machine would make any hub late, and refuse requests
            "SIMPUL_LOG_FORMAT": "text",
        }
        self.write_settings()
        create_release(folder / "first")
        self.switch_to("first")

    def write_settings(self, **changes: str | None) -> None:
        """Writes the settings file; with these changed, or removed for None."""
        self.file_settings = {
            name: value for name, value in (self.file_settings | changes).items() if value is not None
        }
        self.settings.write_text("".join(f"{name}='{value}'\n" for name, value in self.file_settings.items()))

    def headers(self, caller: Caller) -> dict[str, str]:
        """Headers that authenticate a caller."""
        return {"Authorization": f"Bearer {self._issuer.sign_token(caller, subject=caller.nik or 'somebody')}"}

    def switch_to(self, release: str) -> None:
        """Points the link to another release."""
        link = self.folder / "next"
        link.symlink_to(release)
        link.rename(self.release)

    def launch(self, *, systemd_socket: socket.socket | None = None) -> None:
        """Starts the command with a socket passed as by systemd."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
        command = [sys.executable, "-P", str(ROOT / "scripts" / "simpul.py"), "hub", "--settings", str(self.settings)]
        handles = () if systemd_socket is None else (systemd_socket.fileno(),)
        before = [sys.executable, "-c", _HAND_OVER_SCRIPT, *map(str, handles)] if handles else []
        with (self.folder / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [*before, *command, "--workers", str(self.worker_count), "--release", str(self.release)],
                pass_fds=handles,
                env=environment | self.extra_environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        """Starts the command; returns when all workers serve."""
        self.launch()
        self.wait_for("The hub serves")
        self.seen_pids |= self.descendants()

    def descendants(self) -> set[int]:
        """Every process of the hub except the supervisor."""
        assert self.process is not None
        found = find_descendants(self.process.pid)
        self.seen_pids |= found
        return found

    @property
    def workers(self) -> list[int]:
        """Worker processes that were ready once and still live, the newest last."""
        return [pid for pid in map(int, re.findall(r"serves \(process (\d+)\)", self.read_output)) if is_alive(pid)]

    @property
    def log_without_requests(self) -> str:
        """Its output, without requests."""
        return "\n".join(line for line in self.read_output.splitlines() if " simpul.access " not in line)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Waits until the log contains the text the given number of times."""
        assert self.process is not None
        end = time.monotonic() + READY_TIMEOUT_S
        while self.read_output.count(text) < times:
            assert self.process.poll() is None, self.log_without_requests
            assert time.monotonic() < end, f"{text!r} in {self.log_without_requests}"
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Sends the command a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait_for_exit(self) -> int:
        """Waits for the exit code of the command."""
        assert self.process is not None
        return self.process.wait(END_TIMEOUT_S)

    @property
    def is_running(self) -> bool:
        """Whether the command runs."""
        return self.process is not None and self.process.poll() is None

    def kill_supervisor(self) -> None:
        """Kills the command, and no other process of the hub."""
        self.descendants()
        self.signal(signal.SIGKILL)
        self.wait_for_exit()

    def find_survivors(self) -> set[int]:
        """Known processes that outlived the command."""
        return {pid for pid in self.seen_pids if is_alive(pid)}


def wait_until_gone(pid: int) -> None:
    """Waits until a process has ended."""
    block_until(lambda: not is_alive(pid), f"the end of process {pid}")


def wait_until_reaped(pid: int) -> None:
    """Waits until a process has ended with all threads: before that its connections may be open."""
    block_until(lambda: not Path(f"/proc/{pid}").exists(), f"the end of process {pid} and of its threads")


def find_loader(hub: Production, agency: str, snapshot: str = "*") -> int | None:
    """The process that holds the lock of the snapshot; None if there is none."""
    [lock] = (hub.folder / "snapshots" / agency).glob(f"{snapshot}-*.lock")
    inode = f":{lock.stat().st_ino}"
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        _, _, _, _, pid, place, *_ = line.replace("-> ", "").split()
        if place.endswith(inode):
            return int(pid)
    return None


@contextlib.contextmanager
def prepare_production(folder: Path) -> Iterator[Production]:
    """A hub that is not started yet, with its database running; everything ends with the block."""
    hub = Production(folder)
    hub.postgres.prepare()
    hub.postgres.launch()
    try:
        hub.postgres.wait()
        yield hub
    finally:
        if hub.process is not None and hub.process.poll() is None:
            hub.descendants()
            hub.process.kill()
            hub.process.wait(10)
        for each in hub.find_survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        hub.postgres.stop()


def create_release(folder: Path, change: Callable[[Path], None] | None = None) -> Path:
    """A release in this folder: the current code, with its store modified by `change`."""
    folder.mkdir()
    for each in ROOT.iterdir():
        if each.name not in ("store", "scripts", ".venv") and not each.name.startswith("."):
            (folder / each.name).symlink_to(each)
    (folder / ".venv").symlink_to(sys.prefix)
    for copied in ("store", "scripts"):
        _copy(ROOT / copied, folder / copied)
    if change is not None:
        change(folder / "store")
    return folder


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for each in source.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            _copy(each, target / each.name)
        elif each.is_file():
            (target / each.name).write_bytes(each.read_bytes())
