"""Pytest plugin: each run has a temporary folder that no other run touches.

By default all runs of a user share `/tmp/pytest-of-USER`, and each takes the rights of other users on it away when it
starts. As root, PostgreSQL runs as another user: a run that starts stops the databases of the others.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.databases.postgres import TEMPLATES

_FOLDER = pytest.StashKey[str]()
_LEFT: list[str] = []


@contextmanager
def short_folder(prefix: str = "simpul-") -> Iterator[Path]:
    """A folder directly under /tmp, for those in which a database stands.

    A path of a socket may have 107 bytes; and as root PostgreSQL runs as another user, who has to get there. The files
    are emptied at the end of the block and removed at the end of the run: for minutes after the removal of many files,
    ext4 makes each new one of their neighbours fifty times as slowly, and a database has 1,300.
    """
    folder = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
    try:
        yield Path(folder)
    finally:
        _LEFT.append(folder)
        for place, _, files in os.walk(folder):
            for name in files:
                path = Path(place, name)
                if path.is_file() and not path.is_symlink():
                    os.truncate(path, 0)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None:  # a worker of xdist has a folder in that of its run
        config.stash[_FOLDER] = config.option.basetemp = tempfile.mkdtemp(prefix="simpul-tests-")
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
