"""One seeded state folder for all, and one running city and hub for the tests that only talk to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import ServeProcess, run_serve, temporary_state_folder


@pytest.fixture(scope="package")
def seeded_state() -> Iterator[Path]:
    """A state folder that has had its first start; nothing runs on it."""
    with temporary_state_folder() as state:
        with run_serve(state):
            pass
        yield state


@pytest.fixture(scope="package")
def serve_process() -> Iterator[ServeProcess]:
    """A city and a hub that run."""
    with temporary_state_folder() as state, run_serve(state) as serve:
        yield serve
