"""Complaints from an Open311 server: the standard says its reads, so a manifest declares only what it leaves open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, Final, Protocol

from connectors.batching.fan_out import ask_in_chunks, fan_out
from connectors.batching.row_check import RowCheck
from connectors.declared.column_syntax import JSON_PATHS
from connectors.declared.driver_family import NO_CALL_LIMITS, Source
from connectors.declared.open311.client import BAD_REQUEST, NOT_FOUND, SERVICES, Open311Client, filter_codes
from connectors.declared.open311.complaint_commands import Open311Commands
from connectors.declared.open311.complaint_pages import ComplaintPages, newest_first
from connectors.declared.open311.complaint_questions import has_definition, read_questions
from connectors.declared.open311.complaint_records import ComplaintReader
from connectors.declared.open311.complaint_searches import ComplaintSearches
from connectors.declared.open311.complaint_surveys import ComplaintSurveys
from connectors.declared.open311.photos import PhotoLinks
from connectors.declared.read_records import KeyedRow, all_or_failure, answer_keys, only_record, read_or_failure
from connectors.declared.record_readers import RecordReaders
from connectors.declared.tables import NotDeclarableError, RecordTable
from connectors.declared.trouble import NoResultCodes
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.clocks import CITY_TIME_ZONE
from records.complaint_questions import ComplaintQuestion
from records.complaint_searches import ComplaintSearch, FoundComplaints
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import CategoryQuery, Complaint, ComplaintCategory, ComplaintPage, ComplaintQuery
from records.identifiers import Nik
from records.search.text_index import TextIndex

_MAX_ID_LIST_LENGTH: Final = 6_000
"""Maximum characters of ids in one URL; gateways accept 8,000 for the whole URL."""
_MAX_CONCURRENCY: Final = 4
_NIKS_PER_SEARCH: Final = 500
_PAGES_PER_SEARCH: Final = 40
_READ_CLOCK: Final = partial(datetime.now, CITY_TIME_ZONE)


class ComplaintLinks(Protocol):
    """The hub's own record of reporters, for servers that do not name them."""

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        """Ids of the service requests that each person filed through the hub; a person without any may be absent."""


