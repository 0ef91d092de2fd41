"""Connectors that a manifest declares, beside their domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.declared.connector import build_declared_connector
from connectors.declared.domain_reads import DomainRead, list_reads
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.driver import SqlDriver
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyNotOffered
from records.identifiers import Nik
from records.population import CivilStatus, Identity, Parentage, Residence
from records.record import record
from resolvers.population import Population
from tests.connectors.declared.tables import parse_tables
from tests.connectors.failures import make_call


@record
class Permit:
    id: str
    owner: Nik


class Permits(Protocol):
    """A domain that no agency has."""

    async def permits_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Permit]]:
        """The permits of each person."""

    async def permits(self, ids: Sequence[str], call: Call) -> Answers[str, Permit]:
        """Permits by identifier."""


STATEMENT = "SELECT id, nik FROM izin WHERE {} IN :keys"
TABLES: dict[str, Any] = {
    "reads": {
        "permits_of": {"statement": STATEMENT.format("nik"), "key": "nik"},
        "permits": {"statement": STATEMENT.format("id"), "key": "id", "key_type": "number"},
    },
    "records": {"Permit": {"id": "id", "owner": "nik"}},
    "probe": {"read": "permits", "key": "1"},
}


NOT_DECLARED = (
    'reads.permits_of: the domain has this read: declare it, or write lacks = ["permits_of"] if the agency has no such'
    " data"
)


@pytest.fixture
def sql(tmp_path: Path) -> SqlDriver:
    return SqlDriver("izin", f"sqlite:///{tmp_path / 'izin.sqlite3'}", deadline=1, pool_size=1)


def test_the_reads_of_a_domain_follow_from_its_protocol() -> None:
    assert list_reads(Permits) == {
        "permits_of": DomainRead("permits_of", Nik, Permit, is_list=True),
        "permits": DomainRead("permits", str, Permit, is_list=False),
    }


class Dated(Protocol):
    """A domain whose reads take more than keys."""

    async def permits_of(self, niks: Sequence[Nik], day: date, call: Call) -> Answers[Nik, Sequence[Permit]]:
        """The permits of each person on a day."""


def test_a_domain_whose_reads_take_more_than_keys_is_answered_in_python() -> None:
    with pytest.raises(NotDeclarableError, match="gives it more than keys; answer it in Python"):
        list_reads(Dated)


def test_a_read_of_facets_takes_keys_and_the_wanted_records() -> None:
    read = list_reads(Population)["load_facets"]
    assert (read.key, read.is_list, read.facets) == (Nik, False, (Identity, Residence, CivilStatus, Parentage))


async def test_keys_that_are_no_numbers_cost_no_call_where_the_agency_stores_numbers(sql: SqlDriver) -> None:
    connector = build_declared_connector(Permits, parse_tables("sql", TABLES), sql, agency="izin")
    assert await connector.permits(["12abc", "", "-1"], make_call()) == {}  # the database does not even exist


async def test_a_read_that_the_agency_lacks_fails_with_its_code(sql: SqlDriver) -> None:
    changed = {"reads": {"permits": TABLES["reads"]["permits"]}, "lacks": ["permits_of"]}
    connector = build_declared_connector(Permits, parse_tables("sql", TABLES | changed), sql, agency="izin")
    with pytest.raises(AgencyNotOffered):
        await connector.permits_of([Nik("3171014506900001")], make_call())
    assert sql.counts.attempts == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reads": {"permits": TABLES["reads"]["permits"]}}, NOT_DECLARED),
        (
            {"reads": {"permits": TABLES["reads"]["permits"]}, "lacks": ["licences"]},
            "lacks: 'licences': the domain has no such read; it has permits, permits_of",
        ),
        ({"lacks": ["permits_of"]}, "lacks: 'permits_of' is declared below; remove one of them"),
        (
            {"reads": {"permits_of": TABLES["reads"]["permits_of"]}, "lacks": ["permits"]},
            "probe.read: 'permits' is no declared read",
        ),
        (
            {"reads": {**TABLES["reads"], "licences": TABLES["reads"]["permits"]}},
            "reads.licences: the domain has no such read; it has permits, permits_of",
        ),
        ({"records": {}}, "records.Permit: the read permits gives it, and none is declared"),
        (
            {"records": {**TABLES["records"], "Licence": {"id": "id"}}},
            "records.Licence: no read gives this record; they give Permit",
        ),
        ({"probe": {"read": "licences", "key": "1"}}, "probe.read: 'licences' is no declared read"),
        (
            {"records": {"Permit": {"id": "id", "owner": "pemilik"}}},
            "reads.permits.statement: the statement does not select the column 'pemilik'",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_its_domain_is_refused(
    sql: SqlDriver, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build_declared_connector(Permits, parse_tables("sql", TABLES | changes), sql, agency="izin")
    assert str(refused.value).startswith(message)
