"""Citizens' complaints from the city's complaint system (CRM, JakLapor) over Open311 GeoReport v2.

Standard: https://wiki.open311.org/GeoReport_v2/. Extensions the system may have: `extensions=true` (extended
attributes and notes), paging, `code_status` and `region` filters, and the search for complaints by reporter, whose
parameters are sent in a form, because URLs are logged on the way and must not contain an identity number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Final, Self, TypeVar

from pydantic import Field

from connectors import complaints_mapping as mapping
from connectors.batching.fan_out import ask_in_chunks, fan_out
from connectors.batching.row_check import RowCheck
from connectors.connector_parts import ComplaintLinks, ConnectorParts
from connectors.declared.tables import ManifestTable
from connectors.drivers.http.driver import HttpDriver
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused
from records.clocks import CITY_TIME_ZONE
from records.complaints import CategoryQuery, Complaint, ComplaintCategory, ComplaintPage, ComplaintQuery
from records.identifiers import Nik

T = TypeVar("T")

_REQUESTS: Final = "requests.json"
_SEARCH: Final = "requests/search.json"
_SERVICES: Final = "services.json"
_BAD_REQUEST, _NOT_FOUND = 400, 404
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Valid ids and codes of servers. A comma would split one into two."""
_IDENTITY_NUMBER: Final = re.compile(r"[0-9]{16}|[0-9]{18}")
"""A NIK, KK or NOP in place of an id, which must not be sent in a URL."""
_MAX_ID_LIST_LENGTH: Final = 6_000
"""Maximum characters of ids in one URL; gateways accept 8,000 for the whole URL."""
_MAX_CONCURRENCY: Final = 4
_NIKS_PER_SEARCH: Final = 500
_PAGES_PER_SEARCH: Final = 40
_CALLS_PER_PAGE: Final = 10
"""Maximum calls to fill one page of the public list."""
_SPARE_ROWS: Final = 10
"""Additional rows of a page, because some cannot be shown: reports still without an id, the complaint at the position
itself, others of its second. Saves a second call."""
_SECOND: Final = timedelta(seconds=1)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=CITY_TIME_ZONE)
"""Before the first complaint. Without a start, servers list only the last 90 days."""


class ComplaintOptions(ManifestTable):
    """The options of the connector in a manifest."""

    reporter_extension: bool = Field(
        default=True, description="whether the system can search by reporter; else the hub's link table is used"
    )


