"""The process from which tests fork commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.command_line import build_environment
from tests.cli.preloaded import get_preloaded_interpreter


def test_a_command_that_does_not_end_is_killed_and_its_place_is_reported(tmp_path: Path) -> None:
    nobody_writes = tmp_path / "settings"
    os.mkfifo(nobody_writes)
    command = ("--settings", str(nobody_writes), "settings", "list")
    with pytest.raises(TimeoutError, match=r"has not ended within 3 s: (?s:.*)most recent call first(?s:.*)main\.py"):
        get_preloaded_interpreter().run(command, build_environment(tmp_path), 3)


def test_the_exit_code_and_the_output_of_a_command_are_returned(tmp_path: Path) -> None:
    outcome = get_preloaded_interpreter().run(("no-such-command",), build_environment(tmp_path), 60)
    assert outcome.returncode == 2
    assert "No such command 'no-such-command'" in outcome.stderr
