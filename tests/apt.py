"""Debian packages for tests that need a real program: installed where that is possible, told why where it is not."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_WITHIN_S = 240
_LOCK = Path(tempfile.gettempdir()) / "simpul-tests-apt.lock"


@cache
def apt_install(package: str) -> str | None:
    """Installs a Debian package unless it is there. Returns None, or why there is none: a reason to skip by.

    Works as root on Debian and its kin. Test runs at the same time wait for each other.
    """
    if shutil.which("apt-get") is None:
        return f"{package} is not installed, and apt-get is not here to install it"
    if _is_installed(package):
        return None
    if os.geteuid() != 0:
        return f"{package} is not installed, and only root may install it (apt-get install {package})"
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_installed(package):
            return None
        # The lists may be too old to know the version that the servers have now.
        return _tried("apt-get", "update", "-qq") or _tried(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", package
        )


def _is_installed(package: str) -> bool:
    asked = subprocess.run(  # noqa: S603 - the names of packages stand in our own tests
        ["/usr/bin/dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout == "installed"


def _tried(*command: str) -> str | None:
    # No service of the package starts on this machine: tests start their own (see invoke-rc.d, policy-rc.d).
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - the names of packages stand in our own tests
            command, capture_output=True, text=True, env=environment, timeout=_WITHIN_S, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)} took longer than {_WITHIN_S} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or ["it said nothing"]
    return f"{' '.join(command)} failed: {lines[-1]}"
