"""Pytest plugin: each run has a temporary folder that no other run touches.

By default all runs of a user share `/tmp/pytest-of-USER`, and each takes the rights of other users on it away when it
starts. As root, PostgreSQL runs as another user: a run that starts stops the databases of the others.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

import pytest

from sandbox.databases.postgres import TEMPLATES

_FOLDER = pytest.StashKey[str]()
_LEFT: list[str] = []
_PREFIX = "simpul-tests-"
_KEPT = 3
"""Folders of failed and killed runs that are kept; each takes up to 400 MB."""
_LOCKED_WITHIN = 60.0
"""Seconds after which a run has locked its folder."""
_LOCK = "in-use"
"""A run locks this file of its folder. The lock ends with its processes, however they end."""
_MEMORY = Path("/dev/shm")  # noqa: S108 - all can write there, as to /tmp
"""A file system in memory, on Linux."""
_LONGEST_PARENT = len("/private/tmp")
"""Characters of a folder in which the path of a socket is still short enough; this one is of macOS."""
_NEEDED_MEMORY = 6 * 1024**3
"""Free bytes of it that a run needs, its 1 GB of files and their copies in other processes included."""


def find_parent(memory: Path = _MEMORY, needed: int = _NEEDED_MEMORY) -> str:
    """The folder of the temporary folders of a run: in memory where that has room.

    A run makes about 100,000 small files, and ext4 is slower with each: memory takes a tenth off the tests of `store/`.
    """
    if "TMPDIR" in os.environ:
        return tempfile.gettempdir()
    try:
        found = os.statvfs(memory)
    except OSError:
        return tempfile.gettempdir()
    # Tests run programs from their folders.
    is_usable = not found.f_flag & os.ST_NOEXEC and os.access(memory, os.W_OK)
    return str(memory) if is_usable and found.f_bavail * found.f_frsize >= needed else tempfile.gettempdir()


@contextmanager
def short_folder(prefix: str = "simpul-") -> Iterator[Path]:
    """A folder with a short path, for those in which a database stands.

    A path of a socket may have 107 bytes; and as root PostgreSQL runs as another user, who has to get there. The files
    are emptied at the end of the block and removed at the end of the run: for minutes after the removal of many files,
    ext4 makes each new one of their neighbours fifty times as slowly, and a database has 1,300.
    """
    parent = tempfile.gettempdir()
    if len(parent) > _LONGEST_PARENT:
        parent = "/tmp"  # noqa: S108 - a new folder in it
    folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
    try:
        yield Path(folder)
    finally:
        _LEFT.append(folder)
        for place, _, files in os.walk(folder):
            for name in files:
                path = Path(place, name)
                if path.is_file() and not path.is_symlink():
                    os.truncate(path, 0)


def lock_folder(folder: Path) -> int | None:
    """Lock the folder of a run; None if another process holds the lock. The descriptor stays open."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove_old_runs(parent: Path) -> None:
    """Remove the folders that earlier runs of this user left, but for the newest ones and those of runs under way."""
    left: list[tuple[float, Path]] = []
    for each in parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # another run that starts now removes the same folders
            status = each.stat()
            if each.is_dir() and status.st_uid == os.getuid():
                left.append((status.st_mtime, each))
    for changed_at, folder in sorted(left)[:-_KEPT]:
        if time() - changed_at < _LOCKED_WITHIN:
            continue
        with suppress(FileNotFoundError):
            if (descriptor := lock_folder(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None:  # a worker of xdist has a folder in that of its run
        os.environ["TMPDIR"] = tempfile.tempdir = find_parent()  # also for the processes that tests start
        with suppress(FileNotFoundError):  # another run removes them, too
            remove_old_runs(Path(tempfile.gettempdir()))
        folder = config.stash[_FOLDER] = tempfile.mkdtemp(prefix=_PREFIX)
        lock_folder(Path(folder))
        config.option.basetemp = f"{folder}/t"  # pytest empties it, and would remove the lock
    # In containers it is often set. Each of some hundred processes would compile 400 files again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    os.environ.setdefault(TEMPLATES, f"{config.option.basetemp}/templates")  # also for processes that tests start


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What a run leaves is of use only where a test failed."""
    while _LEFT:
        shutil.rmtree(_LEFT.pop(), ignore_errors=True)
    folder = session.config.stash.get(_FOLDER, None)
    if folder is not None and exitstatus == pytest.ExitCode.OK:
        shutil.rmtree(folder, ignore_errors=True)
