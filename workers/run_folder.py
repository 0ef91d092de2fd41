"""The folder in which the processes of one hub tell each other how they are (`SIMPUL_RUN_FOLDER`)."""

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
"""Says that the folder is a hub's. The hub that runs holds the lock on it, which the system lets go of at its end."""


class RunFolderError(Exception):
    """The folder cannot be used; the text names it and the mend."""


@contextlib.contextmanager
def open_run_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """The folder that `SIMPUL_RUN_FOLDER` names, or systemd's `RuntimeDirectory=`, or else one for this run alone.

    What an earlier run left in it is removed. Raises RunFolderError where something else lies there, which is nobody's
    to remove; where another hub runs with it; and where other users could put files there, which would be taken for
    ours.
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
    """Empty the folder and be the one hub that runs with it, for as long as the handle is open."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe_from_others(path):
            raise RunFolderError(
                f"SIMPUL_RUN_FOLDER={path} can be written by other users: make it the hub's own (`chmod 700`)"
            )
        leftovers = [each for each in path.iterdir() if each.name != _LOCK_FILE]
        if leftovers and not (path / _LOCK_FILE).exists():
            raise RunFolderError(
                f"SIMPUL_RUN_FOLDER={path} holds something that is not the hub's ({leftovers[0].name}): "
                "name an empty folder"
            )
        lock_handle = os.open(path / _LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock_handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(leftovers)
        except BlockingIOError:
            os.close(lock_handle)
            raise RunFolderError(
                f"SIMPUL_RUN_FOLDER={path} is that of another hub, which runs: name a folder for each hub"
            ) from None
        except BaseException:
            os.close(lock_handle)
            raise
    except OSError as problem:
        raise RunFolderError(f"SIMPUL_RUN_FOLDER={path} cannot be used: {problem.strerror}") from None
    return lock_handle


def _is_safe_from_others(path: Path) -> bool:
    """Whether nobody else can put files there, or, as in `/tmp`, at least nobody can take ours away."""
    found = path.stat()
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid in (os.geteuid(), 0) and (not others_write or bool(found.st_mode & stat.S_ISVTX))


def _remove(leftovers: Sequence[Path]) -> None:
    for each in leftovers:
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
