"""A declared statement as it is sent: with the keys as the database takes them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.declared.driver_family import Source
from connectors.declared.read_records import NUMBER
from connectors.declared.sql.statements import KEYS, SqlSelect
from connectors.declared.sql.tables import SqlReadTable
from connectors.drivers.sql.connections import Row
from connectors.drivers.sql.driver import SqlDriver
from records.calls.call import Call

SqlSource = Source[SqlDriver]


@dataclass(frozen=True, slots=True)
class KeyedQuery:
    """A statement that is asked for keys."""

    sql: SqlDriver
    statement: str
    any_letters: str
    """The statement for keys with letters that the column may lack."""
    lists: tuple[str, ...]
    to_values: Callable[[Sequence[str]], list[Any]]

    @classmethod
    def build(cls, sql: SqlDriver, statement: SqlSelect, table: SqlReadTable) -> KeyedQuery:
        """Build it from a checked statement."""
        is_number = table.key_type == "number"
        lists = () if statement.dialect.takes_arrays else (KEYS,)
        to_values = _select_numbers if is_number else list
        any_letters = statement.render(exact=not is_number, has_ascii_keys=is_number)
        return cls(sql, statement.render(exact=not is_number), any_letters, lists, to_values)

    def rows(
        self, keys: Sequence[str], call: Call, check: Callable[[Sequence[Row]], None]
    ) -> Coroutine[Any, Any, Sequence[Row]]:
        """The rows for these keys; `check` rejects them inside the gate. Raises `AgencyFailure`."""
        values = self.to_values(keys)
        if not values:
            return _find_none()
        statement = self.statement if all(map(str.isascii, keys)) else self.any_letters
        return self.sql.rows(statement, {KEYS: values}, call, lists=self.lists, check=check)


async def _find_none() -> Sequence[Row]:
    return ()


def build_column_text(column: str) -> Callable[[Row], str]:
    """From a row to the value of a column, as a text."""
    return lambda row: str(row[column])


def _select_numbers(keys: Sequence[str]) -> list[int]:
    """The keys as numbers. What is no number is unknown to the agency: MariaDB would take `12abc` for 12."""
    return [int(key) for key in keys if NUMBER.fullmatch(key)]
