"""What declared reads share, whatever way the agency is called: from rows to the answer for each key."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
