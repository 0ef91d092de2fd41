"""Makes and updates the project's environment: `.venv` from a lock, and the Node packages.

Run by scripts/setup with a bare Python (standard library only): `current` exits 0 if .venv is up to date; `make` makes
it (exit 3: this Python cannot make virtual environments). Both take `all` (requirements.lock) or `production`
(deploy/requirements.lock: the hub alone). If npm is installed, `node` fetches the packages of the GraphiQL page and
`node-tests` those of the tests. `python-clients` fetches the code generator of Python clients, apart from .venv.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run with -I: the project by name, nothing else

from sandbox.programs import UnknownProgramError, find_program, read_left_out

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "simpul.stamp"
LOG = VENV / "setup.log"
LOCKS = {"all": ROOT / "requirements.lock", "production": ROOT / "deploy" / "requirements.lock"}
CLIENTS_LOCK = ROOT / "tests" / "clients" / "requirements.lock"
PYTHON_CLIENTS = ROOT / ".simpul" / "python-clients"
EXIT_CANNOT_MAKE = 3
NPM_SECONDS = 300
PROGRESS_INTERVAL_S = 5.0
"""Seconds between two progress lines if the output is not a terminal."""

COMMAND = """#!/bin/sh
# Runs Simpul's command line from any folder, with its project on the path.
self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
bin=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd) || exit 1
exec "$bin/python" -P "$bin/../../scripts/simpul.py" "$@"
"""


def main(task: str, kind: str = "all") -> int:
    """Run one task; returns the exit code."""
    match task:
        case "current":
            return check_current(LOCKS[kind])
        case "make":
            return make_environment(LOCKS[kind])
        case "python-clients":
            return fetch_python_clients()
        case "node":
            return fetch_node_packages(ROOT, "GraphiQL page", "the page will say so, everything else works")
        case _:
            return fetch_node_packages(ROOT / "tests", "tests' Node packages", "the tests that need them are skipped")


def check_current(lock: Path) -> int:
    """0 if .venv works, is in its original place, is made from this Python, and has the packages of the lock."""
    return 0 if STAMP.exists() and STAMP.read_text() == _stamp(lock) and _is_working() else 1


def make_environment(lock: Path) -> int:
    """Make a new .venv; only a complete one has the stamp."""
    started = time.monotonic()
    if not lock.exists():
        return _fail(f"{lock.name} is missing: is the folder complete?")
    STAMP.unlink(missing_ok=True)
    version = ".".join(str(part) for part in sys.version_info[:3])
    progress = Progress(f"Making .venv with Python {version}")
    with tempfile.TemporaryFile() as output:
        made = subprocess.Popen([sys.executable, "-m", "venv", "--clear", str(VENV)], stdout=output, stderr=output)  # noqa: S603 - the Python that runs this
        progress.wait(made)
    if made.returncode != 0 or subprocess.run([*_pip(), "--version"], capture_output=True, check=False).returncode != 0:  # noqa: S603 - the new environment's own pip
        shutil.rmtree(VENV, ignore_errors=True)
        return EXIT_CANNOT_MAKE
    code = _install(lock, f"Installing packages for Python {version}")
    if code != 0:
        lines = [line for line in LOG.read_text(errors="replace").splitlines() if "ERROR" in line] or [
            "no reason given"
        ]
        return _fail(f"the packages cannot be installed: {lines[0].removeprefix('ERROR: ')} (all of it: {LOG})")
    command = VENV / "bin" / "simpul"
    command.write_text(COMMAND)
    command.chmod(0o755)
    STAMP.write_text(_stamp(lock))
    _say(f"Made .venv with Python {version} in {time.monotonic() - started:.0f} s.", last=True)
    return 0


def fetch_python_clients() -> int:
    """Install the code generator of Python clients if its lock changed. Never fails: one test is skipped without it."""
    wanted = hashlib.sha256(CLIENTS_LOCK.read_bytes()).hexdigest()
    stamp = PYTHON_CLIENTS / "simpul.stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    shutil.rmtree(PYTHON_CLIENTS, ignore_errors=True)
    PYTHON_CLIENTS.mkdir(parents=True)
    options = ["--no-deps", "--require-hashes", "--disable-pip-version-check", "--no-input", "--quiet"]
    command = [*_pip(), "install", *options, "--target", str(PYTHON_CLIENTS), "-r", str(CLIENTS_LOCK)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - the environment's own pip
    if done.returncode == 0:
        stamp.write_text(wanted)
    _say(f"Generator of Python clients: {'installed' if stamp.exists() else 'not installed, its test is skipped'}.")
    return 0


def fetch_node_packages(folder: Path, what: str, without: str) -> int:
    """Fetch a folder's Node packages if their lock changed. Never fails: the hub serves without them."""
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / "simpul.stamp"
    if not lock.exists():
        return 0
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if "npm" in read_left_out() or (stamp.exists() and stamp.read_text() == wanted):
        return 0
    npm = find_program("npm")
    if npm is None:
        _say(f"{what}: npm is not installed, {without}. Install Node to have it.", last=True)
        return 0
    progress = Progress(f"{what}: fetching from npm")
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL)  # noqa: S603 - npm from the PATH, fixed arguments
        except OSError as problem:
            reason = str(problem.strerror)
        else:
            progress.wait(done, within=NPM_SECONDS)
            output.seek(0)
            errors = [line.strip() for line in output if re.search(r"\bnpm (error|ERR!) +\S", line)]
            reason = "" if done.returncode == 0 else (errors or ["no reason given"])[0]
            if done.returncode is not None and done.returncode < 0:
                reason = f"no end after {NPM_SECONDS} s"
    if reason:
        _say(f"{what}: npm failed ({reason}), {without}.", last=True)
        return 0
    stamp.write_text(wanted)
    _say(f"{what}: fetched from npm.", last=True)
    return 0


