"""`simpul operations`, from a manifest to the registry of a running hub."""

from __future__ import annotations

import http.client
import json
import subprocess
from contextlib import closing
from pathlib import Path

from tests.cli.command_line import ServeProcess, run_simpul
from tests.fakes.waiting import block_until
from tests.sandbox_agencies import ROOT

CONTRACT = """
issuer = "development"
client = "kios"
cost_a_day = 100000
[scopes]
"prices:read" = ["Query.markets", "Market.*"]
[variables.Markets]
first = { at_most = 5 }
"""
MARKETS = "query Markets($first: Int = 1) { markets(first: $first) { name } }"
REGIONS = "query Regions { regions { code } }"


def write_files(folder: Path, *texts: str) -> tuple[str, str]:
    """A manifest as Relay writes it, and the contract."""
    manifest, contract = folder / "persisted.json", folder / "kios.toml"
    manifest.write_text(json.dumps({f"id-{text.split()[1].split('(')[0]}": text for text in texts}))
    contract.write_text(CONTRACT)
    return str(manifest), str(contract)


def test_a_manifest_is_checked_without_a_hub_and_nothing_is_published(tmp_path: Path) -> None:
    manifest, contract = write_files(tmp_path, MARKETS)
    outcome = run_simpul(
        tmp_path / "state", "operations", "check", "development/kios", manifest, "--contract", contract
    )
    assert (outcome.returncode, outcome.stdout) == (0, "1 operation could be published for development/kios.\n")
    lines = outcome.stderr.splitlines()
    assert lines[0] == "Markets  id-Markets"
    assert lines[1].endswith(" points, scopes: prices:read")
    assert lines[2:4] == ["  Market.name: public, public", "  Query.markets: public, public"]
    assert "pangan: 1 call" in outcome.stderr


def test_each_operation_that_does_not_fit_is_listed_with_the_reason(tmp_path: Path) -> None:
    manifest, contract = write_files(tmp_path, MARKETS, REGIONS, "query Broken { nothing }")
    outcome = run_simpul(
        tmp_path / "state", "operations", "check", "development/kios", manifest, "--contract", contract
    )
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert (
        "  cannot be published: The contract of 'development/kios' opens no scope for Query.regions, Region.code."
        in (outcome.stderr.splitlines())
    )
    assert "  cannot be published: Cannot query field 'nothing' on type 'Query'." in outcome.stderr.splitlines()
    assert outcome.stderr.endswith("simpul: 2 of 3 operations cannot be published; nothing was changed\n")


def test_the_contract_of_another_client_is_refused(tmp_path: Path) -> None:
    manifest, contract = write_files(tmp_path, MARKETS)
    outcome = run_simpul(
        tmp_path / "state", "operations", "check", "development/lain", manifest, "--contract", contract
    )
    assert outcome.returncode == 1
    assert outcome.stderr.endswith("kios.toml is the contract of 'development/kios', not of 'development/lain'\n")