class Open311Complaints:
    """The complaints of one server; the reads are those of the domain."""

    def __init__(
        self,
        client: Open311Client,
        records: Mapping[str, RecordTable],
        links: ComplaintLinks,
        *,
        max_batch_size: int | None = None,
        now: Callable[[], datetime] = _READ_CLOCK,
    ) -> None:
        """`max_batch_size` limits people or ids in one call. Raises `NotDeclarableError` for the records."""
        self._client, self._agency, self._work = client, client.http.agency, client.http.work
        self._reporter, max_rows = client.wire.extensions.reporter, client.wire.max_rows
        if (self._reporter or client.wire.extensions.handling) and "reporter" not in records.get("Complaint", {}):
            problem = "extensions.reporter and extensions.handling need the column of `reporter`"
            raise NotDeclarableError("records.Complaint", problem)
        self.photos = PhotoLinks(client)
        self._reader = ComplaintReader(client.wire, records, self.photos)
        self._pages = ComplaintPages(client, self._reader, now)
        self._surveys = ComplaintSurveys(client, self._pages, now)
        self._searches = ComplaintSearches(client, self._pages, now)
        self._links = links
        self._niks_per_call = min(_NIKS_PER_SEARCH, max_batch_size or _NIKS_PER_SEARCH)
        self._ids_per_call = min(max_rows, max_batch_size or max_rows)
        self._check = RowCheck(self._agency, client.counts)
        source = Source(
            agency=self._agency,
            driver=client.http,
            check=self._check,
            records=RecordReaders({}, columns=JSON_PATHS),
            columns=JSON_PATHS,
            codes=NoResultCodes(),
            limits=NO_CALL_LIMITS,
        )
        self.commands = Open311Commands(client, source, self.find_request_ids)
        self._now = now

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints of each person, newest first; a person without complaints is absent."""
        if not niks:
            return {}
        if self._reporter:
            return await ask_in_chunks(niks, partial(self._search, call=call), max_batch_size=self._niks_per_call)
        return await self._list_linked(await self._links.requests_of(niks), call)

    async def complaints(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        """Complaints by their id, private ones included; the server does not name their reporters here.

        Numbers and other ids are asked for separately: servers whose ids are numbers refuse a list with another.
        """
        known, answers = filter_codes(ids), dict[str, Complaint | AgencyFailure]()
        for alike in [[each for each in known if each.isdigit() is numeric] for numeric in (True, False)]:
            if alike:
                fitting = _MAX_ID_LIST_LENGTH // (max(map(len, alike)) + 1)
                ask, size = partial(self._find, call=call), min(self._ids_per_call, fitting)
                answers |= await ask_in_chunks(alike, ask, max_batch_size=size)
        return answers

    async def pages(self, queries: Sequence[ComplaintQuery], call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        """Pages of the public list; a failed page fails only its query."""
        return await fan_out(queries, lambda query: self._pages.load(query, call), limit=_MAX_CONCURRENCY)

    async def surveys(
        self, queries: Sequence[ComplaintSurvey], call: Call
    ) -> Answers[ComplaintSurvey, SurveyedComplaints]:
        """Complaints of a period, or the open ones; a failed survey fails alone."""
        return await fan_out(queries, lambda survey: self._surveys.load(survey, call), limit=_MAX_CONCURRENCY)

    async def searches(
        self, queries: Sequence[ComplaintSearch], call: Call
    ) -> Answers[ComplaintSearch, FoundComplaints]:
        """Public complaints by text and order, by the server's extension; a failed search fails alone."""
        return await fan_out(queries, lambda search: self._searches.load(search, call), limit=_MAX_CONCURRENCY)

    async def categories(self, codes: Sequence[str], call: Call) -> Answers[str, ComplaintCategory]:
        """Categories by their code. One call for all."""
        found = {each.code: each for each in await self._list_categories(call)} if codes else {}
        return {code: found[code] for code in codes if code in found}

    async def category_lists(
        self, queries: Sequence[CategoryQuery], call: Call
    ) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
        """Categories whose name contains the text of a query, ignoring case. One call for all."""
        index = TextIndex(await self._list_categories(call) if queries else (), attrgetter("name"))
        return {query: tuple(index.find(query.search)) for query in queries}

    async def questions(self, codes: Sequence[str], call: Call) -> Answers[str, Sequence[ComplaintQuestion]]:
        """The questions of categories: one call for all, and one for each that has a definition."""
        services = {code: each for each in await self._list_services(call) if (code := self._reader.find_code(each))}
        known = [each for each in filter_codes(codes) if each in services]
        asked = [each for each in known if has_definition(services[each])]

        async def load(code: str) -> Sequence[ComplaintQuestion]:
            return await self._client.ask_definition(code, call, read_questions) or ()

        return {**dict.fromkeys(known, ()), **await fan_out(asked, load, limit=_MAX_CONCURRENCY)}

    async def find_request_ids(self, tokens: Sequence[str], call: Call) -> Answers[str, str]:
        """The ids of requests by the tokens that the server gave in their place; absent while there is none."""

        async def find(token: str) -> str | None:
            def read(listed: Sequence[Row]) -> str | None:
                self._check.require_requested((str(each.get("token")) for each in listed), [token])
                return next(filter(None, map(self._reader.find_id, listed)), None)

            return await self._client.ask(f"tokens/{token}", call, read, none_at=(NOT_FOUND,))

        return await fan_out(filter_codes(tokens), find, limit=_MAX_CONCURRENCY)

    async def probe(self, call: Call) -> None:
        """Request the list of services, the cheapest call. Raises `AgencyFailure`."""
        await self._client.ask(SERVICES, call, len)

    async def _search(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        extensions, size = self._client.wire.extensions, self._client.wire.max_rows
        form = {**extensions.constant, self._reporter or "": ",".join(niks), extensions.page_size or "": str(size)}
        found: Mapping[str, tuple[Any, Row]] = {}

        def read(listed: Sequence[Row]) -> tuple[int, Mapping[str, tuple[Any, Row]]]:
            # With its reporter, because that costs as much to find as the rest.
            rows = [
                (identifier, (self._reader.find_reporter(each), each))
                for each in listed
                if (identifier := self._reader.find_id(each))
            ]
            self._check.require_requested([reporter for _, (reporter, _) in rows], niks)
            merged = dict(found)  # a complaint filed between two pages pushes one row into both
            for identifier, each in rows:
                if merged.setdefault(identifier, each)[0] != each[0]:
                    raise self._check.record_mismatch("one complaint has two reporters")
                merged[identifier] = each
            return len(listed), merged

        for page in range(1, _PAGES_PER_SEARCH + 1):
            ask = self._client.ask("requests/search", call, read, form={**form, "page": str(page)})
            listed, found = await ask or (0, found)
            if listed < size:
                rows = [(reporter, identifier, each) for identifier, (reporter, each) in found.items()]
                return answer_keys(self._check, await self._read(rows), rows, niks, _choose_newest_first)
        raise AgencyMalformed(self._agency, f"a search by reporter did not end after {_PAGES_PER_SEARCH} pages")

    async def _find(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        def read(listed: Sequence[Row]) -> Sequence[KeyedRow]:
            found = [(key, key, each) for each in listed if (key := self._reader.find_id(each))]
            self._check.require_requested((key for key, _, _ in found), ids)
            return found

        # A server with numeric ids answers other ids with a bad request: it has none of them.
        none_at = (NOT_FOUND,) if any(each.isdigit() for each in ids) else (NOT_FOUND, BAD_REQUEST)
        single, query = self._ids_per_call == 1, self._client.wire.extensions.constant
        resource = f"requests/{ids[0]}" if single else "requests"
        wanted = {} if single else {"service_request_id": ",".join(ids)}
        found = await self._client.ask(resource, call, read, query={**query, **wanted}, none_at=none_at) or ()
        return answer_keys(self._check, await self._read(found), found, ids, partial(only_record, self._check))

    async def _read(self, found: Sequence[KeyedRow]) -> Sequence[Any]:
        """The complaints in rows, or the failures of rows that cannot be read."""
        read = partial(read_or_failure, self._agency, partial(self._reader.read, read_at=self._now()))
        return await self._work.map([row for _, _, row in found], read)

    async def _list_linked(self, links: Mapping[Nik, Sequence[str]], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        found = await self.complaints(list(dict.fromkeys(chain.from_iterable(links.values()))), call)
        answers: dict[Nik, Sequence[Complaint] | AgencyFailure] = {}
        for nik, ids in links.items():
            answer = all_or_failure([found[each] for each in ids if each in found])
            if isinstance(answer, AgencyFailure):
                answers[nik] = answer
            elif any(each.reporter not in {None, nik} for each in answer):
                answers[nik] = self._check.record_mismatch("a complaint has another reporter than the link table says")
            elif answer:
                answers[nik] = newest_first(_add_reporter(each, nik) for each in answer)
        return answers

    async def _list_categories(self, call: Call) -> Sequence[ComplaintCategory]:
        listed = await self._list_services(call)
        try:
            return [self._reader.read_category(each) for each in listed if self._reader.find_code(each)]
        except UnreadableError as error:
            raise AgencyMalformed(self._agency, str(error)) from None

    async def _list_services(self, call: Call) -> Sequence[Row]:
        return await self._client.ask(SERVICES, call, tuple) or ()


def build_open311_complaints(parts: Any, records: Mapping[str, RecordTable]) -> Open311Complaints:  # noqa: ANN401 - `ConnectorParts`, which knows this module
    """Build the connector of a manifest. Raises `NotDeclarableError`."""
    return Open311Complaints(
        parts.driver, records, parts.complaint_links, max_batch_size=parts.gate.terms.max_batch_size
    )


def _choose_newest_first(found: Sequence[Any]) -> Sequence[Complaint] | AgencyFailure:
    answer = all_or_failure(found)
    return answer if isinstance(answer, AgencyFailure) else newest_first(answer)


def _add_reporter(known: Complaint, reporter: Nik) -> Complaint:
    events = tuple(replace(event, reporter=reporter) for event in known.events)
    comments = tuple(replace(comment, reporter=reporter) for comment in known.comments)
    photos = tuple(replace(photo, reporter=reporter) for photo in known.photos)
    return replace(known, reporter=reporter, events=events, comments=comments, photos=photos)
