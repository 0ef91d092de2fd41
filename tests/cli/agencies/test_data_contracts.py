"""`simpul data-contracts check`, and a hub that does not start without an assessment for personal data."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from settings.city.folder import DEFAULT_CITY
from tests.cli.command_line import ServeProcess, run_simpul, temporary_state_folder
from tests.fakes.city import VARIABLES, write_city
from tests.fakes.issuers.bound_issuer import build_bound_issuer
from tests.sandbox_agencies import free_port

HUB = {"SIMPUL_SECRET": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=", **VARIABLES}
ASSESSED_LATE = ("jakpreneur", "crm")


def write_contract(folder: Path, agency: str, **assessment: object) -> Path:
    """A city whose agency has another assessment."""
    manifest = tomllib.loads((DEFAULT_CITY / "agencies" / f"{agency}.toml").read_text(encoding="utf-8"))
    contract = manifest["contract"]
    contract["assessment"] |= assessment
    return write_city(folder, contracts={agency: contract})


def test_contracts_that_cover_everything_pass(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "data-contracts", "check", str(DEFAULT_CITY))
    assert (outcome.returncode, outcome.stderr) == (0, "")
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["pbb", "PERSONAL,", "FINANCE", "DPIA-2026-002", "low", "2027-09-13"] in lines


def test_a_purpose_without_a_contract_is_noted_and_passes(tmp_path: Path) -> None:
    purposes = "pbb:TAX_ASSESSMENT,HEALTHCARE crm:COMPLAINT_HANDLING"
    outcome = run_simpul(tmp_path, "data-contracts", "check", str(DEFAULT_CITY), SIMPUL_PURPOSES=purposes)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert [line for line in outcome.stdout.splitlines() if line.startswith("Note:")] == [
        "Note: the city's purposes allow officials of 'pbb' to state HEALTHCARE, which its data contract does not name."
    ]
    wrong = run_simpul(tmp_path, "data-contracts", "check", str(DEFAULT_CITY), SIMPUL_PURPOSES="pbb:CURIOSITY")
    assert wrong.returncode == 1
    assert "'pbb:CURIOSITY' does not assign purposes to an agency" in wrong.stderr


def test_uncovered_data_is_named_and_fails(tmp_path: Path) -> None:
    path = write_contract(tmp_path / "city", "dukcapil", classes=["PERSONAL", "CHILD"])
    outcome = run_simpul(tmp_path, "data-contracts", "check", str(path))
    assert outcome.returncode == 1
    assert outcome.stderr == "simpul: the impact assessment DPIA-2026-001 of 'dukcapil' does not cover HEALTH data\n"


def test_a_folder_that_is_no_city_is_one_line(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "data-contracts", "check", str(tmp_path / "none"))
    assert outcome.returncode == 1
    assert outcome.stderr == f"simpul: {tmp_path}/none/city.toml: it cannot be read: No such file or directory\n"


def test_the_hub_of_the_sandbox_uses_its_contracts(serve_process: ServeProcess) -> None:
    outcome = run_simpul(serve_process.state, "data-contracts", "check")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "Data contracts" not in serve_process.console


@pytest.fixture
def expired_contracts(tmp_path: Path) -> Path:
    """A city whose assessments of two agencies expired."""
    contracts = {}
    for agency in ASSESSED_LATE:
        manifest = tomllib.loads((DEFAULT_CITY / "agencies" / f"{agency}.toml").read_text(encoding="utf-8"))
        contracts[agency] = manifest["contract"]
        contracts[agency]["assessment"]["review_by"] = date(2026, 10, 1)
    return write_city(tmp_path / "city", contracts=contracts)


def test_in_production_a_hub_without_valid_assessments_does_not_start(expired_contracts: Path) -> None:
    build_bound_issuer(expired_contracts.parent)
    environment = HUB | {"SIMPUL_ISSUERS": str(expired_contracts.parent / "issuers.json")}
    uncontracted = write_city(expired_contracts.parent / "none", contracts={"crm": None, "pbb": None})
    with temporary_state_folder() as state:
        none = run_simpul(
            state,
            "serve",
            "--no-sandbox",
            "--port",
            str(free_port()),
            SIMPUL_CITY=str(uncontracted),
            SIMPUL_SNAPSHOT_FOLDER=str(uncontracted / "snapshots"),
            **environment,
        )
        late = run_simpul(
            state,
            "serve",
            "--no-sandbox",
            "--port",
            str(free_port()),
            SIMPUL_CITY=str(expired_contracts),
            SIMPUL_SNAPSHOT_FOLDER=str(expired_contracts / "snapshots"),
            **environment,
        )
    assert (none.returncode, late.returncode) == (1, 1)
    assert (
        "the hub does not start: the agency 'crm' has no data contract, but the graph has PERSONAL data" in none.stderr
    )
    assert "the agency 'pbb' has no data contract, but the graph has PERSONAL, FINANCE data of it" in none.stderr
    assert "DPIA-2026-003 of 'jakpreneur' expired on 2026-10-01" in late.stderr
    assert "DPIA-2026-004 of 'crm' expired on 2026-10-01" in late.stderr
    assert "pangan" not in none.stderr


def test_in_development_a_hub_without_assessments_starts_with_one_warning(
    expired_contracts: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    DevelopmentIssuer(tmp_path / "issuer.json").write_public_keys(keys)
    own = {"SIMPUL_ISSUER_KEYS": str(keys), "SIMPUL_DEVELOPMENT": "1", "SIMPUL_CITY": str(expired_contracts)}
    own["SIMPUL_SNAPSHOT_FOLDER"] = str(expired_contracts / "snapshots")
    with temporary_state_folder() as state:
        serve = ServeProcess(state, "--no-sandbox", variables={**HUB, **own})
        try:
            serve.wait_until_ready()
            lines = [line for line in serve.console.splitlines() if "Data contracts" in line]
        finally:
            if serve.process.poll() is None:
                serve.stop()
    assert [line.partition("Data contracts: ")[2] for line in lines] == [
        "the impact assessment DPIA-2026-004 of 'crm' expired on 2026-10-01.",
        "the impact assessment DPIA-2026-003 of 'jakpreneur' expired on 2026-10-01.",
    ]
