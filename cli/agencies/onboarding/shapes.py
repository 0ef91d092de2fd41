"""What is known of an agency's interface before it is mapped: lists of rows with columns, and how to ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

ColumnKind = Literal["text", "number", "flag", "day", "moment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShape:
    """Rows of one kind: a table, the reply of an operation, a file."""

    name: str
    """The table, the path of an operation, the name of a file or of a resource."""
    columns: Mapping[str, str]
    """The kind of each column by its name, a path in JSON."""
    rows: str = ""
    """The path to the rows in a reply."""
    beside_rows: Sequence[str] = ()
    """Of SOAP: the paths of other texts in a reply, such as its result code."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What a request needs by name, and where: `path`, `query`; for SOAP the name of an element."""
    paging: Mapping[str, object] = field(default_factory=dict)
    """The keys `query` and `paging` of a read, for an operation that takes pages."""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The words of an enumeration by its column, from a document."""
    lists: Mapping[str, RowShape] = field(default_factory=dict)
    """The rows of lists within a row, by their column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyInterface:
    """The interface of an agency."""

    driver: Literal["sql", "http", "soap", "ckan", "files"]
    origin: str
    """What was inspected, for a comment; without a password."""
    shapes: Sequence[RowShape]
    wire: Mapping[str, object] = field(default_factory=dict)
    """Keys of `[wire]` besides the driver and the address."""
    scheme: str = ""
    """Of a database: `postgresql`."""
    source: Mapping[str, object] = field(default_factory=dict)
    """Of a file or resource: how its rows are read."""
