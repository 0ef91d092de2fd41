"""One seeded state folder for all, and one running city and hub for the tests that only talk to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Serve, serving, state_folder


@pytest.fixture(scope="package")
def seeded() -> Iterator[Path]:
    """A state folder that has had its first start; nothing runs on it."""
    with state_folder() as state:
        with serving(state):
            pass
        yield state


@pytest.fixture(scope="package")
def running() -> Iterator[Serve]:
    """A city and a hub that run."""
    with state_folder() as state, serving(state) as serve:
        yield serve
