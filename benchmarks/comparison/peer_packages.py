"""Installs the peers from npm. Programs of Debian come from `scripts.optional_programs`."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from benchmarks.layout import NPM
from sandbox.programs import find_program
from scripts.optional_programs import why_missing

_WITHIN_S = 300
_STAMP = NPM / "node_modules" / "simpul.stamp"


def install_peers() -> str | None:
    """Install the locked peers. Returns None, or the reason for a failure."""
    wanted = hashlib.sha256((NPM / "package-lock.json").read_bytes()).hexdigest()
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return None
    npm = find_program("npm")
    if npm is None:
        return why_missing("npm")
    failed = _run([str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], NPM)
    if failed is None:
        _STAMP.write_text(wanted)
    return failed


def _run(command: list[str], folder: Path) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_WITHIN_S,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)} took longer than {_WITHIN_S} s"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no output"]
    return f"{' '.join(command)} failed: {lines[-1]}"
