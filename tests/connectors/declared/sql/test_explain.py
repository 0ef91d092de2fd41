"""Declared statements beside their database: columns that vanished, and tables that are read completely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pytest

from connectors.declared.connector import DeclaredTables
from connectors.declared.driver_family import HubValues
from connectors.declared.sql.explain import StatementFinding, explain_statements
from connectors.drivers.sql.driver import SqlDriver
from connectors.regions import UnknownDistricts
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyUnavailable
from records.record import record
from resolvers.population import Population
from tests.connectors.city_agencies import load_tables
from tests.connectors.declared.sql.databases import Database
from tests.connectors.declared.tables import parse_tables
from tests.connectors.failures import make_call
from tests.sandbox_agencies import RunningAgency


@record
class Shop:
    id: str
    name: str | None


@record
class ShopQuery:
    first: int
    after: str | None = None
    search: str = ""


@record
class ShopPage:
    shops: tuple[Shop, ...]
    has_more: bool


class Shops(Protocol):
    """A domain that no agency has."""

    async def shops(self, ids: Sequence[str], call: Call) -> Answers[str, Shop]:
        """Shops by identifier."""

    async def shops_of(self, owners: Sequence[str], call: Call) -> Answers[str, Sequence[Shop]]:
        """Shops by owner."""

    async def pages(self, queries: Sequence[ShopQuery], call: Call) -> Answers[ShopQuery, ShopPage]:
        """Pages of shops."""


TABLES: Mapping[str, Any] = {
    "reads": {
        "shops": {"statement": "SELECT id, nama FROM izin WHERE id IN :keys", "key": "id", "key_type": "number"},
        "shops_of": {"statement": "SELECT id, nama, kode FROM izin WHERE kode IN :keys", "key": "kode"},
        "pages": {
            "statement": "SELECT id, nama FROM izin",
            "search": "name",
            "order": ["id"],
            "key_type": "number",
        },
    },
    "records": {"Shop": {"id": "id", "name": "nama"}},
    "probe": {"read": "shops", "key": "1"},
}


async def explain(
    sql: SqlDriver,
    tables: Mapping[str, Any] | DeclaredTables = TABLES,
    domain: type[Any] = Shops,
) -> list[StatementFinding]:
    hub = HubValues(for_functions={UnknownDistricts: UnknownDistricts(lambda _: True)})
    given = tables if isinstance(tables, DeclaredTables) else parse_tables("sql", tables)
    return [each async for each in explain_statements(sql, given, domain, hub, make_call())]


def change(read: str, **changes: object) -> Mapping[str, Any]:
    return {**TABLES, "reads": {**TABLES["reads"], read: {**TABLES["reads"][read], **changes}}}


async def test_statements_that_use_an_index_are_sound(database: Database) -> None:
    async with database.connect() as sql:
        found = await explain(sql)
    # MariaDB sorts what a text inside a name finds; the others read along the order, and end early.
    places = ["reads.pages.statement"] if database.scheme == "mariadb" else []
    assert [each.place for each in found] == places


async def test_pages_in_an_order_without_an_index_are_a_full_scan(database: Database) -> None:
    async with database.connect() as sql:
        found = await explain(sql, change("pages", order=["name"], key_type="text"))
    assert [(each.place, each.problem) for each in found] == [
        ("reads.pages.statement", "it reads the whole table 'izin': create an index")
    ]


@pytest.mark.parametrize("column", ["nama", "kode_kel"])
async def test_a_condition_without_an_index_is_a_full_scan(database: Database, column: str) -> None:
    statement = "SELECT id, nama, kode FROM izin WHERE kode IN :keys".replace("kode", column)
    tables = change("shops_of", statement=statement, key=column)
    async with database.connect() as sql:
        found = [each for each in await explain(sql, tables) if each.place == "reads.shops_of.statement"]
    assert found == [
        StatementFinding("reads.shops_of.statement", "it reads the whole table 'izin': create an index", is_error=False)
    ]


async def test_a_vanished_column_is_named_with_its_field(database: Database) -> None:
    tables = change("shops_of", statement="SELECT id, nama_usaha, kode FROM izin WHERE kode IN :keys")
    tables = {
        **tables,
        "reads": {name: each for name, each in tables["reads"].items() if name == "shops_of"},
        "records": {"Shop": {"id": "id", "name": "nama_usaha"}},
        "probe": {"read": "shops_of", "key": "1"},
    }
    async with database.connect() as sql:
        found = await explain(sql, tables)
    assert found == [
        StatementFinding(
            "records.Shop.name",
            "the database has no column 'nama_usaha' for reads.shops_of.statement",
            is_error=True,
        )
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id, nama, kode FROM izin_lama WHERE kode IN :keys",
        "SELECT id, nama, kode FROM izin WHERE sandi IN :keys",
    ],
)
async def test_a_vanished_table_or_column_of_a_condition_is_an_error_of_the_statement(
    database: Database, statement: str
) -> None:
    async with database.connect() as sql:
        [finding] = [each for each in await explain(sql, change("shops_of", statement=statement)) if each.is_error]
    assert finding.place == "reads.shops_of.statement"
    assert finding.problem.startswith("the database refuses it: ")
    assert "hub" not in finding.problem
    assert "127.0.0.1" not in finding.problem


async def test_the_statements_of_the_population_register_use_its_indexes(dukcapil: RunningAgency) -> None:
    url = f"postgresql://{dukcapil.user}:{dukcapil.secret}@127.0.0.1:{dukcapil.port}/siak"
    sql = SqlDriver("dukcapil", url, deadline=10, pool_size=1)
    assert await explain(sql, load_tables("dukcapil"), Population) == []
    await sql.close()
    dukcapil.reset_calls()


async def test_a_silent_database_is_a_failure_and_no_finding() -> None:
    sql = SqlDriver("izin", "postgresql://hub:rahasia@127.0.0.1:9/izin", deadline=2, pool_size=1)
    with pytest.raises(AgencyUnavailable):
        await explain(sql)
    await sql.close()
