"""Installs Debian packages of optional programs once, before any test needs them, and records why one is missing.

Run by `make programs` (so by `make test`) before pytest collects: one process, with progress lines and a time limit.
Failures are recorded, so that a skipped test can give the reason. Works as root on Debian and derivatives.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run with -I: the project by name, nothing else

from sandbox.programs import PROGRAMS, WITHOUT_VARIABLE, UnknownProgramError, is_installed, read_left_out

ROOT = Path(__file__).resolve().parent.parent
FOR_TESTS = ("mariadb", "nginx", "promtool", "chromium", "npm")
_RECORD = ROOT / ".simpul" / "optional-programs.json"
_LOCK = Path(tempfile.gettempdir()) / "simpul-apt.lock"
_TIMEOUT_S = 600.0
_PROGRESS_INTERVAL_S = 8.0
# Packages must not start services on this machine: tests start their own (see invoke-rc.d, policy-rc.d).
_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}


def install(names: Iterable[str]) -> None:
    """Install the missing programs that may be installed; `why_missing` gives the reasons for the others."""
    missing = [name for name in names if _may_be_installed(name)]
    if not missing:
        return
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # concurrent runs wait for each other
        until = time.monotonic() + _TIMEOUT_S
        found: dict[str, str | None] = {}
        # The package lists may be older than the versions on the servers.
        outdated = None
        for name in missing:
            if is_installed(name):  # meanwhile, by another run
                continue
            if not found:
                outdated = _run_command(["apt-get", "update", "-qq"], until)
            package = PROGRAMS[name].package
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
            found[name] = outdated or _run_command(command, until)
            sys.stdout.write(f"{name}: {found[name] or 'installed'}.\n")
    _save_record(found)


def why_missing(name: str) -> str | None:
    """The reason why an optional program is not used; None if it is. Raises `UnknownProgramError`."""
    package = PROGRAMS[name].package
    if name in read_left_out():
        return f"{name} is left out by {WITHOUT_VARIABLE}"
    if is_installed(name):
        return None
    if shutil.which("apt-get") is None:
        return f"{name} is not installed, and there is no apt-get to install it with: this is not Debian"
    if os.geteuid() != 0:
        return f"{name} is not installed, and only root may install it (apt-get install {package})"
    tried = _load_record().get(name)
    return f"{name} is not installed: {tried or f'`make programs` does it (apt-get install {package})'}"


def _may_be_installed(name: str) -> bool:
    possible = shutil.which("apt-get") is not None and os.geteuid() == 0
    return possible and name not in read_left_out() and not is_installed(name)


def _run_command(command: list[str], until: float) -> str | None:
    """Run an apt command to its end; returns None, or the reason of its failure."""
    words = " ".join(command)
    began = reported_at = time.monotonic()
    sys.stdout.write(f"{words} ...\n")
    sys.stdout.flush()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(  # noqa: S603 - the names of packages are ours
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **_ENVIRONMENT}
        )
        while process.poll() is None:
            time.sleep(0.1)
            now = time.monotonic()
            if now > until:
                process.terminate()  # apt leaves the packages in a consistent state
                process.wait()
                return f"{words} was stopped: everything together took longer than {_TIMEOUT_S:.0f} s"
            if now - reported_at > _PROGRESS_INTERVAL_S:
                reported_at = now
                sys.stdout.write(f"{words}: {now - began:.0f} s\n")
                sys.stdout.flush()
        output.seek(0)
        lines = [line.strip() for line in output if line.strip()] or ["no reason given"]
    if process.returncode == 0:
        return None
    return f"{words} failed: {next((line for line in lines if line.startswith('E:')), lines[-1])}"


def _load_record() -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = json.loads(_RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _save_record(found: Mapping[str, str | None]) -> None:
    known = {**_load_record(), **{name: reason for name, reason in found.items() if reason}}
    _RECORD.parent.mkdir(exist_ok=True)
    _RECORD.write_text(json.dumps(known, indent=1), encoding="utf-8")


def main() -> int:
    """Install the programs of the tests; returns the exit code."""
    try:
        install(FOR_TESTS)
        missing = [reason for reason in map(why_missing, FOR_TESTS) if reason]
    except UnknownProgramError as problem:  # from the second line, where an ordinary user may install nothing
        sys.stderr.write(f"{problem}\n")
        return 1
    for reason in missing:
        sys.stdout.write(f"Tests skip what needs it: {reason}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
