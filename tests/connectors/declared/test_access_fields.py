"""Fields that decide about access fail closed: never public, and never somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Protocol

import orjson
import pytest

from connectors.declared.connector import build_declared_connector
from connectors.declared.tables import NotDeclarableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.description import DECIDES_ACCESS
from records.identifiers import Nik
from records.record import record
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.failures import make_call

SITI = Nik("3171010101900001")


@record
class Tent:
    id: str
    owner: Annotated[Nik, DECIDES_ACCESS]
    is_public: Annotated[bool, DECIDES_ACCESS]
    tenant: Annotated[Nik | None, DECIDES_ACCESS]
    born_on: Annotated[date | None, DECIDES_ACCESS] = None
    note: str | None = None


class Tents(Protocol):
    """A domain that no agency has."""

    async def tents(self, ids: Sequence[str], call: Call) -> Answers[str, Tent]:
        """Tents by identifier."""


COLUMNS: dict[str, Any] = {
    "id": "id",
    "owner": "owner",
    "is_public": "public",
    "tenant": "lease.tenant",
    "born_on": "born",
    "note": "note",
}
ROW: dict[str, Any] = {"id": 7, "owner": SITI, "public": True, "lease": {"tenant": None}, "born": "1990-01-01"}
TENT = Tent(id="7", owner=SITI, is_public=True, tenant=None, born_on=date(1990, 1, 1))
WORDS = {"from": "public", "values": {"Y": True, "true": True}}


def tables_of(columns: Mapping[str, Any], rows: str = "rows") -> dict[str, Any]:
    return {
        "reads": {"tents": {"path": "v1", "query": {"id": "{keys}"}, "rows": rows, "key": "id", "key_type": "number"}},
        "records": {"Tent": columns},
        "probe": {"read": "tents", "key": "1"},
    }


async def read(body: bytes, columns: Mapping[str, Any] = COLUMNS, driver: str = "http", rows: str = "rows") -> Any:  # noqa: ANN401 - a tent, or a failure
    """The answer for the tent 7; that of the tent 8 must be sound."""
    async with serve_bytes(reply(200, body)) as server:
        http = open_driver({"driver": driver, "url": server.url})
        connector = build_declared_connector(Tents, parse_tables(driver, tables_of(columns, rows)), http, agency="kios")
        answers = await connector.tents(["7", "8"], make_call())
        await http.close()
    assert isinstance(answers["8"], Tent)
    return answers["7"]


async def read_row(row: Mapping[str, Any], columns: Mapping[str, Any] = COLUMNS) -> Any:  # noqa: ANN401 - a tent, or a failure
    return await read(orjson.dumps({"rows": [row, {**ROW, "id": 8, "public": "true"}]}), columns)


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in ROW.items() if each != name}


@pytest.mark.parametrize("public", [True, "true", "TRUE", False, "false"])
async def test_a_flag_is_true_or_false(public: object) -> None:
    assert (await read_row(ROW | {"public": public})).is_public is (str(public).lower() == "true")


MALFORMED: dict[str, tuple[Mapping[str, Any], str]] = {
    "no owner": (without("owner"), "Tent.owner: the reply has no column 'owner'"),
    "null for the owner": (ROW | {"owner": None}, "a NIK (Tent.owner)"),
    "an empty owner": (ROW | {"owner": " - "}, "a NIK (Tent.owner)"),
    "an object for the owner": (ROW | {"owner": {"nik": SITI}}, "a NIK (Tent.owner)"),
    "a list of owners": (ROW | {"owner": [SITI]}, "a NIK (Tent.owner)"),
    "a rounded owner": (ROW | {"owner": 3.171e15}, "a NIK (Tent.owner)"),
    "no visibility": (without("public"), "Tent.is_public: the reply has no column 'public'"),
    "null for the visibility": (ROW | {"public": None}, "true or false (Tent.is_public)"),
    "a number for the visibility": (ROW | {"public": 1}, "true or false (Tent.is_public)"),
    "another word for the visibility": (ROW | {"public": "ya"}, "true or false (Tent.is_public)"),
    "no tenant": (ROW | {"lease": {}}, "Tent.tenant: the reply has no column 'lease.tenant'"),
    "nothing that could hold the tenant": (without("lease"), "Tent.tenant: the reply has no column 'lease.tenant'"),
    "a text in place of what holds the tenant": (ROW | {"lease": SITI}, "an object (Tent.tenant)"),
    "no day of birth": (without("born"), "Tent.born_on: the reply has no column 'born'"),
    "another form of the day of birth": (ROW | {"born": "1990"}, "a day (Tent.born_on)"),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_missing_member_and_a_wrong_type_fail_the_key_alone(case: str) -> None:
    row, detail = MALFORMED[case]
    answer = await read_row(row)
    assert (type(answer), answer.detail) == (AgencyMalformed, f"not readable as {detail}")


async def test_null_has_a_meaning_where_the_field_is_optional_and_other_fields_may_be_missing() -> None:
    assert await read_row(ROW) == TENT
    assert await read_row(ROW | {"lease": None}) == TENT


@pytest.mark.parametrize(
    ("public", "expected"), [("Y", True), (True, True), (False, False), ("N", False), (None, False), (2, False)]
)
async def test_an_unknown_word_is_not_public(public: object, expected: object) -> None:
    columns = COLUMNS | {"is_public": {**WORDS, "unknown": False}}
    assert (await read_row(ROW | {"public": public}, columns)).is_public is expected


@pytest.mark.parametrize("public", [[True], {"a": 1}, 1.0])
async def test_a_wrong_type_is_no_unknown_word(public: object) -> None:
    columns = COLUMNS | {"is_public": {**WORDS, "unknown": False}}
    answer = await read_row(ROW | {"public": public}, columns)
    assert answer.detail == "not readable as a text (Tent.is_public)"


XML = "<id>8</id><owner>3171010101900001</owner><public>true</public><lease><tenant/></lease><born/>"


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        (XML, None),
        (XML.replace("<tenant/>", ""), "Tent.tenant: the reply has no column 'lease.tenant'"),
        (XML.replace("<tenant/>", "<tenant>1</tenant><tenant>2</tenant>"), "a NIK (Tent.tenant)"),
        (XML.replace("<lease><tenant/></lease>", ""), "Tent.tenant: the reply has no column 'lease.tenant'"),
        (XML.replace("<public>true</public>", "<public/>"), "true or false (Tent.is_public)"),
        (XML.replace("<owner>3171010101900001</owner>", ""), "Tent.owner: the reply has no column 'owner'"),
    ],
)
async def test_a_missing_element_fails_and_an_empty_one_has_no_value(changed: str, detail: str | None) -> None:
    body = f"<rows><row>{changed.replace('<id>8', '<id>7')}</row><row>{XML}</row></rows>"
    answer = await read(body.encode(), driver="xml", rows="rows.row")
    if detail is None:
        assert answer == Tent(id="7", owner=SITI, is_public=True, tenant=None)
    else:
        assert answer.detail == f"not readable as {detail}"


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "unknown": (
        {"tenant": {"from": "t", "values": {"1": str(SITI)}, "unknown": "null"}},
        "records.Tent.tenant: it decides who may see the record, so its value must be readable; remove `unknown`",
    ),
    "unreadable": (
        {"owner": {"from": "o", "unreadable": "null"}},
        "records.Tent.owner: it decides who may see the record, so its value must be readable; remove `unreadable`",
    ),
    "missing": (
        {"owner": {"from": "o", "missing": "0"}},
        "records.Tent.owner: it decides who may see the record, so its value must be readable; remove `missing`",
    ),
    "true for other words": (
        {"is_public": {"from": "p", "values": {"N": False}, "unknown": True}},
        "records.Tent.is_public: unknown is true; only a word that is known may mean yes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_lenient_declaration_is_refused(case: str) -> None:
    changes, message = REFUSED[case]
    with pytest.raises(NotDeclarableError) as refused:
        build({**COLUMNS, **changes})
    assert str(refused.value) == message


def test_a_field_with_a_default_needs_a_column() -> None:
    with pytest.raises(NotDeclarableError) as refused:
        build({name: column for name, column in COLUMNS.items() if name != "born_on"})
    assert str(refused.value) == 'records.Tent: no column is named for born_on; write born_on = "column"'


def build(columns: Mapping[str, Any]) -> None:
    driver = open_driver({"driver": "http"})
    build_declared_connector(Tents, parse_tables("http", tables_of(columns)), driver, agency="kios")
