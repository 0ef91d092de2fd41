"""`simpul access`: unusual reading and refusals, for the data-protection officer; each use is recorded."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from datetime import UTC, datetime

from cli.sandbox.hub_environment import build_state_url
from sandbox.population.city_population import build_population
from sandbox.state_folder import StateFolder
from store.database import create_database_engine
from store.ledger.refusal_counts import RefusalKey, RefusalTable
from tests.cli.command_line import ServeProcess, run_simpul
from tests.sandbox_agencies import HOST

BY = ("--by", "Surya", "--case", "PDP/2026/1")
NAMES = "query Names($niks: [NIK!]!) { citizens(niks: $niks) { name } }"


def read_people(serve_process: ServeProcess, count: int) -> int:
    """Read this number of people in one request, as the sample official Rina; the number of answers."""
    token = run_simpul(serve_process.state, "token", "rina").stdout.strip()
    people = [each.nik for each in build_population().residents[:count]]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection(HOST, serve_process.port)) as connection:
        connection.request("POST", "/graphql", json.dumps({"query": NAMES, "variables": {"niks": people}}), headers)
        return len(json.loads(connection.getresponse().read())["data"]["citizens"])


def test_unusual_reading_and_refusals_are_listed_as_json_and_as_text(serve_process: ServeProcess) -> None:
    unusual = run_simpul(serve_process.state, "access", "unusual", *BY, "--json")
    assert (unusual.returncode, json.loads(unusual.stdout)) == (0, [])
    assert (
        run_simpul(serve_process.state, "access", "unusual", *BY).stdout
        == "No reader read an unusual number of people.\n"
    )
    refusals = run_simpul(serve_process.state, "access", "refusals", *BY, "--json")
    assert (refusals.returncode, type(json.loads(refusals.stdout))) == (0, list)


def test_a_reader_of_many_people_has_a_row_without_a_name(serve_process: ServeProcess) -> None:
    assert read_people(serve_process, 40) == 40
    outcome = run_simpul(serve_process.state, "access", "unusual", *BY, "--json")
    rows = [each for each in json.loads(outcome.stdout) if each["kind"] == "official"]
    assert sorted(each["per"] for each in rows) == ["day", "hour"]
    assert all(each["people"] >= 40 and each["agency"] == "dukcapil" for each in rows)
    assert "rina" not in outcome.stdout.lower()


async def test_a_refusal_has_a_row_with_its_count(serve_process: ServeProcess) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    key = RefusalKey(hour, "partner", b"p" * 32, "Citizen.name", "NO_CONSENT")
    engine = create_database_engine(build_state_url(StateFolder(serve_process.state)))
    await RefusalTable(engine).add({key: 7})
    await engine.dispose()

    outcome = run_simpul(serve_process.state, "access", "refusals", *BY, "--json")
    [row] = [each for each in json.loads(outcome.stdout) if each["kind"] == "partner"]
    assert (row["hour"], row["field"], row["reason"], row["times"]) == (
        hour.isoformat(timespec="minutes"),
        "Citizen.name",
        "NO_CONSENT",
        7,
    )
    assert row["caller"] != "70" * 32  # a token for this case


def test_missing_name_or_case_is_refused(serve_process: ServeProcess) -> None:
    assert run_simpul(serve_process.state, "access", "unusual", "--by", "Surya").returncode == 2
    nameless = run_simpul(serve_process.state, "access", "refusals", "--by", " ", "--case", "PDP/1")
    assert (nameless.returncode, nameless.stdout) == (1, "")
    assert nameless.stderr == "simpul: --by must have 1 to 255 characters on one line\n"
