"""What declared reads share, whatever way the agency is called: from rows to the answer for each key."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from connectors.batching.row_check import RowCheck
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed

Read = Callable[[Sequence[Any], Call], Awaitable[Answers[Any, Any]]]
"""From keys to the answers; see the domain protocol."""

FacetRead = Callable[[Sequence[Any], frozenset[type[Any]], Call], Awaitable[Answers[Any, Mapping[type[Any], Any]]]]
"""From keys and wanted records to those records of each key."""

KeyedRow = tuple[str | None, str | None, Row]
"""A row with its key and its identity."""

NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
"""Numbers as an agency writes them; 18 digits fit the integers of every database."""


def read_or_failure(agency: str, read: Callable[[Row], Any], row: Row) -> Any:  # noqa: ANN401 - any record, or a failure
    """The record in a row, or the failure of a row that cannot be read."""
    try:
        return read(row)
    except UnreadableError as error:
        return AgencyMalformed(agency, str(error))


def all_or_failure(found: Sequence[Any]) -> Sequence[Any] | AgencyFailure:
    """The records of one key; one that cannot be read is the failure of its key."""
    failed = next((each for each in found if isinstance(each, AgencyFailure)), None)
    return failed or tuple(found)


def only_record(check: RowCheck, found: Sequence[Any]) -> Any:  # noqa: ANN401 - any record, or a failure
    """The record of a key that has one; several are a failure."""
    return found[0] if len(found) == 1 else check.record_mismatch("several records for a key that has one")


def answer_keys(
    check: RowCheck,
    records: Sequence[Any],
    found: Sequence[KeyedRow],
    keys: Sequence[Any],
    choose: Callable[[Sequence[Any]], Any],
) -> Answers[Any, Any]:
    """The answer of each key, which `choose` makes of its records; `records` are those of the rows `found`."""
    entries = [(key, row_id, each) for (key, row_id, _), each in zip(found, records, strict=True)]
    groups = check.group_by_key(entries, keys, key_of=itemgetter(0), id_of=itemgetter(1))
    return {
        key: each if isinstance(each, AgencyFailure) else choose([record for _, _, record in each])
        for key, each in groups.items()
    }
