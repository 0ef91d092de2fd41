"""Builds the file of a snapshot from all rows of its source: each row is read and checked before anything is used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from connectors.declared.column_syntax import ColumnSyntax
from connectors.declared.record_readers import RecordReader, RecordReaders
from connectors.declared.snapshot.layout import FoundBy, SnapshotFacts, SnapshotLayout, fold, to_column
from connectors.declared.snapshot.personal_records import list_people
from connectors.declared.snapshot.protection import FileKeys
from connectors.declared.snapshot.sealed_rows import PERSON, seal_body
from connectors.declared.tables import RecordTable
from connectors.drivers.files.row_error import RowError
from connectors.readers.dates import day, moment
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.clocks import CITY_TIME_ZONE

MAX_ROWS: Final = 2_000_000
"""Rows of one snapshot."""
_INSERTED: Final = 1_000
"""Rows of one statement."""


class NumberedRows(Protocol):
    """All rows of a source, with the number by which its owner finds each: its line, or its place."""

    @property
    def name(self) -> str:
        """What errors call the source."""

    @property
    def row_word(self) -> str:
        """`line` or `row`."""

    def read(self) -> Iterable[tuple[int, Row]]:
        """The rows. Raises `RowError`."""


class NamedSource(Protocol):
    """A source that is sent to the process for builds, and read there."""

    @property
    def name(self) -> str:
        """What errors call the source."""


ExtendFile = Callable[[sqlite3.Connection, SnapshotFacts], SnapshotFacts]
"""Adds tables to a file in the same transaction, and returns what the file then holds. Raises `RowError`."""


def build_snapshot(plan: BuildPlan, source: NumberedRows, extend: ExtendFile = lambda _, facts: facts) -> SnapshotFacts:
    """Write the file. Raises `RowError`, which names the source, the row and the column, and never a value."""
    with closing(sqlite3.connect(plan.target, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        building = _Building(plan, source, database)
        building.create_tables()
        database.execute("BEGIN")
        building.insert_all()
        facts = extend(database, building.check())
        building.create_indexes()
        database.execute("INSERT INTO facts VALUES (?)", [msgspec.json.encode(facts).decode()])
        database.execute("COMMIT")
        database.execute("PRAGMA optimize")
    with plan.target.open("rb") as file:
        os.fsync(file.fileno())
    return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """Everything that a build needs; it is sent to the process for it."""

    target: Path
    form: str
    layout: SnapshotLayout
    records: Mapping[str, RecordTable]
    columns: ColumnSyntax
    skip_without: Sequence[str]
    as_of_column: str | None
    dated: datetime
    """The date of the source, unless a column says it."""
    identity: str | None
    max_unreadable: int
    min_rows: int
    """Fewer are not published; see also the last good copy."""
    former: SnapshotFacts | None
    """The last good copy."""
    max_shrink: float
    """The share of rows that may be missing beside the last good copy."""
    remove_after: float | None
    """Seconds after which the data must be gone."""
    mark: str | None
    """Of the keys of a sealed file."""
    keys: FileKeys | None
    """Seal the rows; None for public data."""
    write: Callable[[BuildPlan, Any], SnapshotFacts] = build_snapshot
    """Writes the file from the plan and the source."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for personal data without keys: it is never written in plain text."""
        if self.layout.is_personal and (self.keys is None or self.mark is None):
            raise ValueError("Personal data is written to a snapshot only with keys that seal it.")


class _FoundRow(NamedTuple):
    """The values of one row for the tables of the file."""

    values: tuple[FoundBy, ...]
    names: tuple[str | None, ...]
    people: tuple[str, ...]
    """Of personal data, the people that the row is about."""


