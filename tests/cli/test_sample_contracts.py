"""The sample partners and systems of the city have contracts and operations from the first start on."""

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

from cli.contracts import read_contract
from cli.sample_contracts import FOLDER
from cli.sandbox_issuers import NAME
from sandbox.issuer_clients import CLIENTS
from sandbox.samples import SAMPLES
from tests.city import ROOT
from tests.cli.running import Serve, environment, simpul

OWN = {name: client for name, client in CLIENTS.items() if client.kind is not None}
PEOPLE = [SAMPLES["siti"].nik, SAMPLES["budi"].nik]


def test_every_application_with_tokens_of_its_own_has_a_contract_within_its_scopes() -> None:
    contracts = [read_contract(folder / "contract.toml") for folder in sorted(FOLDER.iterdir())]
    names = [each.client.name for each in contracts]
    assert names == sorted(OWN) == [each.name for each in sorted(FOLDER.iterdir())]
    assert {each.client.issuer for each in contracts} == {NAME}
    for each in contracts:
        assert set(each.scopes) <= set(OWN[each.client.name].scopes)
        assert list((FOLDER / each.client.name).glob("*.graphql"))


def asked(running: Serve, client: str, body: dict[str, Any], **headers: str) -> Any:  # noqa: ANN401 - JSON
    token = simpul(running.state, "token", "--client", client).stdout.strip()
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", **headers}
    with closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)) as connection:
        connection.request("POST", "/graphql", json.dumps(body), given)
        return json.loads(connection.getresponse().read())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_first_lines_of_the_partners_page_print_the_answer_below_them(running: Serve) -> None:
    page = (ROOT / "docs" / "partners" / "README.md").read_text()
    [(lines, shown)] = re.findall(r"<!-- run: served -->\n```sh\n(.*?)```\n\n```json\n(.*?)\n```", page, re.DOTALL)
    typed = lines.replace("127.0.0.1:8000", f"127.0.0.1:{running.port}")
    outcome = subprocess.run(  # noqa: S603 - the documentation's own lines
        ["/bin/sh", "-c", typed],
        env=environment(running.state),
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
        operations = sorted(path.stem for path in (FOLDER / name).glob("*.graphql"))
        [row] = re.findall(rf"^\| `{name}` \|.*\|$", page, re.MULTILINE)
        _, scopes, told = row.strip("| ").split(" | ")[1:]
        assert re.findall(r"`([^`]+)`", scopes) == list(client.scopes)
        assert re.findall(r"`([^`]+)`", told) == operations


def test_partners_have_their_first_answer_by_an_id_that_can_be_typed(running: Serve) -> None:
    districts = asked(running, "kredit-nusantara", {"documentId": "Districts", "variables": {"search": "gambir"}})
    assert districts == {"data": {"regions": [{"code": "31.71.01", "name": "Gambir"}]}}
    complaints = asked(running, "pantau-kota", {"documentId": "LatestComplaints"})
    assert len(complaints["data"]["complaints"]["nodes"]) == 5
    assert "errors" not in complaints
    prices = asked(running, "pantau-kota", {"documentId": "RicePrice"})
    assert [each["name"] for each in prices["data"]["markets"]] == ["Pasar Senen Blok III - VI"]


@pytest.mark.parametrize(
    ("client", "operation", "purpose", "field"),
    [
        ("crm-dispatch", "Reporters", "COMPLAINT_HANDLING", "residence"),
        ("dinkes-registry", "Patients", "HEALTHCARE", "civilStatus"),
    ],
)
def test_systems_of_agencies_read_people_in_a_batch_for_their_purpose_and_a_case(
    running: Serve, client: str, operation: str, purpose: str, field: str
) -> None:
    body = {"documentId": operation, "variables": {"niks": PEOPLE}}
    answer = asked(running, client, body, **{"X-Purpose": purpose, "X-Case": "K/2026/1"})
    assert "errors" not in answer
    assert [each["nik"] for each in answer["data"]["citizens"]] == PEOPLE
    assert all(each[field] for each in answer["data"]["citizens"])
    without = asked(running, client, body)
    assert without["errors"][0]["extensions"]["reason"] == "PURPOSE_REQUIRED"


def test_they_are_listed_as_the_sandboxs_and_what_was_retired_stays_so_at_the_next_start(seeded: Path) -> None:
    for retired in (False, True):
        serve = Serve(seeded)
        serve.wait_until_ready()
        try:
            listed = simpul(seeded, "operations", "list", "sandbox/pantau-kota").stdout.splitlines()
            [row] = [line for line in listed if "RicePrice" in line]
            assert "sandbox " in row
            assert ("retired" in row) is retired
            if not retired:
                simpul(seeded, "operations", "retire", "sandbox/pantau-kota", "RicePrice", "--by", "ani")
        finally:
            serve.end()