class CityComplaints:
    """The complaint system for the graph.

    `http` points at the GeoReport endpoint (like `https://host/open311/v2`) and carries the key in its headers.
    `page_size` is the server's maximum number of rows, `max_concurrency` the limit of concurrent calls of one batch,
    `max_batch_size` the limit of people or ids in one call.
    """

    def __init__(
        self,
        http: HttpDriver,
        *,
        links: ComplaintLinks | None,
        reporter_extension: bool,
        page_size: int = 500,
        max_concurrency: int = _MAX_CONCURRENCY,
        max_batch_size: int | None = None,
    ) -> None:
        """Raises ValueError if there is no way to find the reporter of a complaint, or a limit is out of range."""
        if links is None and not reporter_extension:
            raise ValueError("CityComplaints: without the reporter extension it needs a link table. Give `links`.")
        if page_size <= 1 or max_concurrency < 1:
            raise ValueError(
                f"CityComplaints: page_size is {page_size}, max_concurrency {max_concurrency}. "
                "A page has at least 2 rows, and at least 1 call is under way at a time."
            )
        self._http = http
        self._links = None if reporter_extension else links
        self._page_size = page_size
        self._niks_a_search = min(_NIKS_PER_SEARCH, max_batch_size or _NIKS_PER_SEARCH)
        self._ids_a_call = min(page_size, max_batch_size or page_size)
        self._side_by_side = max_concurrency
        self._check = RowCheck(http.agency, http.counts)

    @classmethod
    def connect(cls, parts: ConnectorParts) -> Self:
        """Build the connector of a manifest, whose address is that of the GeoReport endpoint."""
        has_extension = parts.read_options(ComplaintOptions).reporter_extension
        return cls(
            parts.require_driver(HttpDriver),
            links=None if has_extension else parts.complaint_links,
            reporter_extension=has_extension,
            max_concurrency=min(_MAX_CONCURRENCY, parts.gate.max_concurrency),
            max_batch_size=parts.gate.terms.max_batch_size,
        )

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints of each person, newest first; a person without complaints is absent.

        One search for all people (with more pages if needed) or, for a server that cannot search by reporter, the
        complaints of the link table by their ids.
        """
        if not niks:
            return {}
        if self._links is not None:
            return await self._linked(await self._links.requests_of(niks), call)
        return await ask_in_chunks(niks, lambda some: self._search(some, call), max_batch_size=self._niks_a_search)

    async def complaints(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        """Complaints by their id, private ones included: one call for as many as fit in an address.

        The system does not name their reporters here. If there are several calls, a failed one affects only its own
        ids.
        """
        chunks = list(self._chunks(_filter_codes(ids)))
        if not chunks:
            return {}
        if len(chunks) == 1:
            return await self._chunk(chunks[0], call)
        found = await fan_out(chunks, lambda chunk: self._chunk(chunk, call), limit=self._side_by_side)
        answers: dict[str, Complaint | AgencyFailure] = {}
        for chunk, answer in found.items():
            answers |= dict.fromkeys(chunk, answer) if isinstance(answer, AgencyFailure) else answer
        return answers

    async def pages(self, queries: Sequence[ComplaintQuery], call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        """Pages of the public list, newest first; complaints from `reported_from` on and before `reported_until`.

        A page starts directly after its position (moment and id), even if complaints were filed since. Usually one call
        per page; a failed page fails only its query.
        """
        return await fan_out(queries, lambda query: self._page(query, call), limit=self._side_by_side)

    async def categories(self, codes: Sequence[str], call: Call) -> Answers[str, ComplaintCategory]:
        """Categories by their code. One call for all."""
        if not codes:
            return {}
        found = {each.code: each for each in await self._categories(call)}
        return {code: found[code] for code in codes if code in found}

    async def category_lists(
        self, queries: Sequence[CategoryQuery], call: Call
    ) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
        """Categories whose name contains the text of a query, ignoring case. One call for all."""
        if not queries:
            return {}
        found = await self._categories(call)
        return {query: tuple(each for each in found if _contains(each.name, query.search)) for query in queries}

    async def probe(self, call: Call) -> None:
        """Request the list of services, the cheapest call. Raises AgencyFailure."""
        await self._categories(call)

    async def _search(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        form = {"reporter": ",".join(niks), "extensions": "true", "page_size": str(self._page_size)}
        asked = frozenset(niks)
        found: dict[str, Row] = {}

        def read(status: int, value: object) -> Sequence[Row]:
            rows = self._requests(status, value)
            self._check.require_requested(map(mapping.reporter_of, filter(mapping.request_id, rows)), asked)
            # A complaint filed between two pages pushes one row into both: it is kept once.
            self._merge(found, rows)
            return rows

        for page in range(1, _PAGES_PER_SEARCH + 1):
            listed = await self._http.ask_json("POST", _SEARCH, call, read, form={**form, "page": str(page)})
            if len(listed) < self._page_size:
                return await self._by_reporter(tuple(found.values()), niks)
        raise AgencyMalformed(self._http.agency, f"a search by reporter did not end after {_PAGES_PER_SEARCH} pages")

    def _merge(self, found: dict[str, Row], listed: Iterable[Row]) -> None:
        """Add the rows with an id. Raises if a known id has another reporter."""
        added: dict[str, Row] = {}
        for each in listed:
            identifier = mapping.request_id(each)
            if identifier is None:
                continue
            before = added.get(identifier) or found.get(identifier)
            if before is not None and mapping.reporter_of(before) != mapping.reporter_of(each):
                raise self._check.record_mismatch("one complaint has two reporters")
            added[identifier] = each
        found.update(added)

    async def _linked(self, links: Mapping[Nik, Sequence[str]], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        found = await self.complaints(list(dict.fromkeys(chain.from_iterable(links.values()))), call)
        answers: dict[Nik, Sequence[Complaint] | AgencyFailure] = {}
        for nik, ids in links.items():
            theirs = [found[each] for each in ids if each in found]
            failed = [each for each in theirs if isinstance(each, AgencyFailure)]
            known = [mapping.reported_by(each, nik) for each in theirs if isinstance(each, Complaint)]
            if any(isinstance(each, Complaint) and each.reporter not in (None, nik) for each in theirs):
                failed.append(self._check.record_mismatch("a complaint has another reporter than the link table says"))
            if failed or known:
                answers[nik] = failed[0] if failed else mapping.newest_first(known)
        return answers

    async def _chunk(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        query = {"service_request_id": ",".join(ids), "extensions": "true", "page_size": str(self._page_size)}
        numbered = any(each.isdigit() for each in ids)

        def read(status: int, value: object) -> Sequence[Row]:
            # A server with numeric ids answers other ids with a bad request: it has none of them.
            none = status == _NOT_FOUND or (status == _BAD_REQUEST and not numbered)
            rows = () if none else self._requests(status, value)
            self._check.require_requested(filter(None, map(mapping.request_id, rows)), ids)
            return rows

        rows = await self._http.ask_json("GET", _REQUESTS, call, read, query=query)
        with_id = [each for each in rows if mapping.request_id(each)]
        found = self._check.group_by_key(with_id, ids, key_of=mapping.request_id, id_of=mapping.request_id)
        failed = {each: answer for each, answer in found.items() if isinstance(answer, AgencyFailure)}
        known = {each: answer[0] for each, answer in found.items() if not isinstance(answer, AgencyFailure)}
        return dict(zip(known, await self._mapped(list(known.values())), strict=True)) | failed

    def _chunks(self, ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Group ids into calls. Numbers and other ids are separate, so that a mistyped id affects no other."""
        numbers, others = [each for each in ids if each.isdigit()], [each for each in ids if not each.isdigit()]
        for alike in (numbers, others):
            chunk: list[str] = []
            length = 0
            for each in alike:
                length += len(each) + 1
                if chunk and (len(chunk) == self._ids_a_call or length > _MAX_ID_LIST_LENGTH):
                    yield tuple(chunk)
                    chunk, length = [], len(each) + 1
                chunk.append(each)
            if chunk:
                yield tuple(chunk)

    async def _page(self, query: ComplaintQuery, call: Call) -> ComplaintPage:
        """Fill one page: request rows from the position backwards, and more from the oldest row until it is full.

        The hub orders the complaints of one second, not the server. So a second is used only when it is complete: after
        an older row, or the end.
        """
        asked = _build_parameters(query)
        if asked is None:
            return ComplaintPage(complaints=(), has_more=False)
        found: dict[str, Complaint] = {}
        until, size = _end_of(query), min(query.first + _SPARE_ROWS, self._page_size)
        for _ in range(_CALLS_PER_PAGE):
            parameters = asked | {"page_size": str(size)} | ({"end_date": _format_moment(until)} if until else {})
            listed = await self._list(parameters, call)
            found |= {each.id: each for each in await self._readable(listed) if mapping.fits(each, query)}
            if len(listed) < size:
                shown = mapping.newest_first(found.values())
                return ComplaintPage(complaints=shown[: query.first], has_more=len(shown) > query.first)
            oldest = self._oldest(listed)
            whole = [each for each in found.values() if each.reported_at > oldest]
            if len(whole) >= query.first and len(found) > query.first:
                return ComplaintPage(complaints=mapping.newest_first(whole)[: query.first], has_more=True)
            if until is not None and _second_after(oldest) >= until and size == self._page_size:
                raise AgencyMalformed(
                    self._http.agency, "a whole answer of the list of complaints holds one single second"
                )
            until, size = _second_after(oldest), self._page_size
        raise AgencyMalformed(self._http.agency, f"a page of the list was not full after {_CALLS_PER_PAGE} calls")

    async def _list(self, parameters: Mapping[str, str], call: Call) -> Sequence[Row]:
        codes = parameters.get("service_code", "").split(",")
        numbers = [code for code in codes if code.isdigit()]
        may_be_refused = codes not in ([""], numbers)

        def read(status: int, value: object) -> Sequence[Row] | None:
            return None if status == _BAD_REQUEST and may_be_refused else self._requests(status, value)

        listed = await self._http.ask_json("GET", _REQUESTS, call, read, query=parameters)
        if listed is not None:
            return listed
        # A server with numeric categories refuses other codes: no complaint can match them.
        return await self._list({**parameters, "service_code": ",".join(numbers)}, call) if numbers else ()

    def _oldest(self, listed: Sequence[Row]) -> datetime:
        moments = [at for each in listed if (at := _reported_at(each))]
        if not moments:
            raise AgencyMalformed(self._http.agency, "an answer of the list of complaints holds no readable moment")
        return min(moments)

    def _requests(self, status: int, value: object) -> Sequence[Row]:
        return _parse_list(self._http.agency, status, value, mapping.requests)

    async def _categories(self, call: Call) -> Sequence[ComplaintCategory]:
        return await self._http.ask_json(
            "GET", _SERVICES, call, partial(_parse_list, self._http.agency, how=mapping.categories)
        )

    async def _mapped(self, listed: Sequence[Row]) -> Sequence[Complaint | AgencyFailure]:
        """Read each row separately, in order: an unreadable row does not affect the others."""
        return await self._http.work.map(
            listed, partial(_complaint_or_failure, self._http.agency, read_at=datetime.now(CITY_TIME_ZONE))
        )

    async def _readable(self, listed: Iterable[Row]) -> Sequence[Complaint]:
        """Complaints of the public list. An unreadable one is omitted, so that it does not block the list forever."""
        found = await self._mapped(tuple(_by_id(listed).values()))
        return [each for each in found if isinstance(each, Complaint)]

    async def _by_reporter(self, listed: Sequence[Row], niks: Sequence[Nik]) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints of each person. An unreadable one fails the answer for its reporter."""
        work = self._http.work
        reporters = await work.map(listed, mapping.reporter_of)
        asked = frozenset(niks)
        reported = list(zip(reporters, listed, strict=True))
        theirs = [(nik, each) for nik, each in reported if nik is not None and nik in asked]
        found: dict[Nik, list[Complaint]] = {}
        failed: dict[Nik, AgencyFailure] = self._in_other_forms(reporters, niks)
        for (nik, _), answer in zip(theirs, await self._mapped([each for _, each in theirs]), strict=True):
            if isinstance(answer, Complaint):
                found.setdefault(nik, []).append(answer)
            else:
                failed[nik] = answer
        ordered = await work.map(tuple(found.values()), mapping.newest_first)
        return dict(zip(found, ordered, strict=True)) | failed

    def _in_other_forms(self, reporters: Sequence[Nik | None], niks: Sequence[Nik]) -> dict[Nik, AgencyFailure]:
        """The failures of people whose number has another form in a row."""
        found = self._check.group_by_key(
            tuple(dict.fromkeys(reporters)), niks, key_of=lambda nik: nik, id_of=lambda nik: nik
        )
        return {nik: each for nik, each in found.items() if isinstance(each, AgencyFailure)}


def _parse_list(agency: str, status: int, value: object, how: Callable[[object], T]) -> T:
    """The list in a reply. A reply without a readable list counts against the system."""
    if status >= _BAD_REQUEST:
        raise AgencyRefused(agency, f"HTTP {status}")
    try:
        return how(value)
    except UnreadableError as error:
        raise AgencyMalformed(agency, str(error)) from None


def _by_id(listed: Iterable[Row]) -> dict[str, Row]:
    """Rows by their id, without those that have none."""
    return {identifier: each for each in listed if (identifier := mapping.request_id(each))}


def _complaint_or_failure(agency: str, request: Row, read_at: datetime) -> Complaint | AgencyFailure:
    try:
        return mapping.complaint(request, read_at)
    except UnreadableError as error:
        return AgencyMalformed(agency, str(error))


def _reported_at(request: Row) -> datetime | None:
    try:
        return mapping.reported_at(request)
    except UnreadableError:
        return None


def _build_parameters(query: ComplaintQuery) -> dict[str, str] | None:
    """Build the parameters by which the server filters; None if no complaint can match."""
    codes = _filter_codes(query.category_codes)
    if query.category_codes and not codes:
        return None
    asked = {"extensions": "true", "start_date": _format_moment(query.reported_from or _EARLIEST)}
    if codes:
        asked["service_code"] = ",".join(codes)
    if query.regions:
        asked["region"] = ",".join(query.regions)
    if query.statuses:
        asked["code_status"] = ",".join(status.value for status in query.statuses)
        closed = [status in mapping.CLOSED for status in query.statuses]
        if all(closed) or not any(closed):
            # The standard's own filter, for servers without the extension.
            asked["status"] = "closed" if all(closed) else "open"
    return asked


def _end_of(query: ComplaintQuery) -> datetime | None:
    """The end of the period of the page's complaints.

    Servers differ in whether `end_date` is included, so the second of the position is requested again.
    """
    ends = [_whole_second(query.reported_until)] if query.reported_until else []
    if query.after:
        ends.append(_second_after(query.after.reported_at))
    return min(ends, default=None)


def _second_after(at: datetime) -> datetime:
    return at.replace(microsecond=0) + _SECOND


def _whole_second(at: datetime) -> datetime:
    return _second_after(at) if at.microsecond else at


def _format_moment(at: datetime) -> str:
    return at.astimezone(CITY_TIME_ZONE).isoformat(timespec="seconds")


def _filter_codes(given: Iterable[str]) -> list[str]:
    """Select the valid ids or codes that may be sent in a URL."""
    return [each for each in given if _CODE.fullmatch(each) and not _IDENTITY_NUMBER.fullmatch(each)]


def _contains(name: str | None, search: str) -> bool:
    return search.strip().casefold() in (name or "").casefold()
