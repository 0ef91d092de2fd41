"""Rows of a feed that break the reference: they are left out, within a bound, and their ids answer a failure."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Final

from connectors.drivers.files.row_error import RowError

STOP, ROUTE, TRIP = "stop", "route", "trip"
_MAX_ID: Final = 200


@dataclass
class FeedFaults:
    """The faults of one feed."""

    feed: str
    max_unreadable: int
    left_out: int = 0
    _first: str = ""
    _broken: dict[tuple[str, str], str] = field(default_factory=dict)

    def leave_out(self, file: str, line: int, problem: str, broken: tuple[str, str] | None = None) -> None:
        """Count a row that is left out; `broken` is the kind and the id whose reads fail from now on.

        Raises `RowError` for more than the manifest allows, which names the first.
        """
        self.left_out += 1
        self._first = self._first or f"{self.feed}, {file}, line {line}: {problem}"
        if self.left_out > self.max_unreadable:
            raise RowError(f"{self._first}; and {self.left_out - 1} more rows: max_unreadable is {self.max_unreadable}")
        if broken is not None and len(broken[1]) <= _MAX_ID:
            self._broken.setdefault(broken, f"{file}, line {line}: {problem}")

    def write(self, database: sqlite3.Connection) -> None:
        """Write the broken ids."""
        database.execute("CREATE TABLE faults (kind TEXT, id TEXT, problem TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID")
        rows = [(*key, problem) for key, problem in self._broken.items()]
        database.executemany("INSERT INTO faults VALUES (?, ?, ?)", rows)


def find_fault(database: sqlite3.Connection, kind: str, identifier: str) -> str | None:
    """The fault of an id; None if it has none."""
    row = database.execute("SELECT problem FROM faults WHERE kind = ? AND id = ?", (kind, identifier)).fetchone()
    return None if row is None else str(row[0])
