"""The start of the command line, and the process from which tests fork commands."""

import os
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli.main import VERSION
from tests.cli.command_line import build_environment, run_simpul
from tests.cli.preloaded import get_preloaded_interpreter
from tests.sandbox_agencies import ROOT

HEAVY = {"aiohttp", "alembic", "cryptography", "faker", "graphql", "jinja2", "joserfc", "lxml"}
HEAVY |= {"opentelemetry", "prometheus_client", "pydantic", "redis", "sqlalchemy", "strawberry", "structlog", "zeep"}
_LOADED = "import cli.main, sys; cli.main.build_app(); print(*sorted({each.split('.')[0] for each in sys.modules}))"


def test_commands_do_not_import_libraries_that_only_others_need() -> None:
    begun = subprocess.run([sys.executable, "-c", _LOADED], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    loaded = set(begun.stdout.split())
    assert {"cli", "typer"} <= loaded
    assert loaded & HEAVY == set()


def test_the_version_is_the_one_of_the_project(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert f'softwareVersion: "{VERSION}"' in (ROOT / "publiccode.yml").read_text()
    assert run_simpul(tmp_path, "--version").stdout == f"simpul {VERSION} (Python {platform.python_version()})\n"


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("simpul se", ["serve", "secret", "settings"]),
        ("simpul breach ", ["open", "list", "report", "close"]),
        ("simpul token w", ["wulan"]),
        ("simpul sandbox stop p", ["pbb", "pangan"]),
        ("simpul sandbox --j", ["--json"]),
    ],
)
def test_a_shell_completes_commands_options_and_sample_names(
    tmp_path: Path, words: str, completions: list[str]
) -> None:
    asked = {"_SIMPUL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    outcome = run_simpul(tmp_path, **asked)
    assert (outcome.stdout.split(), outcome.stderr) == (completions, "")


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