def test_a_partner_is_published_called_listed_and_retired(tmp_path: Path, serve_process: ServeProcess) -> None:
    def operations(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_simpul(serve_process.state, "operations", *arguments)

    manifest, contract = write_files(tmp_path, MARKETS)
    early = operations("publish", "development/kios", manifest)
    assert (early.returncode, early.stderr) == (
        1,
        "simpul: development/kios has no contract yet: give it with --contract FILE\n",
    )

    published = operations("publish", "development/kios", manifest, "--contract", contract, "--by", "ani")
    assert (published.returncode, published.stdout) == (
        0,
        "Published 1 operation for development/kios; 0 already published. Hubs apply this within seconds.\n",
    )
    again = operations("publish", "development/kios", manifest)
    assert (
        again.stdout
        == "Published 0 operations for development/kios; 1 already published. Hubs apply this within seconds.\n"
    )

    listed = operations("list", "development/kios")
    assert listed.stdout.startswith("development/kios: ids-only, 100000 points a day\n")
    assert [line.split()[:4] for line in listed.stdout.splitlines()[2:]] == [
        ["development/kios", "Markets", "id-Markets", "published"]
    ]

    narrower_contract = tmp_path / "narrower.toml"
    narrower_contract.write_text('issuer = "development"\nclient = "kios"\n')
    refused = operations("publish", "development/kios", manifest, "--contract", str(narrower_contract))
    assert refused.returncode == 1
    assert "opens no scope for Market.name, Query.markets" in refused.stderr

    refused = operations("publish", "development/kios", "--contract", str(narrower_contract))
    assert refused.returncode == 1
    assert "opens no scope for Market.name, Query.markets" in refused.stderr
    dearer_contract = tmp_path / "dearer.toml"
    dearer_contract.write_text(CONTRACT.replace("100000", "200000"))
    changed = operations("publish", "development/kios", "--contract", str(dearer_contract))
    assert (changed.returncode, changed.stdout) == (
        0,
        "The contract of development/kios is in force, with 1 operation. Hubs apply it in seconds.\n",
    )
    assert operations("list", "development/kios").stdout.startswith("development/kios: ids-only, 200000 points a day\n")
    neither = operations("publish", "development/kios")
    assert (neither.returncode, neither.stderr) == (
        1,
        "simpul: name a manifest, or --contract FILE to change only the contract\n",
    )

    checked = run_simpul(serve_process.state, "schema", "check", "--registered")
    assert (checked.returncode, checked.stderr) == (0, "")

    assert operations("retire", "development/kios", "id-None").stderr == (
        "simpul: development/kios has no published operation 'id-None': see `simpul operations list development/kios`\n"
    )
    assert operations("retire", "development/kios").stderr == "simpul: name the ids to retire, or --all\n"
    retired = operations("retire", "development/kios", "--all", "--by", "budi")
    assert retired.stdout == "Retired 1 operation of development/kios. Hubs apply it within seconds.\n"
    assert " retired " in operations("list").stdout


def test_without_a_database_the_error_names_what_to_start(seeded_state: Path, tmp_path: Path) -> None:
    outcome = run_simpul(
        seeded_state,
        "operations",
        "list",
        SIMPUL_STATE_URL="postgresql://simpul:x@127.0.0.1:1/simpul",
        HOME=str(tmp_path),
    )
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr == (
        "simpul: the hub's database does not answer: start it (`simpul serve`), or correct SIMPUL_STATE_URL\n"
    )


def test_the_steps_of_the_partners_page_lead_to_the_answer_on_it(serve_process: ServeProcess) -> None:
    page = (ROOT / "docs" / "partners" / "README.md").read_text()
    folder = ROOT / "docs" / "partners" / "kios"
    manifest, contract = str(folder / "manifest.json"), str(folder / "contract.toml")
    [entry] = json.loads((folder / "manifest.json").read_text())["operations"]
    assert entry["body"] == (folder / "prices.graphql").read_text().rstrip("\n")
    assert f'{{"documentId": "{entry["id"]}"}}' in page

    assert (
        run_simpul(
            serve_process.state, "operations", "check", "development/kios", manifest, "--contract", contract
        ).returncode
        == 0
    )
    outcome = run_simpul(
        serve_process.state, "operations", "publish", "development/kios", manifest, "--contract", contract
    )
    assert outcome.returncode == 0, outcome.stderr
    token = run_simpul(serve_process.state, "token", "kios").stdout.strip()

    def answered() -> str:
        connection = http.client.HTTPConnection("127.0.0.1", serve_process.port, timeout=60)
        with closing(connection):
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
            connection.request("POST", "/graphql", json.dumps({"documentId": entry["id"]}), headers)
            return connection.getresponse().read().decode()

    block_until(lambda: "PERSISTED_QUERY_NOT_FOUND" not in answered(), "the hub knows what was published")
    assert answered() in page
    assert run_simpul(serve_process.state, "operations", "retire", "development/kios", "--all").returncode == 0
