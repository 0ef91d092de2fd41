"""The command line as a person runs it: a process of its own, its console, its signals, what it leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sandbox.programs import VARIABLE
from tests.city import ROOT, free_port
from tests.cli.preloaded import SANDBOX, Forked, preloaded
from tests.run_folder import short_folder

SIMPUL = [sys.executable, "-P", str(ROOT / "scripts" / "simpul.py")]
READY_WITHIN = 90.0
ENDED_WITHIN = 30.0


def environment(state: Path, **variables: str) -> dict[str, str]:
    theirs = {name for name in os.environ if name.startswith("SIMPUL_") and name != VARIABLE} | {"PORT"}
    own = {name: value for name, value in os.environ.items() if name not in theirs}
    return {**own, "SIMPUL_STATE": str(state), "COLUMNS": "200", **variables}


def simpul(state: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process of its own."""
    return preloaded().run(arguments, environment(state, **variables), READY_WITHIN)


def until(condition: Callable[[], bool], what: str, within: float = ENDED_WITHIN) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"not within {within:.0f} s: {what}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    """Every process that the process started, and theirs."""
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


class Serve:
    """`simpul serve` as a process; `console` is what it printed so far."""

    def __init__(
        self,
        state: Path,
        *arguments: str,
        port: int | None = None,
        variables: Mapping[str, str] | None = None,
        anew: bool = False,
    ) -> None:
        """`anew`: in a Python of its own, as a person starts it; else from one that has imported everything."""
        self.state = state
        self.port = port or free_port()
        self.seen: set[int] = set()
        self._began = time.monotonic()
        self._console = state.with_name(f"{state.name}.console")
        command = ["serve", "--port", str(self.port), "--no-latency", *arguments]
        told = environment(state, **(variables or {}))
        self.process: Forked | subprocess.Popen[bytes]
        with self._console.open("wb") as console:
            if anew:
                self.process = subprocess.Popen(  # noqa: S603 - our own program
                    [*SIMPUL, *command],
                    env=told,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    start_new_session=True,
                )
            else:
                city = None if "--no-sandbox" in arguments else preloaded(SANDBOX)
                self.process = preloaded().launch(command, told, out=console, err=console, agencies=city)

    @property
    def console(self) -> str:
        return self._console.read_text(errors="replace")

    def wait_until_ready(self) -> float:
        """The seconds that it took, as somebody who waits for it counts them."""

        def ready_or_ended() -> bool:
            return "Simpul is ready" in self.console or self.process.poll() is not None

        until(ready_or_ended, "Simpul is ready", READY_WITHIN)
        assert self.process.poll() is None, self.console
        self.seen |= descendants(self.process.pid)
        return time.monotonic() - self._began

    def wait_for(self, text: str) -> None:
        until(lambda: text in self.console, f"{text!r} in {self.console}")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and wait for the exit code."""
        self.seen |= descendants(self.process.pid)
        self.process.send_signal(number)
        return self.process.wait(ENDED_WITHIN)

    def left_behind(self) -> set[int]:
        return {pid for pid in self.seen if alive(pid)}


@contextmanager
def state_folder() -> Iterator[Path]:
    """Where a city may keep its state."""
    with short_folder() as folder:
        yield folder / "a state"


@contextmanager
def serving(state: Path, *arguments: str) -> Iterator[Serve]:
    serve = Serve(state, *arguments)
    try:
        serve.wait_until_ready()
        yield serve
    finally:
        if serve.process.poll() is None:
            serve.end()
