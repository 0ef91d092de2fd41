"""The file of a snapshot: what its rows are found by, and its name, which changes with its form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from hashlib import sha256
from typing import Any, Final

import msgspec
from pydantic_core import to_jsonable_python

from connectors.declared.snapshot.personal_records import is_personal

VERSION: Final = 3
"""Of the tables in the file."""

FoundBy = str | int | float | None
"""What a column of the file can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLayout:
    """What the rows of one snapshot are found by. All names are fields of the record."""

    record: type[Any]
    id: tuple[str, ...]
    """The fields that identify a record."""
    keys: frozenset[str] = frozenset()
    """The fields with an index."""
    search: frozenset[str] = frozenset()
    """The fields in which texts are looked for."""
    near: str | None = None
    """The field with the place on the map."""

    @property
    def is_personal(self) -> bool:
        """Whether the file is sealed. It follows from the record, so that no manifest can forget it."""
        return is_personal(self.record)

    @property
    def key_columns(self) -> Sequence[str]:
        """The fields with an index, in the order of their columns."""
        return sorted(self.keys)

    @property
    def search_columns(self) -> Sequence[str]:
        """The fields in which texts are looked for, in the order of their columns."""
        return sorted(self.search)

    def compute_form(self, declared: Iterable[object]) -> str:
        """A word that changes with the form of the file, of the records, or of the declarations they are read by.

        The order of lines in a manifest does not count.
        """
        parts = [
            str(VERSION),
            repr(msgspec.inspect.type_info(self.record)),
            json.dumps([self.id, self.key_columns, self.search_columns, self.near, self.is_personal]),
            *sorted(json.dumps(to_jsonable_python(each), sort_keys=True) for each in declared),
        ]
        return sha256("\n".join(parts).encode()).hexdigest()[:12]

    def read_id(self, record: object) -> str:
        """The identity of a record."""
        return build_id([getattr(record, each) for each in self.id])


def build_id(parts: Sequence[object]) -> str:
    """The identity of a record with these values of its identifying fields."""
    found = [to_column(each) for each in parts]
    return str(found[0]) if len(found) == 1 else json.dumps(found, ensure_ascii=False)


def to_column(value: object) -> FoundBy:
    """A value as the file holds it. Raises `TypeError` for what cannot be a key."""
    if value is None or isinstance(value, str | int | float):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be a key")


def fold(text: str | None) -> str | None:
    """A text as searches compare it: without case."""
    return None if text is None else " ".join(text.split()).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFacts:
    """What a file says about itself."""

    form: str
    rows: int
    left_out: int
    """Rows that could not be read, within the allowed number."""
    as_of: datetime
    """The date of the data."""
    loaded_at: datetime
    identity: str | None
    """Of the source: if it did not change, nothing is loaded."""
    columns: tuple[str, ...]
    """The columns that the source had."""
    seal: str | None = None
    """The mark of the keys of a sealed file; None for public data."""
    remove_at: datetime | None = None
    """When the file must be gone."""
