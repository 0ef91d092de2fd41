"""A command uses the hub's settings file, as operators of a hub have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.command_line import ServeProcess, run_simpul


@pytest.fixture
def file(serve_process: ServeProcess, tmp_path: Path) -> Path:
    """The settings of a hub in front of the running city."""
    path = tmp_path / "hub.env"
    path.write_text(run_simpul(serve_process.state, "sandbox", "settings").stdout)
    return path


def test_a_command_uses_the_file_instead_of_the_environment(file: Path, tmp_path: Path) -> None:
    unreachable = "postgresql://a:b@127.0.0.1:9/simpul"
    outcome = run_simpul(
        tmp_path / "nothing", "--settings", str(file), "ledger", "verify", SIMPUL_STATE_URL=unreachable
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert re.search(r"Unchanged: \d+ entr(y|ies) in \d+ chains?\.\n\Z", outcome.stdout)


def test_the_hub_takes_its_file_as_its_own_option_to_reload_it(file: Path, tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "--settings", str(file), "hub")
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"simpul: the hub rereads its file at each reload: write `simpul hub --settings {file}`\n"
    )


def test_an_unreadable_file_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "hub.env"
    file.write_text("export SIMPUL_LISTEN=1\n")
    outcome = run_simpul(tmp_path, "--settings", str(file), "ledger", "verify")
    assert outcome.returncode == 1
    assert outcome.stderr == f"simpul: {file}, line 1: write it as NAME=value, or begin it with '#'\n"
