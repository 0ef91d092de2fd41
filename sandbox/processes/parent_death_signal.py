"""Runs a command that ends with the process that started it.

`python parent_death_signal.py PARENT SIGNAL [USER] -- COMMAND...` The kernel guarantees it (Linux, PR_SET_PDEATHSIG),
so it also works if the parent is killed and cannot clean up. On other systems the command simply runs. This is a
program and not a `preexec_fn`: running Python in a fork of a process with threads may deadlock.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def with_parent_death_signal(command: Sequence[str], *, ending: signal.Signals, user: str | None = None) -> list[str]:
    """Build the command line that runs `command` (absolute path first) and signals `ending` when this process ends.

    As root it may run as another `user`. The kernel watches the thread that starts the command: use one that stays.
    """
    drop = [user] if user else []
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), ending.name, *drop, "--", *command]


def set_parent_death_signal(parent: int, ending: signal.Signals) -> None:
    """Ask the kernel to send `ending` to this process when `parent` has ended. The request survives `exec`."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # noqa: PLC0415 - takes 10 ms, needed on this platform only

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, ending, 0, 0, 0) != 0:
        sys.exit(f"parent_death_signal: the kernel refused PR_SET_PDEATHSIG: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it ended before the request, so the kernel will send no signal
        sys.exit("parent_death_signal: the starting process is gone")


def drop_privileges(user: str) -> None:
    """Drop root for `user`, who must exist. Clears any earlier parent-death signal, so call it first."""
    import pwd  # noqa: PLC0415 - only a root process gets here

    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def main(arguments: list[str]) -> None:
    """Replace this process by the command after `--`."""
    mark = arguments.index("--")
    parent, ending, *user = arguments[:mark]
    command = arguments[mark + 1 :]
    if user:
        drop_privileges(user[0])
    set_parent_death_signal(int(parent), signal.Signals[ending])
    try:
        os.execv(command[0], command)  # noqa: S606 - replacing this process by the command is what it is for
    except OSError as problem:
        sys.exit(f"{command[0]} cannot be started: {problem.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
