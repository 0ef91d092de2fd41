"""The sample partners and systems of the city have contracts and operations from the first start."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.operations.contract_file import read_contract
from cli.sandbox.issuers_file import SANDBOX_ISSUER
from cli.sandbox.sample_contracts import CONTRACTS_FOLDER
from sandbox.issuer.clients import CLIENTS
from sandbox.population.samples import SAMPLES
from tests.cli.command_line import ServeProcess, build_environment, run_simpul
from tests.sandbox_agencies import ROOT

OWN = {name: client for name, client in CLIENTS.items() if client.kind is not None}
PEOPLE = [SAMPLES["siti"].nik, SAMPLES["budi"].nik]


def test_every_application_with_own_tokens_has_a_contract_within_its_scopes() -> None:
    contracts = [read_contract(folder / "contract.toml") for folder in sorted(CONTRACTS_FOLDER.iterdir())]
    names = [each.client.name for each in contracts]
    assert names == sorted(OWN) == [each.name for each in sorted(CONTRACTS_FOLDER.iterdir())]
    assert {each.client.issuer for each in contracts} == {SANDBOX_ISSUER}
    for each in contracts:
        assert set(each.scopes) <= set(OWN[each.client.name].scopes)
        assert list((CONTRACTS_FOLDER / each.client.name).glob("*.graphql"))


def ask_hub(serve_process: ServeProcess, client: str, body: dict[str, Any], **headers: str) -> Any:  # noqa: ANN401 - JSON
    token = run_simpul(serve_process.state, "token", "--client", client).stdout.strip()
    all_headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", **headers}
    with closing(http.client.HTTPConnection("127.0.0.1", serve_process.port, timeout=60)) as connection:
        connection.request("POST", "/graphql", json.dumps(body), all_headers)
        return json.loads(connection.getresponse().read())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_first_lines_of_the_partners_page_print_the_answer_below_them(serve_process: ServeProcess) -> None:
    page = (ROOT / "docs" / "partners" / "README.md").read_text()
    [(lines, shown)] = re.findall(r"<!-- run: served -->\n```sh\n(.*?)```\n\n```json\n(.*?)\n```", page, re.DOTALL)
    typed = lines.replace("127.0.0.1:8000", f"127.0.0.1:{serve_process.port}")
    outcome = subprocess.run(  # noqa: S603 - the documentation's own lines
        ["/bin/sh", "-c", typed],
        env=build_environment(serve_process.state),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert outcome.stdout == shown


def test_the_partners_page_names_every_application_with_its_scopes_and_operations() -> None:
    page = (ROOT / "docs" / "partners" / "README.md").read_text()
    for name, client in OWN.items():
        operations = sorted(path.stem for path in (CONTRACTS_FOLDER / name).glob("*.graphql"))
        [row] = re.findall(rf"^\| `{name}` \|.*\|$", page, re.MULTILINE)
        _, scopes, operations_cell = row.strip("| ").split(" | ")[1:]
        assert re.findall(r"`([^`]+)`", scopes) == list(client.scopes)
        assert re.findall(r"`([^`]+)`", operations_cell) == operations


def test_partners_get_their_first_answer_by_a_short_operation_id(serve_process: ServeProcess) -> None:
    districts = ask_hub(
        serve_process, "kredit-nusantara", {"documentId": "Districts", "variables": {"search": "gambir"}}
    )
    assert districts == {"data": {"regions": [{"code": "31.71.01", "name": "Gambir"}]}}
    complaints = ask_hub(serve_process, "pantau-kota", {"documentId": "LatestComplaints"})
    assert len(complaints["data"]["complaints"]["nodes"]) == 5
    assert "errors" not in complaints
    prices = ask_hub(serve_process, "pantau-kota", {"documentId": "RicePrice"})
    assert [each["name"] for each in prices["data"]["markets"]] == ["Pasar Senen Blok III - VI"]


@pytest.mark.parametrize(
    ("client", "operation", "purpose", "field"),
    [
        ("crm-dispatch", "Reporters", "COMPLAINT_HANDLING", "residence"),
        ("dinkes-registry", "Patients", "HEALTHCARE", "civilStatus"),
    ],
)
def test_systems_of_agencies_read_people_in_a_batch_for_their_purpose_and_a_case(
    serve_process: ServeProcess, client: str, operation: str, purpose: str, field: str
) -> None:
    body = {"documentId": operation, "variables": {"niks": PEOPLE}}
    answer = ask_hub(serve_process, client, body, **{"X-Purpose": purpose, "X-Case": "K/2026/1"})
    assert "errors" not in answer
    assert [each["nik"] for each in answer["data"]["citizens"]] == PEOPLE
    assert all(each[field] for each in answer["data"]["citizens"])
    without = ask_hub(serve_process, client, body)
    assert without["errors"][0]["extensions"]["reason"] == "PURPOSE_REQUIRED"


def test_sample_contracts_are_listed_and_retired_ones_stay_retired_at_the_next_start(seeded_state: Path) -> None:
    for retired in (False, True):
        serve = ServeProcess(seeded_state)
        serve.wait_until_ready()
        try:
            listed = run_simpul(seeded_state, "operations", "list", "sandbox/pantau-kota").stdout.splitlines()
            [row] = [line for line in listed if "RicePrice" in line]
            assert "sandbox " in row
            assert ("retired" in row) is retired
            if not retired:
                run_simpul(seeded_state, "operations", "retire", "sandbox/pantau-kota", "RicePrice", "--by", "ani")
        finally:
            serve.stop()
