"""From a row to a record, compiled to the expression that a person would write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import Any, Generic, TypeVar, cast, get_type_hints

from connectors.declared.field_readers import FieldReader, NotDeclarableError, build_field_reader
from connectors.declared.tables import RecordTable
from connectors.readers.unreadable import UnreadableError

R = TypeVar("R")
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RecordReader(Generic[R]):
    """Reads one kind of record."""

    read: Callable[[Row], R]
    """The record in a row. Raises `UnreadableError`."""
    fields: Mapping[str, FieldReader]
    """The reader of each field, from the raw values of its columns."""
    columns: Mapping[str, tuple[str, ...]]
    """The columns of each field."""


def build_record_reader(record: type[R], table: RecordTable) -> RecordReader[R]:
    """Build the reader of a record.

    Raises:
        NotDeclarableError: A field is missing, unknown, or cannot be read as declared.

    """
    place = f"records.{record.__name__}"
    annotations = get_type_hints(record)
    known = {each.name: each for each in fields(cast("Any", record))}
    if unknown := sorted(table.keys() - known.keys()):
        raise NotDeclarableError(f"{place}.{unknown[0]}", f"the record has no such field; it has {', '.join(known)}")
    missing = [
        each.name
        for each in known.values()
        if each.name not in table and each.default is MISSING and each.default_factory is MISSING
    ]
    if missing:
        raise NotDeclarableError(place, f'no column is named for {missing[0]}; write {missing[0]} = "column"')
    readers = {field: build_field_reader(f"{place}.{field}", annotations[field], table[field]) for field in table}
    columns = {field: table[field].columns for field in table}
    return RecordReader(_compile(record, readers, columns), readers, columns)


def find_unreadable(
    record: str, readers: Mapping[str, FieldReader], columns: Mapping[str, tuple[str, ...]], row: Row
) -> UnreadableError:
    """Why a row cannot be read: names the first field, and never its value."""
    for field, reader in readers.items():
        absent = [column for column in columns[field] if column not in row]
        if absent:
            return UnreadableError(f"{record}.{field}: the reply has no column '{absent[0]}'")
        try:
            reader(*(row[column] for column in columns[field]))
        except UnreadableError as error:
            return UnreadableError(f"{error.kind} ({record}.{field})")
    return UnreadableError(f"a {record}")


def _compile(
    record: type[R], readers: Mapping[str, FieldReader], columns: Mapping[str, tuple[str, ...]]
) -> Callable[[Row], R]:
    names: dict[str, Any] = {
        "record": record,
        "UnreadableError": UnreadableError,
        "find_unreadable": partial(find_unreadable, record.__name__, readers, columns),
    }
    lines = ["def read(row):", "    try:", "        return record("]
    for field, reader in readers.items():
        names[f"read_{field}"] = reader
        raw = ", ".join(f"row[{column!r}]" for column in columns[field])
        lines.append(f"            {field}=read_{field}({raw}),")
    lines += [
        "        )",
        # The field is looked for afterwards: rows that can be read pay nothing for it.
        "    except (KeyError, UnreadableError):",
        "        raise find_unreadable(row) from None",
    ]
    exec(compile("\n".join(lines), "<manifest>", "exec"), names)  # noqa: S102 - made of the record's own field names, and of quoted columns
    read: Callable[[Row], R] = names["read"]
    return read
