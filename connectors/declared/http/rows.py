"""The rows of declared calls over HTTP, checked inside the gate: a reply that is no answer counts at the breaker."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from connectors.declared.column_syntax import JSON_PATHS, ColumnSyntax
from connectors.declared.driver_family import Source
from connectors.declared.http.paging import MAX_PAGES, Page, PageWalk, Paging, find_next_link
from connectors.declared.http.requests import BuildRequest, StatusUse
from connectors.declared.http.row_paths import RowForm, build_row_finder
from connectors.declared.http.tables import HttpCallTable
from connectors.declared.trouble import NoResultCodes, Outcome, ResultCodes
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply, parse_retry_after
from connectors.drivers.http.service import HttpRequest
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused

_NOT_FOUND: Final = 404
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_FAILURES_OF_DRIVER: Final = frozenset({401, 403, 407, 429})
"""Statuses below 500 that the driver raises."""

HttpSource = Source[HttpDriver]
CheckRows = Callable[[Any, Sequence[Row]], None]
"""Checks rows against their key, or keys. Raises `AgencyMalformed` and `UnreadableError`."""


def list_statuses(codes: ResultCodes | NoResultCodes) -> StatusUse:
    """The statuses from 400 to which result codes give a meaning."""
    return StatusUse(
        accepted=[each for each in codes.statuses if each >= _FIRST_SERVER_ERROR or each in _FAILURES_OF_DRIVER],
        parsed=[status for status, each in codes.statuses.items() if each is Outcome.SUCCESS],
        answer_type=codes.answer_type,
    )


@dataclass(frozen=True, slots=True)
class ReplyPaths:
    """How paths in replies are written."""

    columns: ColumnSyntax
    is_xml: bool = False


JSON_REPLIES: Final = ReplyPaths(JSON_PATHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRules:
    """What replies may be."""

    paths: ReplyPaths
    form: RowForm
    check: CheckRows | None = None
    may_be_missing: bool = False
    """Whether HTTP 404 means an absent record."""


class HttpRowCalls:
    """Calls the agency for the rows of one list or read."""

    def __init__(
        self, place: str, source: HttpSource, table: HttpCallTable, build_request: BuildRequest, rules: ReplyRules
    ) -> None:
        """`place` is that of the table in the manifest. Raises `NotDeclarableError` for a path that cannot be read."""
        self._source = source
        self.build: Final = build_request
        self._find_rows = build_row_finder(f"{place}.rows", table.rows, rules.form)
        self._check = rules.check
        self._may_be_missing = rules.may_be_missing
        self._max_rows = table.max_rows
        self.paging: Final = None if table.paging is None else Paging(place, table.paging, rules.paths.columns)
        self._is_linked = self.paging is not None and self.paging.is_linked
        self._judge = source.codes.require if isinstance(source.codes, ResultCodes) else None

    async def ask(self, key: Any, call: Call) -> Sequence[Row] | None:  # noqa: ANN401 - any key of a domain, or several
        """All rows for a key, or keys; None for an absent record. Raises `AgencyFailure`."""
        if self.paging is None:
            page = await self.ask_page(self.build(key, None), key, call, may_be_missing=self._may_be_missing)
            return page and page.rows
        found: list[Row] = []
        async with aclosing(self._walk(self.paging, key, call)) as pages:
            async for page in pages:
                if page is None:
                    return None
                found += page.rows
                if len(found) > self._max_rows:
                    problem = f"a list of more than {self._max_rows} rows on its pages"
                    raise AgencyMalformed(self._source.agency, problem)
        return found

    async def ask_list(self, call: Call) -> Sequence[Row]:
        """The rows of a list for all keys. Raises `AgencyFailure`."""
        return await self.ask(None, call) or ()

    async def stream_list(self, call: Call) -> AsyncGenerator[Sequence[Row]]:
        """The rows of such a list, page by page. Raises `AgencyFailure`."""
        if self.paging is None:
            yield await self.ask_list(call)
            return
        async with aclosing(self._walk(self.paging, None, call)) as pages:
            async for page in pages:
                if page is not None:
                    yield page.rows

    async def _walk(self, paging: Paging, key: Any, call: Call) -> AsyncGenerator[Page | None]:  # noqa: ANN401 - any key of a domain
        """Each page. The first is None for an absent record."""
        walk = PageWalk(paging)
        request, may_be_missing = self.build(key, walk.position), self._may_be_missing
        for index in range(MAX_PAGES):
            page = await self.ask_page(request, key, call, may_be_missing=may_be_missing)
            if page is None and not index:
                yield None
                return
            try:
                has_next = walk.end() if page is None else walk.advance(page)
                if has_next:
                    request = self.build_next(request, key, walk.position)
            except UnreadableError as error:
                raise AgencyMalformed(self._source.agency, str(error)) from None
            if page is not None:
                yield page
            if not has_next:
                return
            may_be_missing = True  # some agencies have no page after the last
        raise AgencyMalformed(self._source.agency, f"a list of more than {MAX_PAGES} pages")

    def build_next(self, request: HttpRequest, key: Any, position: Any) -> HttpRequest:  # noqa: ANN401 - any key of a domain, and any position
        """The request for the page at a position, after another request. Raises `UnreadableError`."""
        if self.paging is None or self.paging.by != "next":
            return self.build(key, position)
        try:
            return self._source.driver.build_linked_request(request, position)
        except ValueError:
            raise UnreadableError("a link to a page at the same origin") from None

    async def ask_page(self, request: HttpRequest, key: Any, call: Call, *, may_be_missing: bool) -> Page | None:  # noqa: ANN401 - any key of a domain
        """One page; None if it is absent, which HTTP 404 means for a page that may be missing."""
        page = await self._source.driver.ask_value(request, call, partial(self._parse, key))
        if page is None and not may_be_missing:
            raise AgencyRefused(self._source.agency, f"HTTP {_NOT_FOUND}")
        return page or None

    def _parse(self, key: Any, reply: HttpReply, value: object) -> Page | Literal[False] | None:  # noqa: ANN401 - any key of a domain
        """The page in a reply; None for HTTP 404, False for a result code of an absent record."""
        codes = self._source.codes
        if reply.status >= _FIRST_ERROR and not (codes.answer_type and value is not None):
            if reply.status in codes.statuses:
                if not codes.require_status(reply.status, parse_retry_after(reply)):
                    return False
            elif reply.status == _NOT_FOUND:
                return None
            else:
                raise AgencyRefused(self._source.agency, f"HTTP {reply.status}")
        try:
            if self._judge is not None and not self._judge(value, parse_retry_after(reply)):
                return False
            found = self._find_rows(value)
            if self._check is not None:
                self._check(key, found)
        except UnreadableError as error:
            raise AgencyMalformed(self._source.agency, str(error)) from None
        return Page(found, value, find_next_link(reply.headers.get("Link", "")) if self._is_linked else None)
