"""Declared searches over HTTP: the agency selects by what it is sent, the hub checks it, and selects by the rest.

A page begins after a record, by the fields of `order`. If the agency's pages begin elsewhere (an offset, a number, a
cursor, a link), the hub remembers where the page of a record began. If it does not know, or rows moved, it looks for
the record from the first page on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from datetime import date
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, get_origin

from connectors.batching.fan_out import fan_out
from connectors.declared.domain_reads import DomainRead, find_plain_type, list_key_parts
from connectors.declared.http.list_readers import build_keyless_reader, build_list_reader, list_columns
from connectors.declared.http.paging import Place
from connectors.declared.http.requests import ANY_TEXT, SearchForm, build_search_request
from connectors.declared.http.row_paths import RowForm
from connectors.declared.http.rows import HttpRowCalls, HttpSource, ReplyPaths, ReplyRules, list_statuses
from connectors.declared.http.search_pages import (
    FoundRecord,
    FoundRecords,
    RecordOrder,
    SearchedPart,
    SearchPages,
    write_date,
    write_position,
)
from connectors.declared.http.tables import HttpReadTable, SearchTable
from connectors.declared.key_patterns import compile_patterns
from connectors.declared.python_functions import split_optional
from connectors.declared.read_records import Read
from connectors.declared.search.pages import (
    AFTER,
    FIRST,
    NEAR,
    SEARCH,
    SearchPage,
    find_page,
    find_single_type,
    find_size,
    is_given,
    list_words,
    parse_order,
)
from connectors.declared.search.record_filters import RecordFilter, build_record_filter
from connectors.declared.tables import FilterTable, NotDeclarableError, RecordTable
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers, CountedList
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.distances import measure_metres
from records.identifiers import RegionCode

_LIST_TEXT: Final = re.compile(r"[^\0,]{1,200}")
"""Texts of which several are sent, perhaps with commas between them."""
_MAX_PLACES: Final = 1_000
"""Pages of one read whose place at the agency is remembered."""

Send = Callable[[Any], Any]
"""From the value of a part to what is sent; None for a value that the agency cannot have."""


def is_search(domain_read: DomainRead, table: SearchTable) -> bool:
    """Whether a read takes queries whose parts select records of one list."""
    return bool(table.filters or table.order) or FIRST in list_key_parts(domain_read.key)


def build_http_search(source: HttpSource, domain_read: DomainRead, table: HttpReadTable, replies: ReplyPaths) -> Read:
    """Build a read for queries of the domain.

    Raises:
        NotDeclarableError: A part of the query selects nothing, or cannot be compared with a field.

    """
    place, parts, page = f"reads.{domain_read.name}", list_key_parts(domain_read.key), find_page(domain_read)
    for name in ("key", "python"):
        if getattr(table, name):
            raise NotDeclarableError(f"{place}.{name}", "a search takes queries, not keys; remove this line")
    listed = replace(domain_read, record=domain_read.record if page is None else page.record, is_list=True)
    reader = build_keyless_reader(source, listed, table)
    read_list = build_list_reader(source, listed, table, reader)
    order = _build_order(place, parts, table)
    filters = dict(table.filters)
    if table.search is not None:
        filters[SEARCH] = FilterTable(field=table.search)
    if unknown := sorted(filters.keys() - parts.keys() | filters.keys() & {FIRST, AFTER}):
        known = ", ".join(each for each in parts if each not in {FIRST, AFTER})
        raise NotDeclarableError(f"{place}.filters.{unknown[0]}", f"the query has no such part; it has {known}")
    senders = _build_senders(place, parts, filters, table, source.records.find_table(reader.record))
    form = SearchForm(
        types={name: kind for name, (kind, _) in senders.items()},
        position=_list_placeholders(parts, order),
        columns=list_columns(source, listed, table),
    )
    build, used = build_search_request(place, table, list_statuses(source.codes), form)
    _require_all_parts(place, parts.keys() - {FIRST, AFTER}, filters, used)
    row_form = RowForm(max_rows=table.max_rows, may_be_row=False, is_xml=replies.is_xml)
    rules = ReplyRules(paths=replies, form=row_form)
    search = _HttpSearch(
        pages=SearchPages(
            source=source,
            calls=HttpRowCalls(place, source, table, build, rules),
            table=table,
            order=order,
            read=lambda found: read_list(found, reader.read),
        ),
        page=page,
        has_size=FIRST in parts,
        near_field=filters[NEAR].field if NEAR in filters else "",
        filters={
            part: build_record_filter(f"{place}.filters.{part}", part, parts[part], reader.record, each)
            for part, each in filters.items()
        },
        senders={name: senders[name][1] for name in used},
    )
    limit = min(table.max_concurrency, source.limits.max_concurrency)

    async def read(queries: Sequence[Any], call: Call) -> Answers[Any, Any]:
        return await fan_out(queries, lambda query: search.ask(query, call), limit=limit)

    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class _HttpSearch:
    """Answers the queries of one read."""

    pages: SearchPages
    page: SearchPage | None
    has_size: bool
    near_field: str
    filters: Mapping[str, RecordFilter]
    senders: Mapping[str, Send]
    """Of the parts that are sent."""
    places: dict[object, Place] = field(default_factory=dict)
    """Where the pages of records began, by the query and the position of the record."""

    async def ask(self, query: Any, call: Call) -> Any:  # noqa: ANN401 - a query and an answer of the domain
        """The answer to a query. Raises `AgencyFailure`."""
        size, found = find_size(query) if self.has_size else None, FoundRecords()
        asked = self._build(query, size)
        if asked is not None and size != 0:
            try:
                found = await self._find(query, asked, call)
            except UnreadableError as error:
                raise AgencyMalformed(self.pages.source.agency, str(error)) from None
        near, order = getattr(query, NEAR, None), self.pages.order
        if near is not None:
            found.records.sort(key=lambda each: measure_metres(near, getattr(each.record, self.near_field)))
        elif order is not None and not self.pages.table.sorts:
            order.sort(found.records)
        records = tuple(each.record for each in found.records[:size])
        if self.page is None:
            return records if found.total is None or size is None else CountedList.build(records, found.total)
        total = {} if self.page.total_field is None else {self.page.total_field: found.total}
        has_more = len(found.records) > len(records)
        return self.page.page(**{self.page.records_field: records, self.page.more_field: has_more}, **total)

    async def _find(self, query: Any, asked: SearchedPart, call: Call) -> FoundRecords:  # noqa: ANN401 - a query of the domain
        pages = self.pages
        if pages.is_by_record:
            start = None if asked.after is None else Place(write_position(asked.after), 0)
            return await pages.find(asked, call, start) or FoundRecords()
        if pages.order is None or pages.calls.paging is None or asked.wanted is None:
            return await pages.find(asked, call, None) or FoundRecords()
        whole = replace(query, after=None, **({FIRST: 0} if self.has_size else {}))
        start = self.places.get((whole, asked.after))
        found = await pages.find(asked, call, start) or await pages.find(asked, call, None) or FoundRecords()
        self._remember(whole, found.records[: asked.wanted][-2:])
        return found

    def _remember(self, whole: object, last: Sequence[FoundRecord]) -> None:
        """Remember the places of the last records of a page, after which the next one begins."""
        if len(self.places) >= _MAX_PLACES:
            self.places.clear()
        self.places.update({(whole, each.position): each.place for each in last if each.place is not None})

    def _build(self, query: Any, size: int | None) -> SearchedPart | None:  # noqa: ANN401 - a query of the domain
        """What a query asks for; None if no record can be found."""
        given = {
            name: value for name in self.filters.keys() | self.senders.keys() if is_given(value := getattr(query, name))
        }
        sent = {name: send(given[name]) if name in given else None for name, send in self.senders.items()}
        if any(sent[name] is None for name in given.keys() & sent.keys()):
            return None
        filters = {name: each for name, each in self.filters.items() if name in given}
        after, order = getattr(query, AFTER, None), self.pages.order
        try:
            position = None if after is None or order is None else order.locate(after)
        except UnreadableError:
            return None
        is_whole = size is None or NEAR in filters or not self.pages.table.sorts
        remaining = [
            each.build(given[name])
            for name, each in filters.items()
            if name not in sent or each.proof is not each.build
        ]
        is_rest = position is not None and self.pages.is_by_record
        return SearchedPart(
            sent=SimpleNamespace(**sent),
            applied=[each.proof(given[name]) for name, each in filters.items() if name in sent],
            remaining=remaining,
            is_counted=not (remaining or is_rest or self.pages.table.skip_without),
            after=position,
            wanted=None if is_whole or size is None else size + (self.page is not None),
        )


def _build_order(place: str, parts: Mapping[str, object], table: HttpReadTable) -> RecordOrder | None:
    if AFTER in parts:
        return RecordOrder(parse_order(place, parts, table.order), table.key_type == "number")
    if table.order:
        raise NotDeclarableError(f"{place}.order", "the domain asks for no pages; remove this line")
    return None


def _list_placeholders(parts: Mapping[str, object], order: RecordOrder | None) -> Sequence[str]:
    """The placeholders of a position: `{after}` if it is one value, else one for each field."""
    if order is None:
        return ()
    is_text = not is_dataclass(split_optional(parts[AFTER])[0])
    return (AFTER,) if is_text else [f"{AFTER}_{each}" for each in order.fields]


def _require_all_parts(place: str, parts: set[str], filters: Mapping[str, FilterTable], used: frozenset[str]) -> None:
    """Raise `NotDeclarableError` for a part on which the answer does not depend, or not provably."""
    if unused := sorted(parts - filters.keys() - used):
        fix = f'send {{{unused[0]}}}, or write filters = {{ {unused[0]} = "field" }}'
        raise NotDeclarableError(place, f"the answer would not depend on '{unused[0]}': {fix}")
    if unproven := sorted(used - filters.keys() - {SEARCH}):
        fix = f'name the field that shows it: filters = {{ {unproven[0]} = "field" }}'
        raise NotDeclarableError(place, f"the agency could ignore '{unproven[0]}': {fix}")


def _build_senders(
    place: str,
    parts: Mapping[str, object],
    filters: Mapping[str, FilterTable],
    table: HttpReadTable,
    columns: RecordTable,
) -> Mapping[str, tuple[object, Send]]:
    """How each part of a query is sent, with its type in a request. Raises `NotDeclarableError`."""
    kinds = {name: find_single_type(each) for name, each in parts.items() if name not in {FIRST, AFTER, NEAR}}
    plain = {name: find_plain_type(kind) for name, kind in kinds.items()}
    given = compile_patterns(place, table.model_copy(update={"key_type": "text"}), kinds)
    patterns = {name: given.texts[name] for name in given.declared}
    found: dict[str, tuple[object, Send]] = {}
    for name, kind in kinds.items():
        column = columns.get(filters[name].field) if name in filters else None
        words = None if column is None or name == SEARCH else list_words(f"{place}.filters.{name}", kind, column)
        if words is not None and kind is RegionCode:
            words = _add_regions_around(words)
        is_list = get_origin(split_optional(parts[name])[0]) is tuple
        write = partial(_write_value, words, patterns.get(name, _LIST_TEXT if is_list else ANY_TEXT))
        if is_list or words is not None:
            found[name] = (tuple, partial(_send_list, write, is_list=is_list))
        elif plain[name] is int:
            found[name] = (int, lambda value: value)
        else:
            found[name] = (str, partial(_send_text, write))
    return found


def _add_regions_around(words: Mapping[object, Sequence[str]]) -> Mapping[object, Sequence[str]]:
    """The words of all regions inside a region."""
    found: dict[object, list[str]] = {}
    for code, written in words.items():
        levels = str(code).split(".")
        for end in range(1, len(levels) + 1):
            found.setdefault(".".join(levels[:end]), []).extend(written)
    return found


def _write_value(
    words: Mapping[object, Sequence[str]] | None, pattern: re.Pattern[str], value: object
) -> Sequence[str]:
    """The agency's words for a value; none if it cannot have it."""
    if words is not None:
        return words.get(value, ())
    text = write_date(value) if isinstance(value, date) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return [text] if pattern.fullmatch(text) else ()


def _send_text(write: Callable[[object], Sequence[str]], value: object) -> str | None:
    return next(iter(write(value)), None)


def _send_list(write: Callable[[object], Sequence[str]], value: Any, *, is_list: bool) -> Sequence[str] | None:  # noqa: ANN401 - any part
    return [word for each in (value if is_list else (value,)) for word in write(each)] or None
