"""The folder in which the processes of one hub exchange their state (`SIMPUL_RUN_FOLDER`)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_LOCK_FILE = ".simpul-run"
"""Marks the folder as a hub's. The running hub holds the lock on this file; the system releases it when the hub
ends."""


class RunFolderError(Exception):
    """The folder cannot be used; the text names it and the fix."""


@contextlib.contextmanager
def open_run_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """Opens the folder of `SIMPUL_RUN_FOLDER`, systemd's `RuntimeDirectory=`, or a temporary one for this run.

    Removes what an earlier run left in it. Raises RunFolderError if the folder holds other files, if another hub runs
    in it, or if other users could write files there, which the hub would read as its own.
    """
    named = environment.get("SIMPUL_RUN_FOLDER") or environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if named:
        path = Path(named)
        lock_handle = _claim_folder(path)
        try:
            yield path
        finally:
            os.close(lock_handle)
        return
    with tempfile.TemporaryDirectory(prefix="simpul-run-", ignore_cleanup_errors=True) as temporary_path:
        yield Path(temporary_path)


def _claim_folder(path: Path) -> int:
    """Empties the folder and locks it for this hub, for as long as the handle is open."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe_from_others(path):
            raise RunFolderError(
                f"SIMPUL_RUN_FOLDER={path} can be written by other users: make it private (`chmod 700`)"
            )
        leftovers = [each for each in path.iterdir() if each.name != _LOCK_FILE]
        if leftovers and not (path / _LOCK_FILE).exists():
            raise RunFolderError(
                f"SIMPUL_RUN_FOLDER={path} holds a file that is not the hub's ({leftovers[0].name}): "
                "name an empty folder"
            )
        lock_handle = os.open(path / _LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock_handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(leftovers)
        except BlockingIOError:
            os.close(lock_handle)
            raise RunFolderError(
                f"SIMPUL_RUN_FOLDER={path} is used by another running hub: name a folder for each hub"
            ) from None
        except BaseException:
            os.close(lock_handle)
            raise
    except OSError as problem:
        raise RunFolderError(f"SIMPUL_RUN_FOLDER={path} cannot be used: {problem.strerror}") from None
    return lock_handle


def _is_safe_from_others(path: Path) -> bool:
    """Whether other users can neither write there nor, as in `/tmp`, remove the hub's files."""
    found = path.stat()
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid in (os.geteuid(), 0) and (not others_write or bool(found.st_mode & stat.S_ISVTX))


def _remove(leftovers: Sequence[Path]) -> None:
    for each in leftovers:
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