class _Building:
    """One build."""

    def __init__(self, plan: BuildPlan, source: NumberedRows, database: sqlite3.Connection) -> None:
        self._plan = plan
        self._layout = plan.layout
        self._source = source
        self._database = database
        self._records: RecordReader[Any] = RecordReaders(plan.records, columns=plan.columns).build(
            "snapshot", plan.layout.record
        )
        compile_column = partial(plan.columns.compile, "snapshot")
        self._needed = [compile_column(each) for each in plan.skip_without]
        self._get_date = None if plan.as_of_column is None else compile_column(plan.as_of_column)
        self._encode = msgspec.json.Encoder().encode
        self._newest: datetime | None = None
        self._columns: set[str] = set()
        self._rows = 0
        self._left_out = 0
        self._first_unreadable = ""

    def create_tables(self) -> None:
        layout = self._layout
        columns = [f'"key_{each}"' for each in layout.key_columns]
        places = ["latitude REAL", "longitude REAL"] if layout.near else []
        rows = ["number INTEGER PRIMARY KEY", "id TEXT NOT NULL", "body TEXT NOT NULL", *columns, *places]
        self._database.execute("CREATE TABLE facts (facts TEXT NOT NULL)")
        self._database.execute(f"CREATE TABLE rows ({', '.join(rows)})")
        self._database.execute("CREATE UNIQUE INDEX rows_id ON rows (id)")
        if layout.is_personal:
            self._database.execute("CREATE TABLE people (person TEXT NOT NULL, row TEXT NOT NULL)")
        if layout.search:
            # Apart from the rows: a search for a short text looks at all of them.
            texts = ", ".join(f'"text_{each}" TEXT' for each in layout.search_columns)
            self._database.execute(f"CREATE TABLE names (number INTEGER PRIMARY KEY, {texts})")

    def create_indexes(self) -> None:
        """After the rows, which is faster."""
        layout, execute = self._layout, self._database.execute
        for each in layout.key_columns:
            execute(f'CREATE INDEX "rows_{each}" ON rows ("key_{each}", id)')
        if layout.is_personal:
            execute("CREATE INDEX people_person ON people (person)")
        if layout.search:
            texts = ", ".join(f'"text_{each}"' for each in layout.search_columns)
            # Trigrams find any part of a text, as domains promise; the texts themselves stay in `names`.
            execute(
                f"CREATE VIRTUAL TABLE texts USING fts5({texts}, content=names, content_rowid=number,"
                " tokenize='trigram case_sensitive 1')"
            )
            execute("INSERT INTO texts (texts) VALUES ('rebuild')")
        if layout.near:
            execute("CREATE VIRTUAL TABLE places USING rtree(number, south, north, west, east)")
            execute(
                "INSERT INTO places SELECT number, latitude, latitude, longitude, longitude FROM rows"
                " WHERE latitude IS NOT NULL"
            )

    def insert_all(self) -> None:
        batch: list[_FoundRow] = []
        seen: dict[str, int] = {}
        for number, row in self._source.read():
            self._columns |= row.keys()
            found = self._read(number, row)
            if found is None:
                continue
            identity, contents = str(found.values[0]), hash(found)
            if identity in seen:
                if seen[identity] != contents:
                    raise self._fail(number, "the same id as an earlier row, with different contents")
                continue
            seen[identity] = contents
            batch.append(found)
            self._rows += 1
            if self._rows > MAX_ROWS:
                raise RowError(f"{self._source.name}: more than {MAX_ROWS} rows")
            if len(batch) == _INSERTED:
                self._insert(batch)
                batch.clear()
        self._insert(batch)

    def _insert(self, batch: Sequence[_FoundRow]) -> None:
        if self._plan.keys is not None:
            self._insert_sealed(batch, self._plan.keys)
        elif batch:
            # Both tables number their rows in the same order.
            self._insert_into("rows", [(None, *each.values) for each in batch])
            if self._layout.search:
                self._insert_into("names", [(None, *each.names) for each in batch])

    def _insert_sealed(self, batch: Sequence[_FoundRow], keys: FileKeys) -> None:
        """Nothing of a row reaches the file in plain text."""
        rows: list[Sequence[object]] = []
        people: list[Sequence[object]] = []
        columns = ("id", *self._layout.key_columns)
        for each in batch:
            identity, body, *found_by = each.values
            digests = [
                None if value is None else keys.hash_key(column, value)
                for column, value in zip(columns, (identity, *found_by), strict=True)
            ]
            rows.append((None, digests[0], seal_body(str(body), digests, keys), *digests[1:]))
            people += [(keys.hash_key(PERSON, person), digests[0]) for person in each.people]
        if rows:
            self._insert_into("rows", rows)
        if people:
            self._insert_into("people", people)

    def _insert_into(self, table: str, values: Sequence[Sequence[object]]) -> None:
        marks = ", ".join(["?"] * (len(values[0])))
        self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - question marks

    def _read(self, number: int, row: Row) -> _FoundRow | None:
        """The values of one row; None for a row that is left out."""
        try:
            if any(text(get(row)) is None for get in self._needed):
                return None
            record = self._records.read(row)
            self._note_date(row)
        except (UnreadableError, KeyError) as error:
            self._left_out += 1
            self._first_unreadable = self._first_unreadable or str(self._fail(number, self._describe(error)))
            if self._left_out > self._plan.max_unreadable:
                raise RowError(self._first_unreadable) from None
            return None
        layout = self._layout
        values: list[FoundBy] = [layout.read_id(record), self._encode(record).decode()]
        values += [to_column(getattr(record, each)) for each in layout.key_columns]
        if layout.near is not None:
            point = getattr(record, layout.near)
            values += [None, None] if point is None else [point.latitude, point.longitude]
        people = tuple(dict.fromkeys(list_people(record))) if self._plan.keys is not None else ()
        names = tuple(fold(getattr(record, each)) for each in layout.search_columns)
        return _FoundRow(tuple(values), names, people)

    def _note_date(self, row: Row) -> None:
        if self._get_date is None:
            return
        try:
            found = _read_date(self._get_date(row))
        except UnreadableError as error:
            raise UnreadableError(error.kind, [self._plan.as_of_column or ""]) from None
        if found is not None and (self._newest is None or found > self._newest):
            self._newest = found

    def check(self) -> SnapshotFacts:
        """What the file holds. Raises `RowError` for a source that lost rows or columns."""
        plan, source, rows = self._plan, self._source.name, self._rows
        if rows < plan.min_rows:
            raise RowError(f"{source}: {rows} rows; min_rows is {plan.min_rows}")
        if plan.former is not None and rows < plan.former.rows * (1 - plan.max_shrink):
            raise RowError(
                f"{source}: {rows} rows; the last good copy has {plan.former.rows}, and max_shrink is"
                f" {plan.max_shrink:g}. If the rows are really gone, raise max_shrink for one load"
            )
        former_columns = set(plan.former.columns) if plan.former else set()
        if rows and (lost := sorted((former_columns - self._columns) & self._records.columns)):
            raise RowError(f"{source}: there is no column '{lost[0]}'; it vanished, or has another name")
        if rows and plan.as_of_column is not None and self._newest is None:
            raise RowError(f"{source}: no row has a date in the column '{plan.as_of_column}'")
        now = datetime.now(CITY_TIME_ZONE)
        as_of = min(self._newest or plan.dated, now)
        remove_at = None if plan.remove_after is None else as_of + timedelta(seconds=plan.remove_after)
        if remove_at is not None and remove_at <= now:
            raise RowError(f"{source}: its data of {as_of:%Y-%m-%d} is older than remove_after")
        return SnapshotFacts(
            form=plan.form,
            rows=rows,
            left_out=self._left_out,
            as_of=as_of,
            loaded_at=now,
            identity=plan.identity,
            columns=tuple(sorted(self._columns)),
            seal=plan.mark,
            remove_at=remove_at,
        )

    def _describe(self, error: UnreadableError | KeyError) -> str:
        if isinstance(error, KeyError):
            return f"there is no column '{error.args[0]}'"
        columns = ", ".join(f"'{each}'" for each in error.columns)
        return f"column {columns}: {error}" if columns else str(error)

    def _fail(self, number: int, problem: str) -> RowError:
        return RowError(f"{self._source.name}, {self._source.row_word} {number}: {problem}")


def _read_date(raw: object) -> datetime | None:
    """A moment, or the start of a day."""
    try:
        return moment(raw)
    except UnreadableError:
        found: date | None = day(raw)
    return None if found is None else datetime.combine(found, time.min, CITY_TIME_ZONE)
