"""Runs the command line as a process, with its console, its signals, and the processes that it leaves behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sandbox.programs import WITHOUT_VARIABLE
from tests.cli.preloaded import SANDBOX, Forked, get_preloaded_interpreter
from tests.fakes.waiting import block_until
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import ROOT, free_port

SIMPUL = [sys.executable, "-P", str(ROOT / "scripts" / "simpul.py")]
READY_TIMEOUT_S = 90.0
END_TIMEOUT_S = 30.0


def build_environment(state: Path, **variables: str) -> dict[str, str]:
    theirs = {name for name in os.environ if name.startswith("SIMPUL_") and name != WITHOUT_VARIABLE} | {"PORT"}
    own = {name: value for name, value in os.environ.items() if name not in theirs}
    return {**own, "SIMPUL_STATE": str(state), "COLUMNS": "200", "SANDBOX_TODAY": "2026-11-01", **variables}


def run_simpul(state: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a separate process."""
    return get_preloaded_interpreter().run(arguments, build_environment(state, **variables), READY_TIMEOUT_S)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def find_descendants(pid: int) -> set[int]:
    """All descendants of the process."""
    parents: dict[int, int] = {}
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names only: processes go while we look
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(process)] = int(fields[1])
    found, fresh = set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


class ServeProcess:
    """`simpul serve` as a process; `console` is its output so far."""

    def __init__(
        self,
        state: Path,
        *arguments: str,
        port: int | None = None,
        variables: Mapping[str, str] | None = None,
        anew: bool = False,
        project: Path = ROOT,
    ) -> None:
        """`anew`: in a new Python, as a person starts it; else from one that has imported everything.

        A copy of the project always starts in a new Python.
        """
        self.state = state
        self.port = port or free_port()
        self.seen: set[int] = set()
        self._console = state.with_name(f"{state.name}.console")
        command = ["serve", "--port", str(self.port), "--no-latency", *arguments]
        told = build_environment(state, **(variables or {}))
        self.process: Forked | subprocess.Popen[bytes]
        with self._console.open("wb") as console:
            if anew or project != ROOT:
                self.process = subprocess.Popen(  # noqa: S603 - our own program
                    [*SIMPUL[:-1], str(project / "scripts" / "simpul.py"), *command],
                    env=told,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    start_new_session=True,
                )
            else:
                city = None if "--no-sandbox" in arguments else get_preloaded_interpreter(SANDBOX)
                self.process = get_preloaded_interpreter().launch(
                    command, told, out=console, err=console, agencies=city
                )

    @property
    def console(self) -> str:
        return self._console.read_text(errors="replace")

    def wait_until_ready(self) -> None:

        def ready_or_ended() -> bool:
            return "Simpul is ready" in self.console or self.process.poll() is not None

        block_until(ready_or_ended, "Simpul is ready", READY_TIMEOUT_S)
        assert self.process.poll() is None, self.console
        self.seen |= find_descendants(self.process.pid)

    def wait_for(self, text: str) -> None:
        block_until(lambda: text in self.console, f"{text!r} in {self.console}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and wait for the exit code."""
        self.seen |= find_descendants(self.process.pid)
        self.process.send_signal(number)
        return self.process.wait(END_TIMEOUT_S)

    def find_left_behind(self) -> set[int]:
        return {pid for pid in self.seen if is_alive(pid)}


@contextmanager
def temporary_state_folder() -> Iterator[Path]:
    """Where a city may keep its state."""
    with short_folder() as folder:
        yield folder / "a state"


@contextmanager
def run_serve(state: Path, *arguments: str) -> Iterator[ServeProcess]:
    serve = ServeProcess(state, *arguments)
    try:
        serve.wait_until_ready()
        yield serve
    finally:
        if serve.process.poll() is None:
            serve.stop()
