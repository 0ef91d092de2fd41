"""Makes and keeps the project's own environment: `.venv` from requirements.lock, and the Node packages.

Run by scripts/setup with a bare Python (standard library only): `current` exits 0 when .venv fits; `make` makes it
(exit 3: this Python cannot make virtual environments); `node` fetches the Node packages where npm is installed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "simpul.stamp"
LOG = VENV / "setup.log"
LOCK = ROOT / "requirements.lock"
NODE_MODULES = ROOT / "node_modules"
CANNOT_MAKE = 3
NPM_SECONDS = 300

COMMAND = """#!/bin/sh
# Runs Simpul's command line from any folder, with the project it stands in on the path.
self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
bin=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd) || exit 1
exec "$bin/python" -P "$bin/../../scripts/simpul.py" "$@"
"""


def main(task: str) -> int:
    """Do one task; the exit code."""
    return {"current": current, "make": make, "node": node}[task]()


def current() -> int:
    """0 when .venv runs, stands where it was made, by this Python or from it, with the packages of the lock."""
    return 0 if STAMP.exists() and STAMP.read_text() == _stamp() and _runs() else 1


def make() -> int:
    """Make .venv anew: complete, or without the stamp that says so."""
    started = time.monotonic()
    if not LOCK.exists():
        return _fail(f"{LOCK.name} is missing: is the folder complete?")
    STAMP.unlink(missing_ok=True)
    made = subprocess.run(  # noqa: S603 - the Python that runs this
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0 or subprocess.run([*_pip(), "--version"], capture_output=True, check=False).returncode != 0:  # noqa: S603 - the new environment's own pip
        shutil.rmtree(VENV, ignore_errors=True)
        return CANNOT_MAKE
    version = ".".join(str(part) for part in sys.version_info[:3])
    code = _install(f"Installing packages for Python {version}")
    if code != 0:
        lines = [line for line in LOG.read_text(errors="replace").splitlines() if "ERROR" in line] or [
            "no reason given"
        ]
        return _fail(f"the packages cannot be installed: {lines[0].removeprefix('ERROR: ')} (all of it: {LOG})")
    command = VENV / "bin" / "simpul"
    command.write_text(COMMAND)
    command.chmod(0o755)
    STAMP.write_text(_stamp())
    _say(f"Made .venv with Python {version} in {time.monotonic() - started:.0f} s.", last=True)
    return 0


def node() -> int:
    """Fetch the Node packages when their lock changed. Never an error: only GraphiQL and some tests need them."""
    lock, stamp = ROOT / "package-lock.json", NODE_MODULES / "simpul.stamp"
    if not lock.exists():
        return 0
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    npm = shutil.which("npm")
    if npm is None:
        _say(
            "npm is missing: the GraphiQL page will say so, everything else works. Install Node to have it.", last=True
        )
        return 0
    _say("Fetching the Node packages ...")
    options = ["--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(  # noqa: S603 - npm from the PATH, fixed arguments
            [npm, "ci", *options], cwd=ROOT, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        reason = "" if done.returncode == 0 else (said or ["no reason given"])[0].strip()
    except subprocess.TimeoutExpired:
        reason = f"no end after {NPM_SECONDS} s"
    except OSError as problem:
        reason = str(problem.strerror)
    if reason:
        _say(f"npm failed ({reason}): the GraphiQL page will say so, everything else works.", last=True)
        return 0
    stamp.write_text(wanted)
    _say("Fetched the Node packages.", last=True)
    return 0


def _stamp() -> str:
    """What .venv depends on: the lock, the Python it is made from, where it stands, and this file."""
    lock = hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    # The same for a Python and for an environment made from it.
    base = Path(sys.base_prefix).resolve()
    return f"lock {lock}\npython {sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]} {base}\nat {VENV}\n"


def _runs() -> bool:
    try:
        return subprocess.run([VENV / "bin" / "python", "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603 - ours
    except OSError:
        return False


def _pip() -> list[str]:
    return [str(VENV / "bin" / "python"), "-m", "pip"]


def _install(title: str) -> int:
    """Install exactly the locked packages, telling how far it is on one line. The exit code of pip."""
    wanted = len(re.findall(r"^[a-zA-Z0-9]", LOCK.read_text(), re.MULTILINE))
    options = ["--require-hashes", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    with LOG.open("w") as log:
        process = subprocess.Popen([*_pip(), "install", *options, "-r", str(LOCK)], stdout=log, stderr=log)  # noqa: S603 - ours
    _say(f"{title} ...")
    while process.poll() is None:
        time.sleep(0.3)
        text = LOG.read_text(errors="replace")
        found = len(re.findall(r"^Collecting ", text, re.MULTILINE))
        step = "unpacking" if "Installing collected" in text else f"{found} of at most {wanted}"
        if sys.stdout.isatty():
            _say(f"{title}: {step}")
    return process.returncode


def _say(text: str, *, last: bool = False) -> None:
    """One line that the next replaces on a terminal; elsewhere only what starts and ends a step."""
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
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        sys.exit(128 + signal.SIGINT)
