"""Declared reads over HTTP with JSON: one call for each key, or one call for a list from which keys are selected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any, Final

from connectors.batching.fan_out import ask_in_chunks, fan_out
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts
from connectors.declared.driver_family import RowSource
from connectors.declared.http.list_readers import (
    build_column_reader,
    build_completeness,
    build_keyless_reader,
    build_keys_reader,
    build_list_reader,
    build_reader,
    list_columns,
)
from connectors.declared.http.requests import HttpReadRequest, build_http_request, build_list_request
from connectors.declared.http.row_paths import RowForm
from connectors.declared.http.rows import (
    JSON_REPLIES,
    CheckRows,
    HttpRowCalls,
    HttpSource,
    ReplyPaths,
    ReplyRules,
    list_statuses,
)
from connectors.declared.http.searches import build_http_search, is_search
from connectors.declared.http.tables import MAX_READ_ROWS, HttpCallTable, HttpReadTable
from connectors.declared.python_functions import find_function, split_optional
from connectors.declared.read_records import FacetRead, Read, all_or_failure, answer_keys, only_record, read_or_failure
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.long_work import MAX_IMMEDIATE_ROWS
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.description import get_field_types
from records.search.text_index import TextIndex

_MAX_BATCH_SIZE: Final = 100
"""Maximum number of keys in one call, unless the terms say it."""
_SEARCH: Final = "search"
"""The field of a query with the text to look for."""

Convert = Callable[[Sequence[Row], Any], Awaitable[Any]]
"""From the rows of one key to its answer; None if there is none. Raises `UnreadableError` and `AgencyFailure`."""


def build_http_read(
    source: HttpSource, domain_read: DomainRead, table: HttpReadTable, *, replies: ReplyPaths = JSON_REPLIES
) -> Read | FacetRead:
    """Build one read.

    Raises:
        NotDeclarableError: The request, or what is made of the reply, does not fit what the domain asks.

    """
    build = _build_facet_read if domain_read.facets else _build_record_read
    return build(source, domain_read, table, replies)


def _build_facet_read(
    source: HttpSource, domain_read: DomainRead, table: HttpReadTable, replies: ReplyPaths
) -> FacetRead:
    """A read of some of the records of a key. Each set of them is compiled when it is first wanted."""
    for name in ("python", "search"):
        if getattr(table, name) is not None:
            raise NotDeclarableError(
                f"reads.{domain_read.name}.{name}", "facets are declared records; remove this line"
            )
    compiled: dict[frozenset[type[Any]], Read] = {}

    def find(wanted: frozenset[type[Any]]) -> Read:
        if (found := compiled.get(wanted)) is None:
            facets = tuple(each for each in domain_read.facets if each in wanted)
            found = compiled[wanted] = _build_record_read(source, replace(domain_read, facets=facets), table, replies)
        return found

    find(frozenset(domain_read.facets))  # finds mistakes at the start

    async def read(
        keys: Sequence[Any], wanted: frozenset[type[Any]], call: Call
    ) -> Answers[Any, Mapping[type[Any], Any]]:
        return await find(wanted)(keys, call) if wanted else {}

    return read


def _build_record_read(source: HttpSource, domain_read: DomainRead, table: HttpReadTable, replies: ReplyPaths) -> Read:
    """A read of all records of a key."""
    if is_search(domain_read, table):
        return build_http_search(source, domain_read, table, replies)
    place = f"reads.{domain_read.name}"
    columns = list_columns(source, domain_read, table)
    request = build_http_request(domain_read, table, list_statuses(source.codes), columns)
    is_keyed = bool(request.used) and not request.is_batch
    form = RowForm(max_rows=table.max_rows, may_be_row=is_keyed and not domain_read.is_list, is_xml=replies.is_xml)
    check = _build_row_check(source, domain_read, table, request) if request.used else None
    rules = ReplyRules(paths=replies, form=form, check=check, may_be_missing=is_keyed)
    calls = HttpRowCalls(place, source, table, request.build, rules)
    sought = set() if table.search is None else {_SEARCH}
    selected = {KEY} if isinstance(table.key, str) else set()
    if unused := sorted(list_key_parts(domain_read.key).keys() - request.used - sought - selected):
        fix = "name the column of the key in `key`, or send {key}" if unused == [KEY] else f"send {{{unused[0]}}}"
        raise NotDeclarableError(place, f"the answer would not depend on '{unused[0]}': {fix}")
    if request.is_batch:
        return _build_batch_read(source, domain_read, table, request, calls)
    if request.used:
        return _build_keyed_read(source, domain_read, table, request, calls)
    if table.search is not None:
        return _build_search(source, domain_read, table, calls)
    return _build_selection(source, domain_read, table, request, calls)


def rows_of(
    source: HttpSource,
    place: str,
    table: HttpCallTable,
    columns: frozenset[str],
    *,
    replies: ReplyPaths = JSON_REPLIES,
) -> RowSource:
    """Compile a table of all rows. Raises `NotDeclarableError`."""
    names = source.columns.list_names(columns)
    build_request = build_list_request(place, table, list_statuses(source.codes), names)
    form = RowForm(max_rows=MAX_READ_ROWS, may_be_row=False, is_xml=replies.is_xml)
    return HttpRowCalls(place, source, table, build_request, ReplyRules(paths=replies, form=form)).stream_list


def _build_row_check(
    source: HttpSource, domain_read: DomainRead, table: HttpReadTable, request: HttpReadRequest
) -> CheckRows | None:
    """The check that rows repeat the parts of the key. Raises `NotDeclarableError` if `key` names no part of it."""
    place, check = f"reads.{domain_read.name}.key", source.check
    given = {KEY: table.key} if isinstance(table.key, str) else dict(table.key or {})
    parts = list_key_parts(domain_read.key)
    if unknown := sorted(given.keys() - parts.keys()):
        raise NotDeclarableError(place, f"the key has no part '{unknown[0]}'; it has {', '.join(parts)}")
    if request.is_batch:
        read_key = build_column_reader(source, place, given[KEY]) if given else None
        if read_key is None:
            raise NotDeclarableError(place, "rows for several keys must repeat their key: name its column in `key`")
        return lambda keys, found: check.require_requested(map(read_key, found), keys)
    repeated: list[tuple[Callable[[Row], Sequence[str | None]], Callable[[Any], object]]] = [
        (build_keys_reader(source, place, column), (lambda key: key) if part == KEY else attrgetter(part))
        for part, column in given.items()
    ]

    def check_rows(key: Any, found: Sequence[Row]) -> None:  # noqa: ANN401 - any key of a domain
        for read_keys, find_part in repeated:
            wanted = str(find_part(key))
            if any(wanted not in read_keys(each) for each in found):
                raise check.record_mismatch("a row for a key that was not requested")

    return check_rows if repeated else None


def _build_keyed_read(
    source: HttpSource,
    domain_read: DomainRead,
    table: HttpReadTable,
    request: HttpReadRequest,
    calls: HttpRowCalls,
) -> Read:
    """One call for each key."""
    place = f"reads.{domain_read.name}"
    personal = {part for part, each in list_key_parts(domain_read.key).items() if each in PERSONAL_NUMBERS}
    if table.names_person and personal - ({KEY} if isinstance(table.key, str) else set(table.key or ())):
        raise NotDeclarableError(place, "rows must repeat the number of the person: name its column in `key`")
    if table.search is not None:
        raise NotDeclarableError(f"{place}.search", "it looks in one list for all queries; remove the line")
    convert = (_build_conversion if table.python is None else _build_python_conversion)(source, domain_read, table)
    is_known_form, limit = request.is_known_form, min(table.max_concurrency, source.limits.max_concurrency)

    async def read(keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        async def ask(key: Any) -> Any:  # noqa: ANN401 - any key, any answer
            found = await calls.ask(key, call)
            if found is None:
                return None
            try:
                return await convert(found, key)
            except UnreadableError as error:
                raise AgencyMalformed(source.agency, str(error)) from None

        return await fan_out([key for key in keys if is_known_form(key)], ask, limit=limit)

    return read


def _build_batch_read(
    source: HttpSource,
    domain_read: DomainRead,
    table: HttpReadTable,
    request: HttpReadRequest,
    calls: HttpRowCalls,
) -> Read:
    """One call for several keys."""
    if table.search is not None:
        raise NotDeclarableError(f"reads.{domain_read.name}.search", "it looks in one list for all queries; remove it")
    answer = _build_grouping(source, domain_read, table)
    is_known_form, max_batch_size = request.is_known_form, source.limits.max_batch_size or _MAX_BATCH_SIZE

    async def ask(keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        found = await calls.ask(keys, call)
        return {} if found is None else await answer(found, keys)

    async def read(keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        known = [key for key in keys if is_known_form(key)]
        if not known:
            return {}
        return await ask_in_chunks(known, lambda some: ask(some, call), max_batch_size=max_batch_size)

    return read


def _build_conversion(source: HttpSource, domain_read: DomainRead, table: HttpReadTable) -> Convert:
    reader = build_reader(source, domain_read)
    for place in reader.people:
        raise NotDeclarableError(place, "the number of a person must come from the row: name its column")
    if reader.takes_key and KEY not in list_key_parts(domain_read.key):
        record = reader.record.__name__
        raise NotDeclarableError(f"reads.{domain_read.name}", f"{record} takes {{key}}, but this key has parts")
    read, is_complete = reader.read, build_completeness(source, domain_read, table)
    if domain_read.is_list:
        read_list = build_list_reader(source, domain_read, table, reader)
        return lambda found, key: read_list(found, reader.bind(key) if reader.takes_key else read)

    async def convert_single(found: Sequence[Row], key: Any) -> Any:  # noqa: ANN401 - any key, any answer
        complete = list(filter(is_complete, found))
        row = only_record(source.check, complete) if complete else None
        return row if row is None or isinstance(row, AgencyFailure) else reader.bind(key)(row)

    return convert_single


def _build_python_conversion(source: HttpSource, domain_read: DomainRead, table: HttpReadTable) -> Convert:
    wanted = Sequence[domain_read.record] if domain_read.is_list else domain_read.record  # type: ignore[name-defined]  # a type of the domain
    convert = find_function(f"reads.{domain_read.name}.python", table.python or "", 2, wanted)
    is_complete = build_completeness(source, domain_read, table)

    async def convert_rows(found: Sequence[Row], key: Any) -> Any:  # noqa: ANN401 - any key, any answer
        complete = list(filter(is_complete, found))
        if len(complete) <= MAX_IMMEDIATE_ROWS:
            return convert(complete, key)
        return await source.driver.work.run(partial(convert, complete, key))

    return convert_rows


def _build_search(source: HttpSource, domain_read: DomainRead, table: HttpReadTable, calls: HttpRowCalls) -> Read:
    """One call for the list in which all queries look for their text."""
    place, field = f"reads.{domain_read.name}.search", table.search or ""
    if list_key_parts(domain_read.key) != {_SEARCH: str} or not domain_read.is_list:
        raise NotDeclarableError(place, "the domain does not ask for a list by the text `search`; remove the line")
    if split_optional(get_field_types(domain_read.record).get(field))[0] is not str:
        raise NotDeclarableError(place, f"the record {domain_read.record.__name__} has no text '{field}'")
    reader = build_keyless_reader(source, domain_read, table)
    read_row, read_list = reader.read, build_list_reader(source, domain_read, table, reader)

    async def read(queries: Sequence[Any], call: Call) -> Answers[Any, Any]:
        if not queries:
            return {}
        try:
            records = await read_list(await calls.ask_list(call), read_row)
        except UnreadableError as error:
            raise AgencyMalformed(source.agency, str(error)) from None
        index = TextIndex(records, attrgetter(field))
        return {query: tuple(index.find(query.search)) for query in queries}

    return read


def _build_selection(
    source: HttpSource,
    domain_read: DomainRead,
    table: HttpReadTable,
    request: HttpReadRequest,
    calls: HttpRowCalls,
) -> Read:
    """One call for the list from which the rows of all keys are taken."""
    read_key = build_column_reader(source, f"reads.{domain_read.name}.key", str(table.key))
    answer, is_known_form = _build_grouping(source, domain_read, table), request.is_known_form

    async def read(keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        known = [key for key in keys if is_known_form(key)]
        if not known:
            return {}
        wanted = frozenset(known)
        listed = await calls.ask_list(call)
        try:
            found = [row for row in listed if read_key(row) in wanted]
        except UnreadableError as error:
            raise AgencyMalformed(source.agency, str(error)) from None
        return await answer(found, known)

    return read


def _build_grouping(
    source: HttpSource, domain_read: DomainRead, table: HttpReadTable
) -> Callable[[Sequence[Row], Sequence[Any]], Awaitable[Answers[Any, Any]]]:
    """From rows of several keys to the answer for each of them."""
    place = f"reads.{domain_read.name}"
    if domain_read.is_list and table.id is None:
        raise NotDeclarableError(place, "name the column that identifies a row in `id`")
    read_key = build_column_reader(source, f"{place}.key", str(table.key))
    read_id = read_key if table.id is None else build_column_reader(source, f"{place}.id", table.id)
    read_row = partial(read_or_failure, source.agency, build_keyless_reader(source, domain_read, table).read)
    check, is_complete = source.check, build_completeness(source, domain_read, table)
    choose = all_or_failure if domain_read.is_list else partial(only_record, check)

    async def answer(rows: Sequence[Row], keys: Sequence[Any]) -> Answers[Any, Any]:
        try:
            found = [(read_key(row), read_id(row), row) for row in rows if is_complete(row)]
        except UnreadableError as error:
            raise AgencyMalformed(source.agency, str(error)) from None
        records = await source.driver.work.map([row for _, _, row in found], read_row)
        return answer_keys(check, records, found, keys, choose)

    return answer
