"""Failed starts of an agency: one clear line, never a traceback."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.plugins.optional_programs import FindProgram
from tests.sandbox_agencies import ROOT, RunningAgency, free_port

START_TIMEOUT_S = 180
"""A start includes a database of PostgreSQL or MariaDB; only a start that hangs takes longer."""
CREDENTIAL = {"SANDBOX_USER": "simpul", "SANDBOX_SECRET": "rahasia"}


def _start(
    name: str, state: Path, port: int, control_port: int, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", name, "--port", str(port), "--control-port", str(control_port)]
    cleared = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    return subprocess.run(  # noqa: S603 - our own program
        [*command, "--state", str(state)],
        cwd=ROOT,
        env={**cleared, **environment},
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize("name", ["dukcapil", "jakpreneur", "crm"])
def test_a_taken_port_is_named(name: str, tmp_path: Path, dukcapil: RunningAgency, program: FindProgram) -> None:
    if name == "jakpreneur":
        program("mariadbd")  # an SQLite file listens on no port

    outcome = _start(name, tmp_path, dukcapil.port, free_port(), CREDENTIAL)

    assert outcome.returncode == 1
    assert outcome.stderr == f"sandbox: port {dukcapil.port} cannot be used (Address already in use); choose another.\n"


def test_a_taken_control_port_is_named(tmp_path: Path, dukcapil: RunningAgency) -> None:
    outcome = _start("dukcapil", tmp_path, free_port(), dukcapil.control_port, CREDENTIAL)

    assert outcome.returncode == 1
    assert str(dukcapil.control_port) in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("missing", ["SANDBOX_USER", "SANDBOX_SECRET"])
def test_a_missing_credential_is_named(missing: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in CREDENTIAL.items() if name != missing}
    outcome = _start("crm", tmp_path, free_port(), free_port(), environment)

    assert outcome.returncode == 1
    assert outcome.stderr == f"sandbox: {missing} is not set; it is part of the credential the agency accepts.\n"


def test_an_invalid_latency_switch_is_named(tmp_path: Path) -> None:
    outcome = _start("crm", tmp_path, free_port(), free_port(), {**CREDENTIAL, "SANDBOX_LATENCY": "maybe"})

    assert outcome.returncode == 1
    assert outcome.stderr == "sandbox: SANDBOX_LATENCY is 'maybe'; set it to on or off.\n"


def test_an_invalid_day_is_named(tmp_path: Path) -> None:
    outcome = _start("crm", tmp_path, free_port(), free_port(), {**CREDENTIAL, "SANDBOX_TODAY": "tomorrow"})

    assert outcome.returncode == 1
    assert outcome.stderr == "sandbox: SANDBOX_TODAY: 'tomorrow' is not a day from 2000 to 2099, such as 2026-11-01.\n"


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = _start("crm", tmp_path / "file" / "state", free_port(), free_port(), CREDENTIAL)

    assert outcome.returncode == 1
    assert outcome.stderr.startswith("sandbox: cannot start: ")
    assert outcome.stderr.count("\n") == 1


def test_a_reader_cannot_have_the_name_of_the_tables_owner(tmp_path: Path) -> None:
    outcome = _start("dukcapil", tmp_path, free_port(), free_port(), {**CREDENTIAL, "SANDBOX_USER": "siak_owner"})

    assert outcome.returncode == 1
    assert "siak_owner" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
