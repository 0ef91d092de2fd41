"""Facets over HTTP: an agency is asked for the columns of the wanted records, where it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

import orjson
import pytest

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.description import DECIDES_ACCESS
from records.identifiers import Nik
from records.record import record
from tests.connectors.declared.ckan.portal import Portal
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.failures import make_call

SITI, BUDI, AGUS = Nik("3171010101900001"), Nik("3171010101900002"), Nik("3171010101900003")


@record
class Pensioner:
    nik: Annotated[Nik, DECIDES_ACCESS]
    name: str


@record
class Pension:
    nik: Annotated[Nik, DECIDES_ACCESS]
    amount: int


class Pensions(Protocol):
    """A domain that no agency has."""

    async def pensioners(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Pensioner]:
        """Who has a pension."""

    async def load_facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[Pensioner | Pension]], call: Call
    ) -> Answers[Nik, Mapping[type[Pensioner | Pension], Pensioner | Pension]]:
        """The wanted facets of each person."""


RECORDS = {"Pensioner": {"nik": "nik", "name": "person.name"}, "Pension": {"nik": "nik", "amount": "pay.monthly"}}
ALL_KEYS: dict[str, Any] = {
    "path": "v1",
    "body": {"nik": "{keys}", "only": "{columns}", "text": "of {columns}"},
    "rows": "rows",
    "key": "nik",
    "key_pattern": "[0-9]{16}",
}
ONE_KEY: dict[str, Any] = {
    "path": "v1/{key}",
    "query": {"fields": "{columns}", "f": ["{columns}"]},
    "rows": "rows",
    "key": "nik",
    "key_pattern": "[0-9]{16}",
}
ROWS = [{"nik": nik, "person": {"name": "Siti"}, "pay": {"monthly": 5}} for nik in (SITI, BUDI)]
PENSION = Pension(nik=SITI, amount=5)


def build(driver: HttpDriver, word: str, read: Mapping[str, Any], records: Mapping[str, Any]) -> DeclaredConnector:
    reads = {"pensioners": {name: each for name, each in read.items() if name != "python"}, "load_facets": read}
    tables = {"reads": reads, "records": records, "probe": {"read": "pensioners", "key": SITI}}
    return build_declared_connector(Pensions, parse_tables(word, tables), driver, agency="pensiun")


@pytest.mark.parametrize(
    ("wanted", "columns"),
    [
        ({Pension}, ["nik", "pay"]),
        ({Pensioner}, ["nik", "person"]),
        ({Pension, Pensioner}, ["nik", "pay", "person"]),
    ],
)
async def test_a_call_names_the_columns_of_the_wanted_records(wanted: set[type[Any]], columns: list[str]) -> None:
    async with serve_bytes(reply(200, orjson.dumps({"rows": ROWS}))) as server:
        driver = open_driver({"driver": "http", "url": server.url})
        connector = build(driver, "http", ALL_KEYS, RECORDS)
        answers = await connector.load_facets([SITI, BUDI, AGUS], frozenset(wanted), make_call())
        await driver.close()
    assert {nik: set(facets) for nik, facets in answers.items()} == {SITI: wanted, BUDI: wanted}
    assert answers[SITI].get(Pension, PENSION) == PENSION
    sent = {"nik": [SITI, BUDI, AGUS], "only": columns, "text": f"of {','.join(columns)}"}
    assert orjson.loads(server.asked[0].body) == sent


async def test_a_call_for_one_key_names_them_in_its_query() -> None:
    async with serve_bytes(reply(200, orjson.dumps({"rows": ROWS[:1]}))) as server:
        driver = open_driver({"driver": "http", "url": server.url})
        connector = build(driver, "http", ONE_KEY, RECORDS)
        answers = await connector.load_facets([SITI], frozenset({Pension}), make_call())
        assert await connector.load_facets([SITI], frozenset(), make_call()) == {}
        await driver.close()
    assert answers == {SITI: {Pension: PENSION}}
    assert [each.target for each in server.asked] == [f"/v1/{SITI}?fields=nik,pay&f=nik&f=pay"]


async def test_a_facet_that_is_not_wanted_cannot_fail_the_key() -> None:
    rows = [{"nik": SITI, "person": None, "pay": {"monthly": 5}}]
    async with serve_bytes(reply(200, orjson.dumps({"rows": rows}))) as server:
        driver = open_driver({"driver": "http", "url": server.url})
        connector = build(driver, "http", ALL_KEYS, RECORDS)
        pension = await connector.load_facets([SITI], frozenset({Pension}), make_call())
        both = await connector.load_facets([SITI], frozenset({Pension, Pensioner}), make_call())
        await driver.close()
    assert pension == {SITI: {Pension: PENSION}}
    assert (type(both[SITI]), both[SITI].detail) == (AgencyMalformed, "not readable as a text (Pensioner.name)")


async def test_an_open_data_portal_is_asked_for_these_columns_only() -> None:
    portal = Portal("r1", [{"_id": 1, "nik": SITI, "nama": "Siti", "jumlah": "5"}])
    records = {"Pensioner": {"nik": "nik", "name": "nama"}, "Pension": {"nik": "nik", "amount": "jumlah"}}
    async with serve_bytes(portal.answer) as server:
        driver = open_driver({"driver": "ckan", "url": server.url})
        connector = build(driver, "ckan", {"resource": "r1", "key": "nik"}, records)
        answers = await connector.load_facets([SITI], frozenset({Pension}), make_call())
        await driver.close()
    assert answers == {SITI: {Pension: PENSION}}
    assert portal.calls[0]["fields"] == ["_id", "jumlah", "nik"]


def test_a_function_cannot_give_facets() -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver({"driver": "http"}), "http", {**ALL_KEYS, "python": "connectors.prices:read_trend"}, RECORDS)
    assert str(refused.value) == "reads.load_facets.python: facets are declared records; remove this line"
