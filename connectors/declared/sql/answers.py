"""From the rows of a key, or of a group, to its answer: by a declared record, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass
from functools import partial
from typing import Any, Final, get_args, get_type_hints

from connectors.declared.domain_reads import DomainRead
from connectors.declared.driver_family import Source
from connectors.declared.python_functions import find_function
from connectors.declared.read_records import all_or_failure, only_record, read_or_failure
from connectors.declared.record_readers import RecordReader
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.connections import Row
from connectors.drivers.sql.driver import SqlDriver
from connectors.readers.unreadable import UnreadableError
from records.calls.failures import AgencyFailure, AgencyMalformed

_FUNCTION_PARAMETERS: Final = 2
"""Of a function in place of a record: the rows, and the key or the value of the group."""


@dataclass(frozen=True, slots=True)
class AnswerMaker:
    """Makes the answer of a key."""

    columns: frozenset[str]
    """The columns that it takes; of rows that a function reads, none are known."""
    read_row: Callable[[Row], Any] | None
    """From a row to a record, or to its failure; None if rows stay as they are."""
    convert: Callable[[Sequence[Any], str], Any]
    """From the records, or rows, of a key to its answer; None if there is none."""
    is_single: bool = False
    """Whether the answer is the one record of a key, as it was read."""


def build_answer_maker(source: Source[SqlDriver], domain_read: DomainRead, table: SqlReadTable) -> AnswerMaker:
    """Build it for one read. Raises `NotDeclarableError`."""
    if table.python is not None:
        return _build_python_maker(source, domain_read, table.python)
    reader = build_row_reader(source, domain_read.name, domain_read.record)
    read_row = partial(read_or_failure, source.agency, reader.read)
    if domain_read.is_list:
        return AnswerMaker(reader.columns, read_row, lambda found, _: all_or_failure(found))
    return AnswerMaker(reader.columns, read_row, lambda found, _: only_record(source.check, found), is_single=True)


def build_row_reader(source: Source[SqlDriver], read: str, record: type[Any]) -> RecordReader[Any]:
    """The reader of a record whose fields all come from columns. Raises `NotDeclarableError`."""
    reader = source.records.build(read, record)
    if reader.takes_key:
        problem = f"{record.__name__} takes {{key}}, but a statement selects columns"
        raise NotDeclarableError(f"reads.{read}.statement", problem)
    return reader


def _build_python_maker(source: Source[SqlDriver], domain_read: DomainRead, name: str) -> AnswerMaker:
    place = f"reads.{domain_read.name}.python"
    wanted: Any = Sequence[domain_read.record] if domain_read.is_list else domain_read.record  # type: ignore[name-defined]  # a type of the domain
    function = find_function(place, name, _FUNCTION_PARAMETERS, wanted, source.hub.for_functions)

    def convert(found: Sequence[Any], key: str) -> Any:  # noqa: ANN401 - any answer
        failed = next((each for each in found if isinstance(each, AgencyFailure)), None)
        if failed is not None:
            return failed
        try:
            return function(found, key)
        except UnreadableError as error:
            return AgencyMalformed(source.agency, str(error))

    rows = next(iter(get_type_hints(getattr(function, "func", function)).values()))
    record = next(iter(get_args(rows)), None)
    if not is_dataclass(record) or not isinstance(record, type):
        return AnswerMaker(frozenset(), None, convert)
    reader = build_row_reader(source, domain_read.name, record)
    return AnswerMaker(reader.columns, partial(read_or_failure, source.agency, reader.read), convert)
