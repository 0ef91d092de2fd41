"""Searches of a FHIR server: their requests, page by page, or many in one batch."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

from connectors.declared.driver_family import Source
from connectors.declared.fhir.bundles import BatchReply, BundlePage, read_batch, read_search
from connectors.declared.fhir.client import MEDIA_TYPE, OUTCOME_STATUSES, SEARCH, FhirClient
from connectors.declared.fhir.outcomes import judge_status
from connectors.declared.fhir.tables import FhirSearchTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.address import list_pairs
from connectors.drivers.http.json_body import write_json
from connectors.drivers.http.reply import HttpReply, parse_retry_after
from connectors.drivers.http.service import HttpRequest
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.clocks import CITY_TIME_ZONE

FhirSource = Source[FhirClient]
CheckRows = Callable[[Sequence[str], Sequence[Row]], None]
"""Checks the resources that a search for keys found. Raises `AgencyMalformed` and `UnreadableError`."""

KEY: Final = "{key}"
_COUNT: Final = "_count"
_HEADERS: Final = {"Prefer": "handling=strict"}
"""A server that does not support a parameter must say so, and not ignore it (FHIR R4, search, section 3.1.1.3)."""
_JSON_HEADERS: Final = {"Content-Type": MEDIA_TYPE}
_NAME: Final = re.compile(r"_?[A-Za-z][\w.:-]{0,99}", re.ASCII)
_DAY: Final = re.compile(r"\{today(?:\+(\d{1,4}))?\}", re.ASCII)
_ESCAPED: Final = re.compile(r"[\\,|$]")
_FIRST_ERROR: Final = 400
_SUCCESS: Final = range(200, 300)


def check_parameters(place: str, table: FhirSearchTable, *, takes_key: bool) -> None:
    """Refuse parameters that cannot be sent. Raises `NotDeclarableError`."""
    with_key = 0
    for name, value in table.parameters.items():
        texts = [value] if isinstance(value, str) else list(value)
        if not _NAME.fullmatch(name) or name in {_COUNT, "_format", "_summary", "_elements", "_total"}:
            raise NotDeclarableError(f"{place}.parameters", f"'{name}' is not a parameter that a search can have")
        with_key += sum(each.count(KEY) for each in texts)
        for each in texts:
            if "{" in _DAY.sub("", each.replace(KEY, "")):
                raise NotDeclarableError(f"{place}.parameters.{name}", "write {key}, {today} or {today+30} in braces")
    if with_key != int(takes_key):
        fix = (
            "write {key} once, in the parameter that holds it" if takes_key else "no search is for a key; remove {key}"
        )
        raise NotDeclarableError(f"{place}.parameters", fix)


def fill_parameters(table: FhirSearchTable, keys: Sequence[str]) -> dict[str, str | Sequence[str]]:
    """The parameters of a search for some keys: one of them is enough."""
    today = datetime.now(CITY_TIME_ZONE).date()

    def fill(template: str) -> str:
        dated = _DAY.sub(lambda found: (today + timedelta(days=int(found[1] or 0))).isoformat(), template)
        return ",".join(dated.replace(KEY, _escape(each)) for each in keys) if KEY in dated else dated

    filled = {
        name: fill(value) if isinstance(value, str) else [fill(each) for each in value]
        for name, value in table.parameters.items()
    }
    return {**filled, _COUNT: str(table.size)}


def _escape(key: str) -> str:
    """A key without the signs that separate values (FHIR R4, search, section 3.1.1.4.0.1)."""
    return _ESCAPED.sub(lambda found: "\\" + found[0], key)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirSearches:
    """Sends the searches of one table, and reads their pages inside the gate."""

    source: FhirSource
    table: FhirSearchTable
    max_rows: int
    check: CheckRows = lambda _keys, _rows: None
    is_private: bool = False
    """Whether keys are numbers of people, which no address may hold."""

    async def search(self, keys: Sequence[str], call: Call) -> Sequence[Row]:
        """All resources for some keys. Raises `AgencyFailure`."""
        return await self._gather(self.stream(keys, call))

    async def stream(self, keys: Sequence[str], call: Call) -> AsyncGenerator[Sequence[Row]]:
        """The same, page by page."""
        request = self._build_request(fill_parameters(self.table, keys))
        first = await self._ask(request, keys, call)
        async with aclosing(self._walk(request, first, keys, call)) as pages:
            async for page in pages:
                yield page

    async def search_each(self, keys: Sequence[str], call: Call) -> Mapping[str, Sequence[Row] | AgencyFailure]:
        """The resources of each key, asked for in one batch. Raises `AgencyFailure` if all of them failed."""
        entries = [{"request": {"method": "GET", "url": self._write_url([each])}} for each in keys]
        body = write_json({"resourceType": "Bundle", "type": "batch", "entry": entries})
        request = HttpRequest("POST", "", body=body, headers=_JSON_HEADERS, parse_status=OUTCOME_STATUSES)
        replies = await self.source.driver.http.ask_value(request, call, partial(self._parse_batch, keys))
        answers: dict[str, Sequence[Row] | AgencyFailure] = {}
        for key, reply in zip(keys, replies, strict=True):
            if isinstance(reply, AgencyFailure):
                answers[key] = reply
                continue
            own = self._build_request(fill_parameters(self.table, [key]))
            try:
                answers[key] = await self._gather(self._walk(own, reply, [key], call))
            except AgencyFailure as failure:
                answers[key] = failure
        return answers

    async def _gather(self, pages: AsyncGenerator[Sequence[Row]]) -> Sequence[Row]:
        found: list[Row] = []
        async with aclosing(pages):
            async for page in pages:
                found += page
                if len(found) > self.max_rows:
                    raise self._malformed(f"a list of more than {self.max_rows} resources")
        return found

    async def _walk(
        self, request: HttpRequest, page: BundlePage, keys: Sequence[str], call: Call
    ) -> AsyncGenerator[Sequence[Row]]:
        """The rows of each page, from the first one on."""
        seen, count, private = set[str](), page.matches, keys if self.is_private else ()
        yield page.rows
        while (link := page.next_link) is not None:
            if link in seen:
                raise self._malformed("a link to a page that was read already")
            seen.add(link)
            if len(seen) >= self.table.max_pages:
                raise self._malformed(f"a list of more than {self.table.max_pages} pages")
            try:
                linked = self.source.driver.build_linked_request(request, link, private)
            except UnreadableError as error:
                raise self._malformed(str(error)) from None
            page = await self._ask(linked, keys, call)
            count += page.matches
            yield page.rows
        if page.total is not None and count < page.total:
            raise self._malformed(f"a list of {page.total} resources: the pages hold {count}")

    async def _ask(self, request: HttpRequest, keys: Sequence[str], call: Call) -> BundlePage:
        """One page."""
        return await self.source.driver.http.ask_value(request, call, partial(self._parse, keys))

    def _parse(self, keys: Sequence[str], reply: HttpReply, value: object) -> BundlePage:
        if reply.status >= _FIRST_ERROR:
            raise judge_status(self.source.agency, reply.status, value, parse_retry_after(reply))
        return self._read_page(keys, value)

    def _read_page(self, keys: Sequence[str], value: object) -> BundlePage:
        try:
            page = read_search(
                self.source.agency,
                value,
                self.table.resource,
                self.source.driver.bases,
                has_includes=self.table.has_includes,
            )
            self.check(keys, page.rows)
        except UnreadableError as error:
            raise self._malformed(str(error)) from None
        return page

    def _parse_batch(
        self, keys: Sequence[str], reply: HttpReply, value: object
    ) -> Sequence[BundlePage | AgencyFailure]:
        agency = self.source.agency
        if reply.status >= _FIRST_ERROR:
            raise judge_status(agency, reply.status, value)
        try:
            replies = read_batch(agency, value, len(keys))
        except UnreadableError as error:
            raise self._malformed(str(error)) from None
        found = [self._read_reply(key, each) for key, each in zip(keys, replies, strict=True)]
        failures = [each for each in found if isinstance(each, AgencyFailure)]
        if len(failures) == len(found):
            raise failures[0]
        return found

    def _read_reply(self, key: str, reply: BatchReply) -> BundlePage | AgencyFailure:
        if reply.status not in _SUCCESS:
            return judge_status(self.source.agency, reply.status, reply.resource)
        try:
            return self._read_page([key], reply.resource)
        except AgencyFailure as failure:
            return failure

    def _build_request(self, parameters: Mapping[str, str | Sequence[str]]) -> HttpRequest:
        resource = self.table.resource
        if self.table.method == "GET":
            return HttpRequest("GET", resource, query=parameters, headers=_HEADERS, parse_status=OUTCOME_STATUSES)
        return HttpRequest(
            "POST",
            f"{resource}/{SEARCH}",
            form=parameters,
            headers=_HEADERS,
            repeatable=True,
            parse_status=OUTCOME_STATUSES,
        )

    def _write_url(self, keys: Sequence[str]) -> str:
        pairs = list_pairs(fill_parameters(self.table, keys))
        return f"{self.table.resource}?{urlencode(pairs, quote_via=quote)}"

    def _malformed(self, problem: str) -> AgencyMalformed:
        return AgencyMalformed(self.source.agency, problem)
