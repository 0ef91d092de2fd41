"""Pages of the public list: periods backwards from the position of a page, until it is full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from connectors.declared.open311.client import BAD_REQUEST, Open311Client, filter_codes
from connectors.declared.open311.complaint_records import CLOSED, ComplaintReader
from connectors.declared.read_records import read_or_failure
from connectors.readers.rows import Row
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.clocks import CITY_TIME_ZONE
from records.complaints import Complaint, ComplaintPage, ComplaintQuery
from records.identifiers import RegionCode

_MAX_CALLS: Final = 24
"""Calls for one page: every period of the longest history, and some more."""
_SPARE_ROWS: Final = 10
"""Additional rows of a page, because some cannot be shown: reports without an id, the complaint at the position, others
of its second. Saves a second call."""
_SECOND: Final = timedelta(seconds=1)
_CLOCK_DIFFERENCE: Final = timedelta(hours=1)
"""By how much the clock of a server may be ahead: a period without an end must not span too much there."""
_STANDARD_WORDS: Final = frozenset({"open", "closed"})

Order = tuple[datetime, int, str]


class ComplaintPages:
    """Reads pages, newest complaint first."""

    def __init__(self, client: Open311Client, reader: ComplaintReader, now: Callable[[], datetime]) -> None:
        """Opens nothing."""
        self._client = client
        self._reader = reader
        self._now = now
        self._span = timedelta(days=client.wire.max_span_days)
        """The first period of a page: shorter if recent lists were cut."""

    async def load(self, query: ComplaintQuery, call: Call) -> ComplaintPage:
        """One page, which starts directly after its position even if complaints were filed since.

        The hub orders the complaints of one second, not the server. So a second is used only when it is complete.
        """
        wire, parameters = self._client.wire, self.build_parameters(query)
        if parameters is None or wire.visibility == "private":
            return ComplaintPage(complaints=(), has_more=False)
        agency, page_size, now = self._client.http.agency, wire.extensions.page_size, self._now()
        history, until = now - timedelta(days=wire.history_days), _find_end(query, now)
        oldest = max(history, query.reported_from or history)
        if until is not None and until <= oldest:
            return ComplaintPage(complaints=(), has_more=False)
        size = min(query.first + _SPARE_ROWS, wire.max_rows) if page_size else wire.max_rows
        span, longest = self._span, timedelta(days=wire.max_span_days)
        found: dict[str, Complaint] = {}
        for _ in range(_MAX_CALLS):
            start = max(oldest, (until or now + _CLOCK_DIFFERENCE) - span)
            period = {"start_date": format_moment(start)} | ({"end_date": format_moment(until)} if until else {})
            given = parameters | period | ({page_size: str(size)} if page_size else {})
            listed = await self.list_rows("requests", given, call)
            found |= {each.id: each for each in await self.read_all(listed) if matches(each, query)}
            if len(listed) < size:
                whole_from = start
                if len(listed) < size // 2:
                    span = min(longest, 2 * span)
            elif page_size and (last := min(filter(None, map(self._reader.find_moment, listed)), default=None)):
                whole_from = _second_after(last)
                if until is not None and whole_from >= until and size == wire.max_rows:
                    raise AgencyMalformed(agency, "a whole answer of the list of complaints holds one single second")
                size = wire.max_rows
            elif not page_size and span > _SECOND:
                span /= 4  # which requests a cut list leaves out is not known
                continue
            else:
                raise AgencyMalformed(agency, "a list of complaints is cut, and has no readable moment")
            until, self._span = whole_from, span
            shown = newest_first(each for each in found.values() if each.reported_at >= whole_from)
            if whole_from <= oldest or (len(shown) >= query.first and len(found) > query.first):
                return ComplaintPage(complaints=shown[: query.first], has_more=len(found) > query.first)
        raise AgencyMalformed(agency, f"a page of the list was not full after {_MAX_CALLS} calls")

    def build_parameters(self, query: ComplaintQuery) -> dict[str, str] | None:
        """The parameters by which the server filters; None if no complaint can match."""
        extensions, codes = self._client.wire.extensions, filter_codes(query.category_codes)
        if query.category_codes and not codes:
            return None
        asked = dict(extensions.constant)
        if codes:
            asked["service_code"] = ",".join(codes)
        if query.regions and extensions.region:
            asked[extensions.region] = ",".join(query.regions)
        if query.statuses:
            words = {word for status in query.statuses for word in self._reader.status_words[status]} - _STANDARD_WORDS
            if extensions.status and words:
                asked[extensions.status] = ",".join(sorted(words))
            closed = {status in CLOSED for status in query.statuses}
            if len(closed) == 1:
                asked["status"] = "closed" if closed.pop() else "open"
        return asked

    async def list_rows(
        self, resource: str, given: Mapping[str, str], call: Call, *, is_form: bool = False
    ) -> Sequence[Row]:
        """The rows of a list or a search, with parameters in the query or in a form. Raises `AgencyFailure`."""
        codes = given.get("service_code", "").split(",")
        numbers = [code for code in codes if code.isdigit()]
        none_at = () if codes in ([""], numbers) else (BAD_REQUEST,)
        query, form = (None, given) if is_form else (given, None)
        listed = await self._client.ask(resource, call, list, query=query, form=form, none_at=none_at)
        if listed is not None:
            return listed
        # A server with numeric categories refuses other codes: no complaint can match them.
        if not numbers:
            return ()
        return await self.list_rows(resource, {**given, "service_code": ",".join(numbers)}, call, is_form=is_form)

    async def read_all(self, listed: Iterable[Row]) -> Sequence[Complaint]:
        """Complaints of a list. An unreadable one is left out, so that it does not block the list forever."""
        once = {identifier: each for each in listed if (identifier := self._reader.find_id(each))}
        read = partial(read_or_failure, self._client.http.agency, partial(self._reader.read, read_at=self._now()))
        return [
            each for each in await self._client.http.work.map([*once.values()], read) if isinstance(each, Complaint)
        ]


def newest_first(complaints: Iterable[Complaint]) -> tuple[Complaint, ...]:
    """Sorts complaints by the time of the report, newest first, then by id; each id once."""
    once = {each.id: each for each in complaints}
    return tuple(sorted(once.values(), key=lambda each: _order(each.reported_at, each.id), reverse=True))


def _order(at: datetime, identifier: str) -> Order:
    """The place in the list: the time, then the id, as a number if all ids are."""
    return at, len(identifier), identifier


def matches(known: Complaint, query: ComplaintQuery) -> bool:
    """Whether a complaint matches a query, and comes after its position. Servers ignore parameters unknown to them."""
    after = query.after
    return (
        known.is_public
        and (not query.statuses or known.status in query.statuses)
        and (not query.category_codes or known.category_code in query.category_codes)
        and (not query.regions or any(lies_in(known.region_code, region) for region in query.regions))
        and (query.reported_from is None or known.reported_at >= query.reported_from)
        and (query.reported_until is None or known.reported_at < query.reported_until)
        and (after is None or _order(known.reported_at, known.id) < _order(after.reported_at, after.id))
    )


def lies_in(place: RegionCode | None, region: RegionCode) -> bool:
    """Whether a place is a region, or a part of it."""
    return place is not None and f"{place}.".startswith(f"{region}.")


def _find_end(query: ComplaintQuery, now: datetime) -> datetime | None:
    """The end of the first period; None if it is not over.

    Servers differ in whether `end_date` is included, so the second of the position is asked for again.
    """
    until, after = query.reported_until, query.after
    ends = [_second_after(until) if until.microsecond else until] if until else []
    end = min([*ends, _second_after(after.reported_at)] if after else ends, default=now)
    return end if end < now else None


def _second_after(at: datetime) -> datetime:
    return at.replace(microsecond=0) + _SECOND


def format_moment(at: datetime) -> str:
    """A moment as the parameters of a server have it."""
    return at.astimezone(CITY_TIME_ZONE).isoformat(timespec="seconds")
