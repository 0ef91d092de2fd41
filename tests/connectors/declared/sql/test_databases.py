"""Declared reads against real databases: exact keys, refused writes, facets, and searches with pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any, Protocol

import pytest

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.driver import SqlDriver
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused
from records.identifiers import RegionCode
from records.record import record
from tests.connectors.declared.sql.databases import Database
from tests.connectors.declared.tables import parse_tables
from tests.connectors.failures import make_call

WIB = timezone(timedelta(hours=7))


class PermitState(Enum):
    ACTIVE = "active"
    CLOSED = "closed"


@record
class Licence:
    id: str
    code: str
    name: str
    state: PermitState | None
    region_code: RegionCode | None
    issued_at: datetime


@record
class LicencePosition:
    issued_at: datetime
    id: str


@record
class LicenceQuery:
    first: int = 10
    after: LicencePosition | None = None
    search: str = ""
    states: tuple[PermitState, ...] = ()
    codes: tuple[str, ...] = ()
    regions: tuple[RegionCode, ...] = ()
    issued_from: datetime | None = None
    issued_before: datetime | None = None


@record
class LicencePage:
    licences: tuple[Licence, ...]
    has_more: bool


@record
class NameQuery:
    search: str = ""


@record
class Title:
    name: str


@record
class Street:
    street: str | None


class Licences(Protocol):
    """A domain that no agency has."""

    async def by_code(self, codes: Sequence[str], call: Call) -> Answers[str, Licence]:
        """Licences by code."""

    async def by_id(self, ids: Sequence[str], call: Call) -> Answers[str, Licence]:
        """Licences by identifier."""

    async def pages(self, queries: Sequence[LicenceQuery], call: Call) -> Answers[LicenceQuery, LicencePage]:
        """Pages of licences."""

    async def lists(self, queries: Sequence[NameQuery], call: Call) -> Answers[NameQuery, Sequence[Licence]]:
        """Licences by name."""

    async def facets(
        self, ids: Sequence[str], wanted: frozenset[type[Title | Street]], call: Call
    ) -> Answers[str, Mapping[type[Title | Street], Title | Street]]:
        """The wanted facets of each licence."""


SELECT = "SELECT id, kode, nama, status, kode_kel, dibuat FROM izin"
PAGES: Mapping[str, Any] = {
    "statement": SELECT + " WHERE nama <> 'Kedai Agus'",
    "key_type": "number",
    "search": ["name"],
    "filters": {
        "states": "state",
        "codes": "code",
        "regions": "region_code",
        "issued_from": {"field": "issued_at", "match": "from"},
        "issued_before": {"field": "issued_at", "match": "before"},
    },
    "order": ["issued_at desc", "id desc"],
}
TABLES: Mapping[str, Any] = {
    "reads": {
        "by_code": {"statement": SELECT + " WHERE kode IN :keys", "key": "kode"},
        "by_id": {"statement": SELECT + " WHERE id IN :keys", "key": "id", "key_type": "number"},
        "pages": PAGES,
        "lists": {"statement": SELECT + " ORDER BY id", "search": "name"},
        "facets": {
            "statement": "SELECT izin.id, izin.nama, alamat.jalan FROM izin"
            " LEFT JOIN alamat ON alamat.izin_id = izin.id WHERE izin.id IN :keys",
            "key": "id",
            "key_type": "number",
        },
    },
    "records": {
        "Licence": {
            "id": "id",
            "code": "kode",
            "name": "nama",
            "state": {"from": "status", "values": {"B": "ACTIVE", "T": "CLOSED"}, "unknown": "null"},
            "region_code": "kode_kel",
            "issued_at": "dibuat",
        },
        "Title": {"name": "nama"},
        "Street": {"street": "jalan"},
    },
    "probe": {"read": "by_id", "key": "1"},
}


def connect(sql: SqlDriver) -> DeclaredConnector:
    return build_declared_connector(Licences, parse_tables("sql", TABLES), sql, agency="izin")


async def ask_page(database: Database, query: LicenceQuery) -> tuple[list[str], bool]:
    async with database.connect() as sql:
        page = (await connect(sql).pages([query], make_call()))[query]
    assert isinstance(page, LicencePage), page
    return [each.id for each in page.licences], page.has_more


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alamat VALUES (99, 'JL. RAHASIA')",
        "UPDATE alamat SET jalan = 'JL. RAHASIA'",
        "DELETE FROM alamat",
        "DROP TABLE alamat",
        "CREATE TABLE salinan (id INTEGER)",
    ],
)
async def test_the_server_refuses_every_write_of_a_user_who_may_write(database: Database, statement: str) -> None:
    async with database.connect() as sql:
        with pytest.raises(AgencyRefused):
            await sql.rows(statement, {}, make_call())
        rows = await sql.rows("SELECT izin_id, jalan FROM alamat ORDER BY izin_id", {}, make_call())
    assert rows == [{"izin_id": 1, "jalan": "JL. KENANGA"}, {"izin_id": 12, "jalan": "JL. MAWAR"}]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["A1"], {"A1": "1"}),
        (["a1"], {"a1": "2"}),
        (["A1 "], {"A1 ": "3"}),
        (["A1", "a1"], {"A1": "1", "a1": "2"}),
        (["Á1", "A1  ", " A1", "12abc", "012", ""], {}),
        (["A1", "☕", "Ł", "雅"], {"A1": "1"}),
    ],
)
async def test_text_keys_are_compared_exactly(database: Database, keys: list[str], found: Mapping[str, str]) -> None:
    async with database.connect() as sql:
        answers = await connect(sql).by_code(keys, make_call())
        assert sql.counts.mismatches == 0
    assert {key: each.id for key, each in answers.items()} == found


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
async def test_letters_that_a_column_lacks_are_no_outage_of_the_agency(database: Database) -> None:
    async with database.connect() as sql:
        with pytest.raises(AgencyRefused):
            await sql.rows("SELECT id FROM izin WHERE nama > :after", {"after": "☕"}, make_call())


async def test_number_keys_are_compared_exactly(database: Database) -> None:
    async with database.connect() as sql:
        answers = await connect(sql).by_id(["12", "12abc", "012", "12.0", " 12", "1e1"], make_call())
    assert {key: each.code for key, each in answers.items()} == {"12": "12"}


async def test_facets_are_read_with_and_without_their_join(database: Database) -> None:
    titles = {"1": Title(name="Warung Siti"), "2": Title(name="Bengkel Budi")}
    streets = {"1": Street(street="JL. KENANGA"), "2": Street(street=None)}
    title: frozenset[type[Title | Street]] = frozenset([Title])
    async with database.connect() as sql:
        licences = connect(sql)
        found = await licences.facets(["1", "2"], title, make_call())
        assert [dict(found[key]) for key in ("1", "2")] == [{Title: titles[key]} for key in ("1", "2")]
        found = await licences.facets(["1", "2"], title | {Street}, make_call())
        assert {key: each[Title] for key, each in found.items()} == titles
        assert {key: each[Street] for key, each in found.items()} == streets


@pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)
async def test_concurrent_calls_open_no_more_sessions_than_the_share_of_each_process(database: Database) -> None:
    count = {
        "postgresql": "SELECT count(*) AS sessions, pg_sleep(0.02) FROM pg_stat_activity WHERE usename = current_user",
        "mariadb": "SELECT COUNT(*) AS sessions, SLEEP(0.02) FROM information_schema.PROCESSLIST WHERE USER = 'hub'",
    }[database.scheme]
    processes = [SqlDriver("izin", database.url, deadline=10, pool_size=2) for _ in range(3)]
    rows = await asyncio.gather(*(each.rows(count, {}, make_call()) for each in processes * 10))
    await asyncio.gather(*(each.close() for each in processes))
    assert max(int(str(each[0]["sessions"])) for each in rows) == 6


class TestPages:
    async def test_pages_follow_each_other_without_a_gap(self, database: Database) -> None:
        ids: list[str] = []
        query, has_more = LicenceQuery(first=1), True
        async with database.connect() as sql:
            licences = connect(sql)
            while has_more:
                page = (await licences.pages([query], make_call()))[query]
                ids += [each.id for each in page.licences]
                last, has_more = page.licences[-1], page.has_more
                query = replace(query, after=LicencePosition(issued_at=last.issued_at, id=last.id))
        assert ids == ["12", "3", "2", "1"]

    @pytest.mark.parametrize(
        ("query", "ids"),
        [
            (LicenceQuery(states=(PermitState.ACTIVE,)), ["12", "2", "1"]),
            (LicenceQuery(states=(PermitState.ACTIVE, PermitState.CLOSED)), ["12", "3", "2", "1"]),
            (LicenceQuery(codes=("A1", "12")), ["12", "1"]),
            (LicenceQuery(codes=("A1", "☕")), ["1"]),
            (LicenceQuery(regions=(RegionCode("31.71"),)), ["2", "1"]),
            (LicenceQuery(regions=(RegionCode("31.71.02"), RegionCode("36"))), ["12", "2"]),
            (LicenceQuery(regions=(RegionCode("31.7_"),)), []),
            (LicenceQuery(search="warung"), ["3", "1"]),
            (LicenceQuery(search="0%_"), ["3"]),
            (LicenceQuery(search="%"), ["3"]),
            (LicenceQuery(search="' OR 1 = 1 --"), []),
            (LicenceQuery(search="\u202e\u2066 ☕"), []),
            (LicenceQuery(search="WARUNG 100"), ["3"]),
            (LicenceQuery(issued_from=datetime(2026, 11, 2, 8, tzinfo=WIB)), ["12", "3", "2"]),
            (LicenceQuery(issued_from=datetime(2026, 11, 2, 1, tzinfo=UTC)), ["12", "3", "2"]),
            (LicenceQuery(issued_before=datetime(2026, 11, 2, 8, tzinfo=WIB)), ["1"]),
            (LicenceQuery(search="w", states=(PermitState.CLOSED,), regions=(RegionCode("31"),)), ["3"]),
            (LicenceQuery(after=LicencePosition(issued_at=datetime(2026, 11, 2, 8, tzinfo=WIB), id="x")), []),
        ],
    )
    async def test_a_filter_selects_rows(self, database: Database, query: LicenceQuery, ids: list[str]) -> None:
        assert await ask_page(database, query) == (ids, False)

    async def test_a_list_without_pages_is_found_by_text(self, database: Database) -> None:
        async with database.connect() as sql:
            queries = [NameQuery(search="Warung"), NameQuery(search="BUDI"), NameQuery(search="nihil")]
            found = await connect(sql).lists(queries, make_call())
        assert [[each.id for each in found[query]] for query in queries] == [["1", "3"], ["2"], []]

    async def test_an_unreadable_row_fails_the_page(self, database: Database) -> None:
        licence = {**TABLES["records"]["Licence"], "region_code": "nama"}
        tables = parse_tables("sql", {**TABLES, "records": {**TABLES["records"], "Licence": licence}})
        query = LicenceQuery(search="siti")
        async with database.connect() as sql:
            licences = build_declared_connector(Licences, tables, sql, agency="izin")
            found = (await licences.pages([query], make_call()))[query]
        assert isinstance(found, AgencyMalformed)
        assert found.detail == "not readable as a Kemendagri region code (Licence.region_code)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": ["issued_at desc"]}, 'reads.pages.order: name each part of a position, as in order = ["id desc"'),
        ({"order": ["name desc", "id desc"]}, "reads.pages.order: 'name desc' is no part of a position"),
        ({"order": ["issued_at down", "id"]}, "reads.pages.order: 'issued_at down' is no part of a position"),
        ({"search": []}, "reads.pages: the answer would not depend on 'search'"),
        ({"search": "title"}, "reads.pages.search: the record has no field 'title'"),
        ({"filters": {"owner": "name"}}, "reads.pages.filters.owner: the query has no such part; it has first, after"),
        ({"filters": {"states": "name"}}, "reads.pages.filters.states: 'states' has another type than the field"),
        (
            {"filters": {"codes": {"field": "code", "match": "from"}}},
            "reads.pages.filters.codes: 'from' compares days, moments and numbers",
        ),
        ({"key": "id"}, "reads.pages.key: the read takes queries, not keys; remove this line"),
        ({"statement": SELECT + " LIMIT 9"}, "reads.pages.statement: the hub writes the limit"),
        ({"statement": SELECT + " ORDER BY id"}, "reads.pages.statement: `order` sorts the pages"),
        (
            {"statement": SELECT.replace("SELECT", "SELECT DISTINCT")},
            "reads.pages.statement: conditions are added to one",
        ),
        ({"statement": SELECT + " WHERE id IN :keys"}, "reads.pages.statement: the statement uses"),
    ],
)
def test_a_search_that_cannot_be_compiled_is_refused(change: Mapping[str, Any], message: str) -> None:
    tables = parse_tables("sql", {**TABLES, "reads": {**TABLES["reads"], "pages": {**PAGES, **change}}})
    sql = SqlDriver("izin", "mariadb://hub:x@127.0.0.1/izin", deadline=1, pool_size=1)
    with pytest.raises(NotDeclarableError) as refused:
        build_declared_connector(Licences, tables, sql, agency="izin")
    assert str(refused.value).startswith(message)
