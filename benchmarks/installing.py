"""What the benchmarks need beside Python: nginx and wrk from Debian, the peers from npm."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.places import NPM

_WITHIN_S = 300
_STAMP = NPM / "node_modules" / "simpul.stamp"


def debian(program: str, package: str) -> str | None:
    """Make sure that a program of a Debian package is there. Returns None, or why it is not."""
    if shutil.which(program) or shutil.which(program, path="/usr/sbin"):
        return None
    if shutil.which("apt-get") is None:
        return f"{program} is not installed, and apt-get is not here to install it"
    if os.geteuid() != 0:
        return f"{program} is not installed, and only root may install it (apt-get install {package})"
    # No service of the package starts: the benchmarks start their own (see invoke-rc.d).
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    return _tried(["apt-get", "update", "-qq"], environment) or _tried(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], environment
    )


def peers() -> str | None:
    """Fetch the peers by their lock. Returns None, or why they cannot be had."""
    wanted = hashlib.sha256((NPM / "package-lock.json").read_bytes()).hexdigest()
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    failed = _tried([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {}, NPM)
    if failed is None:
        _STAMP.write_text(wanted)
    return failed


def _tried(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_WITHIN_S,
            cwd=folder,
            env={**os.environ, **environment},
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)} took longer than {_WITHIN_S} s"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["it said nothing"]
    return f"{' '.join(command)} failed: {lines[-1]}"
