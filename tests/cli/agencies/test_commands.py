"""`simpul agencies check` calls every agency as the hub does."""

import re

from sandbox.databases.mariadb import installed_mariadb
from tests.cli.command_line import ServeProcess, run_simpul
from tests.fakes.city import build_plain_city

WORDS = {
    "ckan": "CKAN",
    "graphql": "GRAPHQL",
    "fhir": "FHIR",
    "files": "FILES",
    "gtfs": "GTFS",
    "http": "HTTP",
    "open311": "Open311",
    "soap": "SOAP",
    "sql": "PostgreSQL",
    "xml": "XML",
}
"""The protocol of a driver."""


def list_drivers() -> list[tuple[str, str]]:
    """The agencies of the city with their drivers."""
    return [(code, each.manifest.wire.driver) for code, each in sorted(build_plain_city().agencies.items())]


def test_every_agency_of_a_running_city_knows_the_known_record(serve_process: ServeProcess) -> None:
    engine = "SQLite" if installed_mariadb() is None else "MariaDB"
    outcome = run_simpul(serve_process.state, "agencies", "check")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    header, *rows = outcome.stdout.splitlines()
    assert header.split() == ["agency", "protocol", "outcome", "seconds"]
    expected = [f"{code} {engine if code == 'jakpreneur' else WORDS[driver]} ok" for code, driver in list_drivers()]
    assert [re.sub(r" +", " ", row).strip().rsplit(" ", 1)[0] for row in rows] == expected
    assert all(re.search(r" \d+(\.\d{1,3})? *$", row) for row in rows)


def test_a_stopped_agency_is_named_and_fails_the_check(serve_process: ServeProcess) -> None:
    run_simpul(serve_process.state, "sandbox", "stop", "crm")
    outcome = run_simpul(serve_process.state, "agencies", "check")
    run_simpul(serve_process.state, "sandbox", "start", "crm")
    assert outcome.returncode == 1
    assert outcome.stderr == "simpul: no good answer from crm\n"
    assert re.search(r"^crm +Open311 +AGENCY_UNAVAILABLE", outcome.stdout, re.MULTILINE)
