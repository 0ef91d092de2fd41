"""Pytest plugin: each run has a temporary folder that no other run touches.

By default all runs of a user share `/tmp/pytest-of-USER`, and each takes the rights of other users on it away when it
starts. As root, PostgreSQL runs as another user: a run that starts stops the databases of the others.
"""

from __future__ import annotations

import shutil
import tempfile

import pytest

_FOLDER = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None:  # a worker of xdist has a folder in that of its run
        config.stash[_FOLDER] = config.option.basetemp = tempfile.mkdtemp(prefix="simpul-tests-")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What a run leaves is of use only where a test failed."""
    folder = session.config.stash.get(_FOLDER, None)
    if folder is not None and exitstatus == pytest.ExitCode.OK:
        shutil.rmtree(folder, ignore_errors=True)