class Progress:
    """Shows progress of a step: on a terminal in one line that changes, elsewhere a line every few seconds."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._last = time.monotonic()
        _say(f"{title} ...")

    def wait(
        self, process: subprocess.Popen[bytes], *, within: float | None = None, step: Callable[[], str] = lambda: ""
    ) -> None:
        """Wait for the end of a process; kill it after `within` seconds. `step` describes the progress."""
        while True:
            try:
                process.wait(0.3)
            except subprocess.TimeoutExpired:
                pass
            else:
                return
            now = time.monotonic()
            if within is not None and now - self._began > within:
                process.kill()
            if sys.stdout.isatty() or now - self._last >= PROGRESS_INTERVAL_S:
                self._last = now
                far = step()
                _say(f"{self._title}: {f'{far}, ' if far else ''}{now - self._began:.0f} s")


def _stamp(lock: Path) -> str:
    """The inputs of .venv: the lock, the Python it is made from, its path, and this file."""
    wanted = hashlib.sha256(lock.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    # The same for a Python and for an environment that it made.
    base = Path(sys.base_prefix).resolve()
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"lock {wanted}\npython {version} {base}\nat {VENV}\n"


def _is_working() -> bool:
    try:
        return subprocess.run([VENV / "bin" / "python", "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603 - ours
    except OSError:
        return False


def _pip() -> list[str]:
    return [str(VENV / "bin" / "python"), "-m", "pip"]


def _install(lock: Path, title: str) -> int:
    """Install exactly the locked packages and show progress; returns pip's exit code."""
    wanted = len(re.findall(r"^[a-zA-Z0-9]", lock.read_text(), re.MULTILINE))
    options = ["--require-hashes", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    with LOG.open("w") as log:
        process = subprocess.Popen([*_pip(), "install", *options, "-r", str(lock)], stdout=log, stderr=log)  # noqa: S603 - ours

    def step() -> str:
        text = LOG.read_text(errors="replace")
        found = len(re.findall(r"^Collecting ", text, re.MULTILINE))
        return "unpacking" if "Installing collected" in text else f"{found} of at most {wanted}"

    Progress(title).wait(process, step=step)
    return process.returncode


def _say(text: str, *, last: bool = False) -> None:
    """Print one line that the next one replaces on a terminal; elsewhere a separate line."""
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        sys.stdout.write(f"\r\x1b[K{text[: columns - 1]}")
        sys.stdout.write("\n" if last else "")
    else:
        sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _fail(text: str) -> int:
    if sys.stdout.isatty():
        _say("")
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except UnknownProgramError as problem:
        sys.exit(_fail(str(problem)))
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        sys.exit(128 + signal.SIGINT)
