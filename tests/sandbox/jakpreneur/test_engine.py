"""The small business programme keeps the engine of its first start, because a hub keeps its address."""

import os
import re
from pathlib import Path

import pytest

from sandbox.programs import WITHOUT_VARIABLE
from tests.sandbox_agencies import AgencyDidNotStartError, RunningAgency, start_agency

WITHOUT = {WITHOUT_VARIABLE: "mariadb"}


@pytest.fixture
def environment_with_mariadb(tmp_path: Path) -> dict[str, str]:
    """An environment with MariaDB programs that fail, so that a test sees each start."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("mariadbd", "mariadb-install-db"):
        (programs / name).write_text("#!/bin/sh\necho '[ERROR] the engine was changed'; exit 1\n")
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", WITHOUT_VARIABLE: ""}


def restart(agency: RunningAgency, environment: dict[str, str]) -> RunningAgency:
    agency.kill()
    agency.environment = environment
    agency.restart()
    return agency


def test_a_city_with_sqlite_keeps_it_after_mariadb_is_installed(
    tmp_path: Path, environment_with_mariadb: dict[str, str]
) -> None:
    agency = start_agency("jakpreneur", tmp_path, environment=WITHOUT)
    try:
        before = agency.health()
        assert before["engine"] == "sqlite"
        assert restart(agency, environment_with_mariadb).health() == before
        assert (agency.state / "engine").read_text() == "sqlite"
    finally:
        agency.stop()


def test_a_new_city_uses_an_installed_mariadb(tmp_path: Path, environment_with_mariadb: dict[str, str]) -> None:
    with pytest.raises(AgencyDidNotStartError, match="the engine was changed"):
        start_agency("jakpreneur", tmp_path, environment=environment_with_mariadb)
    assert (tmp_path / "jakpreneur" / "engine").read_text() == "mariadb"


def test_a_city_with_mariadb_names_the_fix_when_it_is_gone(tmp_path: Path) -> None:
    state = tmp_path / "jakpreneur"
    state.mkdir()
    (state / "engine").write_text("mariadb")
    message = (
        "sandbox: this city began with MariaDB, and mariadbd is not found now: install it (Debian: mariadb-server), "
        f"take mariadb out of SIMPUL_WITHOUT, or delete {state} to create the data again in SQLite."
    )
    with pytest.raises(AgencyDidNotStartError, match=re.escape(message)):
        start_agency("jakpreneur", tmp_path, environment=WITHOUT)


def test_an_engine_that_does_not_exist_is_named_with_the_fix(tmp_path: Path) -> None:
    state = tmp_path / "jakpreneur"
    state.mkdir()
    (state / "engine").write_text("oracle")
    with pytest.raises(AgencyDidNotStartError, match=re.escape(f"names the engine 'oracle'; delete {state} to create")):
        start_agency("jakpreneur", tmp_path)


def test_an_excluded_program_must_be_optional(tmp_path: Path) -> None:
    message = (
        "SIMPUL_WITHOUT names 'postgres', which is not an optional program: choose among "
        "chromium, mariadb, nginx, npm, promtool, wrk, or all."
    )
    with pytest.raises(AgencyDidNotStartError, match=re.escape(message)):
        start_agency("jakpreneur", tmp_path, environment={"SIMPUL_WITHOUT": "mariadb, postgres"})
