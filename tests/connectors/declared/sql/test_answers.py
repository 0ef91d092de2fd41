"""Functions of a manifest that make the answer of a read: from rows or records, for keys and for groups."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol

import pytest

from connectors.declared.connector import build_declared_connector
from connectors.declared.driver_family import HubValues
from connectors.declared.tables import NotDeclarableError
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.record import record
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.rows_database import RowsDatabase
from tests.connectors.failures import make_call

MODULE = "connectors.declared_answers_of_a_test"


@record
class Sum:
    key: str
    total: int


@record
class Posting:
    """A declared record that the function gets in place of rows."""

    amount: int


class Prefix:
    """A resource of the hub."""

    def __init__(self, text: str) -> None:
        self.text = text


class Sums(Protocol):
    """A domain that no agency has."""

    async def sums(self, keys: Sequence[str], call: Call) -> Answers[str, Sum]:
        """The sum of each key."""


def sum_rows(found: Sequence[Row], key: str) -> Sum | None:
    return Sum(key=key, total=sum(int(str(row["jumlah"])) for row in found)) if key != "b" else None


def sum_lines(found: Sequence[Posting], key: str) -> Sum:
    if key == "c":
        raise UnreadableError("a sum")
    return Sum(key=key, total=sum(each.amount for each in found))


def sum_with_resource(found: Sequence[Posting], key: str, *, prefix: Prefix) -> Sum:
    return Sum(key=prefix.text + key, total=len(found))


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions, as a module of the hub's connectors."""
    made = ModuleType(MODULE)
    made.__spec__ = ModuleSpec(MODULE, None)
    for function in (sum_rows, sum_lines, sum_with_resource):
        monkeypatch.setattr(function, "__module__", MODULE)
        setattr(made, function.__name__, function)
    monkeypatch.setitem(sys.modules, MODULE, made)


ROWS: Sequence[Row] = [
    {"id": 1, "kunci": "a", "kelompok": "x", "jumlah": "1"},
    {"id": 2, "kunci": "a", "kelompok": "x", "jumlah": "2"},
    {"id": 3, "kunci": "b", "kelompok": "y", "jumlah": "3"},
    {"id": 4, "kunci": "c", "kelompok": "x", "jumlah": "4"},
]


async def ask(function: str, rows: Sequence[Row] = ROWS, *, hub: HubValues | None = None, **table: object) -> Any:  # noqa: ANN401 - answers
    records: Mapping[str, Any] = {} if function == "sum_rows" else {"Posting": {"amount": "jumlah"}}
    statement = "SELECT id, kunci, kelompok, jumlah FROM t WHERE kunci IN :keys"
    read = {"statement": statement, "key": "kunci", "python": f"{MODULE}:{function}", **table}
    tables = parse_tables("sql", {"reads": {"sums": read}, "records": records, "probe": {"read": "sums", "key": "a"}})
    connector = build_declared_connector(
        Sums, tables, RowsDatabase(rows, agency="izin"), agency="izin", hub=hub or HubValues()
    )
    return await connector.sums(["a", "b", "c", "d"], make_call())


async def test_a_function_makes_the_answer_of_a_key_from_rows() -> None:
    assert await ask("sum_rows") == {"a": Sum(key="a", total=3), "c": Sum(key="c", total=4)}


async def test_a_function_makes_the_answer_of_a_key_from_declared_records() -> None:
    found = await ask("sum_lines")
    failure = found.pop("c")
    assert found == {"a": Sum(key="a", total=3), "b": Sum(key="b", total=3)}
    assert isinstance(failure, AgencyMalformed)
    assert failure.detail == "not readable as a sum"


async def test_an_unreadable_record_fails_its_key_alone() -> None:
    found = await ask("sum_lines", [{**ROWS[0], "jumlah": "satu"}, *ROWS[2:3]])
    assert isinstance(found["a"], AgencyMalformed)
    assert found["b"] == Sum(key="b", total=3)


async def test_keys_of_one_group_share_its_answer() -> None:
    assert await ask("sum_lines", group="kelompok") == {
        "a": Sum(key="x", total=7),
        "b": Sum(key="y", total=3),
        "c": Sum(key="x", total=7),
    }


async def test_a_function_gets_a_resource_of_the_hub_by_its_type() -> None:
    hub = HubValues(for_functions={Prefix: Prefix("kunci ")})
    assert (await ask("sum_with_resource", hub=hub))["a"] == Sum(key="kunci a", total=2)
    with pytest.raises(NotDeclarableError, match="sum_with_resource asks for 'prefix', which the hub does not give"):
        await ask("sum_with_resource")


async def test_a_column_of_declared_records_must_be_selected() -> None:
    with pytest.raises(NotDeclarableError, match="the statement does not select the column 'jumlah'"):
        await ask("sum_lines", statement="SELECT id, kunci FROM t WHERE kunci IN :keys")
