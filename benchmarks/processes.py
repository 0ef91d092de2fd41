"""Starts and ends programs of a benchmark, each on its core, and measures their cost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.layout import HOST

_TICKS = os.sysconf("SC_CLK_TCK")
_START_S = 40.0
_STOP_S = 5.0
_SETTLE_S = 5.0
_STILL_S = 0.1
_RESET_PEAK = "5"
"""Written to `/proc/<pid>/clear_refs`: resets the peak of resident memory (proc(5))."""


class ProgramNotStarted(Exception):  # noqa: N818 - reads as what it is
    """A program did not start; the text says why."""


class Program:
    """A running program and its children, on one core."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int,
        log: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; its output goes to the log."""
        self._log = log
        self._output = log.open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - programs that the benchmarks name
            ["taskset", "--cpu-list", str(core), *command],  # noqa: S607 - from the PATH, wherever the system keeps it
            stdout=self._output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def wait_for(self, port: int) -> None:
        """Wait until it listens on the port; raises `ProgramNotStarted`."""
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ProgramNotStarted(f"it exited with code {self._process.returncode}: {self.read_last_output()}")
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                return
            time.sleep(0.05)
        raise ProgramNotStarted(f"it did not listen within {_START_S:.0f} s: {self.read_last_output()}")

    @property
    def is_running(self) -> bool:
        """Whether it is running."""
        return self._process.poll() is None

    def wait_until_idle(self) -> None:
        """Wait until it is idle, so that work for earlier requests is not in the next measurement."""
        until = time.monotonic() + _SETTLE_S
        used = self.cpu_seconds()
        while time.monotonic() < until:
            time.sleep(_STILL_S)
            before, used = used, self.cpu_seconds()
            if used - before <= _STILL_S / 4:
                return

    def cpu_seconds(self) -> float:
        """Processor time of it and its children so far, user and system."""
        return sum(_cpu_ticks(pid) for pid in self._pids()) / _TICKS

    def reset_peak_memory(self) -> None:
        """Reset the peak of memory."""
        for pid in self._pids():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)

    def peak_memory_mb(self) -> float:
        """The largest resident memory since `reset_peak_memory`, in MiB."""
        return sum(_read_status_kib(pid, "VmHWM") for pid in self._pids()) / 1024

    def own_memory_mb(self) -> float:
        """The resident memory of the program without its children, in MiB."""
        return _read_status_kib(self._process.pid, "VmRSS") / 1024

    def read_last_output(self) -> str:
        """The end of its output."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:])[:500] or "no output"

    def stop(self) -> None:
        """End it and its children."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_S)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._output.close()

    def _pids(self) -> Iterator[int]:
        found = [self._process.pid]
        while found:
            pid = found.pop()
            yield pid
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += [int(child) for child in (task / "children").read_text().split()]


def _cpu_ticks(pid: int) -> int:
    """`utime`, `stime`, and those of children that have ended (proc(5), fields 14 to 17 of `stat`)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15])


def _read_status_kib(pid: int, field: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
