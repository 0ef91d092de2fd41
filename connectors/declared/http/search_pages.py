"""The pages of a search over HTTP: rows in their order, each once, and none that the caller did not ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from connectors.declared.http.paging import PageWalk, Place
from connectors.declared.http.rows import HttpRowCalls, HttpSource
from connectors.declared.http.tables import HttpReadTable
from connectors.declared.read_records import NUMBER
from connectors.declared.search.record_filters import Condition
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.calls.failures import AgencyMalformed

Position = tuple[Any, ...]
"""The values of a record in the fields of `order`."""


@dataclass(frozen=True, slots=True)
class RecordOrder:
    """The order of the records of a list."""

    fields: Mapping[str, bool]
    """Whether each field is descending."""
    has_numbers: bool
    """Whether texts are compared as numbers."""

    def locate(self, found: object) -> Position:
        """The position of a record, or that of the domain, which may be a text. Raises `UnreadableError`."""
        values = [found] if isinstance(found, str) else [getattr(found, name) for name in self.fields]
        return tuple(self._read(each) for each in values)

    def precedes(self, first: Position, second: Position) -> bool:
        """Whether a position comes before another."""
        for one, other, is_descending in zip(first, second, self.fields.values(), strict=True):
            if one != other:
                return bool(one > other if is_descending else one < other)
        return False

    def sort(self, found: list[FoundRecord]) -> None:
        """Sort records by their positions."""
        for at, is_descending in reversed(list(enumerate(self.fields.values()))):
            found.sort(key=lambda each: each.position[at], reverse=is_descending)

    def _read(self, value: Any) -> Any:  # noqa: ANN401 - any field
        if value is None or (self.has_numbers and isinstance(value, str) and not NUMBER.fullmatch(value)):
            raise UnreadableError("a record with a position")
        return int(value) if self.has_numbers and isinstance(value, str) else value


_MAX_TOTAL: Final = 2**31 - 1
"""`Int` of GraphQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedPart:
    """What a query asks for."""

    sent: Any
    """What the requests hold."""
    applied: Sequence[Condition]
    """What each row proves, if the agency applies the conditions that it is sent."""
    remaining: Sequence[Condition]
    """Those that the hub applies."""
    is_counted: bool
    """Whether the agency's total is that of the query."""
    after: Position | None
    wanted: int | None
    """The records after which no further page is asked; None for the whole list."""


class FoundRecord(NamedTuple):
    """A record of a search."""

    position: Position
    record: Any
    place: Place | None
    """Where the page with the record begins."""


@dataclass(slots=True)
class FoundRecords:
    """The records of a search, perhaps some more than it wants."""

    records: list[FoundRecord] = field(default_factory=list)
    total: int | None = None
    """The number of all records, if the agency applies all conditions and counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPages:
    """Reads the pages of one declared search."""

    source: HttpSource
    calls: HttpRowCalls
    table: HttpReadTable
    order: RecordOrder | None
    """None for lists without pages."""
    read: Callable[[Sequence[Row]], Awaitable[Sequence[Any]]]

    async def find(self, asked: SearchedPart, call: Call, start: Place | None) -> FoundRecords | None:
        """The records of a query from a place on; None if the page there no longer holds the query's position.

        Raises:
            AgencyFailure: The agency failed, sent rows that were not asked for, or more than the bounds of the read.
            UnreadableError: A reply is no page of the list.

        """
        paging, found, last, rows = self.calls.paging, FoundRecords(), None, 0
        walk = None if paging is None else PageWalk(paging, start)
        request = self.calls.build(asked.sent, None if walk is None else walk.position)
        for number in range(self.table.max_pages):
            page = await self.calls.ask_page(request, asked.sent, call, may_be_missing=number > 0)
            records = () if page is None else await self.read(page.rows)
            place = None if walk is None else Place(walk.position, walk.count)
            has_next = walk is not None and (walk.end() if page is None else walk.advance(page))
            positions = [() if self.order is None else self.order.locate(each) for each in records]
            if self._has_moved(asked, start, positions, is_first=number == 0):
                return None
            self._check(asked, last, records, positions)
            rows += len(records)
            if rows > self.table.max_rows:
                raise AgencyMalformed(self.source.agency, f"a search that reads more than {self.table.max_rows} rows")
            last = positions[-1] if positions else last
            found.records += [
                FoundRecord(position, each, place)
                for position, each in zip(positions, records, strict=True)
                if self._is_wanted(asked, position, each)
            ]
            if walk is None or not has_next or (asked.wanted is not None and len(found.records) >= asked.wanted):
                total = walk.total if walk is not None and asked.is_counted else None
                found.total = total if total is not None and total <= _MAX_TOTAL else None
                return found
            if last is not None and self.is_by_record:
                walk.position = write_position(last)
            request = self.calls.build_next(request, asked.sent, walk.position)
        raise AgencyMalformed(self.source.agency, f"a search that reads more than {self.table.max_pages} pages")

    @property
    def is_by_record(self) -> bool:
        """Whether the agency's pages begin after a record."""
        return self.calls.paging is not None and self.calls.paging.by == "record"

    def _has_moved(
        self, asked: SearchedPart, start: Place | None, positions: Sequence[Position], *, is_first: bool
    ) -> bool:
        """Whether rows may be missing between the query's position and the page at a remembered place."""
        if not is_first or start is None or asked.after is None or self.order is None or self.is_by_record:
            return False
        return not positions or self.order.precedes(asked.after, positions[0])

    def _check(
        self, asked: SearchedPart, last: Position | None, records: Sequence[Any], positions: Sequence[Position]
    ) -> None:
        """Raise `AgencyMalformed` for rows out of order, and for rows that the agency should have left out."""
        if self.order is not None and self.table.sorts:
            for before, after in zip([last, *positions], positions, strict=False):
                if before is not None and not self.order.precedes(before, after):
                    raise self.source.check.record_mismatch("rows out of order, or one twice")
        if not all(condition(each) for condition in asked.applied for each in records):
            raise self.source.check.record_mismatch("a row that the search did not ask for")

    def _is_wanted(self, asked: SearchedPart, position: Position, record: object) -> bool:
        if asked.after is not None and self.order is not None and not self.order.precedes(asked.after, position):
            return False
        return all(condition(record) for condition in asked.remaining)


def write_position(position: Position) -> Position:
    """A position as requests hold it."""
    return tuple(write_date(each) if isinstance(each, date) else each for each in position)


def write_date(value: date) -> str:
    """A day, or a moment in UTC, as in ISO 8601."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value.isoformat()
