"""One seeded state folder for all tests, and one running city and hub for tests that only send requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import ServeProcess, run_serve, temporary_state_folder


@pytest.fixture(scope="package")
def seeded_state() -> Iterator[Path]:
    """A state folder after its first start; nothing runs on it."""
    with temporary_state_folder() as state:
        with run_serve(state):
            pass
        yield state


@pytest.fixture(scope="package")
def serve_process() -> Iterator[ServeProcess]:
    """A running city and hub."""
    with temporary_state_folder() as state, run_serve(state) as serve:
        yield serve
