"""Declared reads over GraphQL: entities of a subgraph in one request, fields with a list of keys, or aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final

from connectors.batching.fan_out import ask_in_chunks, fan_out
from connectors.declared.column_syntax import JSON_PATHS, PARENT, find_parent_column, parse_steps
from connectors.declared.domain_reads import KEY, DomainRead, find_plain_type, list_key_parts
from connectors.declared.graphql.calls import (
    ENTITIES,
    FAILURE,
    AliasRequests,
    EntityRequests,
    Entry,
    GraphqlCalls,
    KeyRequests,
    ListRequests,
)
from connectors.declared.graphql.documents import (
    FieldDocument,
    Selection,
    build_arguments,
    check_depth,
    find_connection,
    list_columns,
    list_placeholders,
    select_columns,
    select_page,
    uses_keys,
    write_query,
)
from connectors.declared.graphql.lists import build_graphql_list, build_list_document, build_paging
from connectors.declared.graphql.replies import FindRows, GraphqlCodes, build_row_finder
from connectors.declared.graphql.tables import GraphqlReadTable
from connectors.declared.http.list_readers import build_completeness, build_reader
from connectors.declared.http.paging import MAX_PAGES, Page, PageWalk
from connectors.declared.http.rows import HttpSource
from connectors.declared.http.searches import is_search
from connectors.declared.key_patterns import build_form_check, compile_patterns
from connectors.declared.read_records import FacetRead, Read, all_or_failure, answer_keys, only_record, read_or_failure
from connectors.declared.record_readers import PERSONAL_NUMBERS, RecordReader
from connectors.declared.tables import NotDeclarableError
from connectors.declared.templates import TemplateWriter
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed

_MAX_BATCH_SIZE: Final = 100
"""Maximum number of keys in one request, unless the terms say it."""


def build_graphql_read(source: HttpSource, domain_read: DomainRead, table: GraphqlReadTable) -> Read | FacetRead:
    """Build one read.

    Raises:
        NotDeclarableError: The request, or what is made of the reply, does not fit what the domain asks.

    """
    if _is_list(domain_read, table):
        return build_graphql_list(source, domain_read, table)
    if not domain_read.facets:
        return _GraphqlRead(source, domain_read, table).read
    compiled: dict[frozenset[type[Any]], Read] = {}

    def find(wanted: frozenset[type[Any]]) -> Read:
        if (found := compiled.get(wanted)) is None:
            facets = tuple(each for each in domain_read.facets if each in wanted)
            found = compiled[wanted] = _GraphqlRead(source, replace(domain_read, facets=facets), table).read
        return found

    find(frozenset(domain_read.facets))  # finds mistakes at the start

    async def read(
        keys: Sequence[Any], wanted: frozenset[type[Any]], call: Call
    ) -> Answers[Any, Mapping[type[Any], Any]]:
        return await find(wanted)(keys, call) if wanted else {}

    return read


def check_graphql_probe(domain_read: DomainRead, table: GraphqlReadTable, key: object) -> None:
    """Check that the read can be asked for the key of the probe. Raises `NotDeclarableError`."""
    if not _is_list(domain_read, table) and not _build_form_check(domain_read, table)(key):
        raise NotDeclarableError("probe.key", f"the read {domain_read.name} would not send it; see its key_pattern")


def build_document(source: HttpSource, domain_read: DomainRead, table: GraphqlReadTable) -> FieldDocument:
    """What a read selects, from the columns of its records, and its arguments. Raises `NotDeclarableError`."""
    if _is_list(domain_read, table):
        return build_list_document(source, domain_read, table)
    place, root = f"reads.{domain_read.name}", Selection()
    given = {KEY: table.key} if isinstance(table.key, str) else dict(table.key or {})
    keys = [(f"{place}.key", each) for each in given.values()]
    are_rows_keyed = table.entity is None and not _uses_aliases(table)
    select_columns(root, place, table.rows if are_rows_keyed else "", keys)
    others = [(f"{place}.skip_without", each) for each in table.skip_without]
    others += [(f"{place}.id", table.id)] if table.id is not None else []
    select_columns(root, place, table.rows, [*list_columns(build_reader(source, domain_read)), *others])
    select_page(root, place, table)
    check_depth(place, root)
    kinds = list_key_parts(domain_read.key)
    return FieldDocument(root, build_arguments(place, table, kinds, sends_numbers=table.key_type == "number"))


def _is_list(domain_read: DomainRead, table: GraphqlReadTable) -> bool:
    return is_search(domain_read, table) or table.search is not None


def _uses_aliases(table: GraphqlReadTable) -> bool:
    """Whether each key has the field under an alias."""
    return table.entity is None and not uses_keys(table) and table.takes_batches


def _write_document(document: FieldDocument, name: str, table: GraphqlReadTable, count: int) -> str:
    """The document for a number of keys."""
    selection, arguments = document
    if _uses_aliases(table):
        suffixes = [f"_{index}" for index in range(count)]
        fields = [
            f"k{index}:{table.field}{texts.get('', '')}{selection.write(texts)}"
            for index, texts in enumerate(map(arguments.write, suffixes))
        ]
        return write_query(name, " ".join(map(arguments.declare, suffixes)), fields)
    texts, declared = arguments.write(), arguments.declare()
    if table.entity is None:
        return write_query(name, declared, [f"{table.field}{texts.get('', '')}{selection.write(texts)}"])
    inner = f"{{...on {table.entity}{selection.write(texts)}}}"
    declared = f"$representations:[_Any!]! {declared}".rstrip()
    return write_query(name, declared, [f"{ENTITIES}(representations:$representations){inner}"])


class _GraphqlRead:
    """One read of keys."""

    def __init__(self, source: HttpSource, domain_read: DomainRead, table: GraphqlReadTable) -> None:
        """Compile it. Raises `NotDeclarableError`."""
        self._source, self._read, self._table = source, domain_read, table
        self._place = f"reads.{domain_read.name}"
        self._reader = self._build_reader()
        self._document = build_document(source, domain_read, table)
        self._find_rows = self._build_row_finder()
        self._paging = build_paging(self._place, table)
        self._connection = find_connection(self._place, table) if table.paging and table.paging.by == "relay" else ""
        self._is_known_form = _build_form_check(domain_read, table)
        self._is_complete = build_completeness(source, domain_read, table)  # type: ignore[arg-type] # has the same keys
        self._calls = GraphqlCalls(
            source=source,
            codes=GraphqlCodes(source.agency, source.codes.errors, source.codes.pause),
            form=self._build_form(),
            find_rows=self._find_rows,
        )
        self._is_by_list = isinstance(self._calls.form, ListRequests)
        self._get_id = None if table.id is None else JSON_PATHS.compile(f"{self._place}.id", table.id)
        self._get_key = JSON_PATHS.compile(f"{self._place}.key", table.key) if isinstance(table.key, str) else None

    async def read(self, keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        """The answers for keys. Raises `AgencyFailure`."""
        known = [key for key in keys if self._is_known_form(key)]
        if not known:
            return {}
        limit = self._source.limits.max_batch_size or _MAX_BATCH_SIZE
        size = min(limit, self._table.max_aliases) if _uses_aliases(self._table) else limit
        if isinstance(self._calls.form, ListRequests) and self._calls.form.selects:
            return await self._ask(known, call)
        return await ask_in_chunks(known, lambda some: self._ask(some, call), max_batch_size=size)

    async def _ask(self, keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        start = None if self._paging is None else self._paging.first
        entries = await self._calls.ask(keys, start, call)
        if self._is_by_list:
            listed = await self._complete(keys, entries[0], call)
            if isinstance(listed, AgencyFailure):
                raise listed
            return await self._answer(keys, [(None, each) for each in listed or ()])
        pairs = list(enumerate(entries))
        if self._paging is not None:
            whole = await fan_out(
                [index for index, each in pairs if isinstance(each, Mapping | list)],
                lambda index: self._complete([keys[index]], entries[index], call),
                limit=min(self._table.max_concurrency, self._source.limits.max_concurrency),
            )
            rows_of: Mapping[int, Any] = whole
        else:
            rows_of = {index: self._find_rows(each) for index, each in pairs if isinstance(each, Mapping | list)}
        found = [
            (keys[index], each)
            for index, rows in rows_of.items()
            if not isinstance(rows, AgencyFailure)
            for each in rows
        ]
        answers = dict(await self._answer(keys, found))
        if self._read.is_list:
            empty = [index for index, rows in rows_of.items() if not isinstance(rows, AgencyFailure) and not rows]
            answers |= {keys[index]: () for index in empty}
        failed = {**dict(pairs), **rows_of}
        return answers | {keys[index]: each for index, each in failed.items() if isinstance(each, AgencyFailure)}

    async def _complete(self, keys: Sequence[Any], entry: Entry, call: Call) -> Sequence[Row] | AgencyFailure | None:
        """All rows of an entry, with those of the pages that follow. Raises `AgencyFailure`."""
        if entry is None or isinstance(entry, AgencyFailure):
            return entry
        rows = self._find_rows(entry)
        if self._paging is None:
            return rows
        agency, walk, total = self._source.agency, PageWalk(self._paging), 0
        found: list[Row] = []
        for _ in range(MAX_PAGES):
            found += rows
            total = len(found)
            if total > self._table.max_rows:
                raise AgencyMalformed(agency, f"a list of more than {self._table.max_rows} rows on its pages")
            try:
                if not walk.advance(Page(rows, self._find_connection(entry))):
                    return found
            except UnreadableError as error:
                raise AgencyMalformed(agency, str(error)) from None
            entry = (await self._calls.ask(keys, walk.position, call))[0]
            if isinstance(entry, AgencyFailure):
                return entry
            if entry is None:
                raise AgencyMalformed(agency, "a page that the one before announced")
            rows = self._find_rows(entry)
        raise AgencyMalformed(agency, f"a list of more than {MAX_PAGES} pages")

    def _find_connection(self, entry: Any) -> object:  # noqa: ANN401 - any JSON
        for name in self._connection.split(".") if self._connection else ():
            entry = entry.get(name) or {}
        return entry

    async def _answer(self, keys: Sequence[Any], found: Sequence[tuple[Any, Row]]) -> Answers[Any, Any]:
        """The answers of the keys, from rows with their key; None for a row that holds its key itself."""
        agency, check, get_id = self._source.agency, self._source.check, self._get_id
        rows: list[tuple[Any, Any, Row]] = []
        try:
            for index, (key, row) in enumerate(found):
                own = self._read_row_key(row) if key is None else str(key)
                if self._is_complete(row) and (key is not None or own in keys):
                    rows.append((own, index if get_id is None else text(get_id(row)), row))
        except UnreadableError as error:
            raise AgencyMalformed(agency, str(error)) from None
        by_text = {str(key): key for key in keys}
        readers = {own: self._reader.bind(by_text.get(own)) for own, _, _ in rows}

        def read_row(entry: tuple[Any, Any, Row]) -> Any:  # noqa: ANN401 - any record
            own, _, row = entry
            return row.get(FAILURE) or read_or_failure(agency, readers[own], row)

        records = await self._source.driver.work.map(rows, read_row)
        choose = all_or_failure if self._read.is_list else partial(only_record, check)
        answers = answer_keys(check, records, rows, list(by_text), choose)
        return {by_text[own]: answer for own, answer in answers.items()}

    def _read_row_key(self, row: Row) -> str | None:
        return None if self._get_key is None else text(self._get_key(row))

    def _build_reader(self) -> RecordReader[Any]:
        reader = build_reader(self._source, self._read)
        for place in reader.people:
            raise NotDeclarableError(place, "the number of a person must come from the reply: name its field")
        parts = list_key_parts(self._read.key)
        if reader.takes_key and KEY not in parts:
            raise NotDeclarableError(self._place, f"{reader.record.__name__} takes {{key}}, but this key has parts")
        return reader

    def _build_row_finder(self) -> FindRows:
        steps = [name for name, _ in parse_steps(f"{self._place}.rows", self._table.rows)] if self._table.rows else []
        selection = self._document.selection
        for name in steps:
            selection = selection.fields[name]
        columns = [column for _, column in list_columns(self._reader)]
        return build_row_finder(
            f"{self._place}.rows",
            self._table.rows,
            frozenset(selection.fields),
            max_rows=self._table.max_rows,
            has_outer=any(find_parent_column(each) is not None for each in columns),
        )

    def _build_form(self) -> KeyRequests:
        place, table, read = self._place, self._table, self._read
        parts = list_key_parts(read.key)
        writer = TemplateWriter(
            {name: find_plain_type(kind) for name, kind in parts.items()},
            compile_patterns(place, table, parts).texts,
            page=list_placeholders(place, table),
            sends_numbers=table.key_type == "number",
        )
        variables = self._document.arguments.build(writer)
        name = "".join(each.title() for each in read.name.split("_"))
        document = cache(partial(_write_document, self._document, name, table))
        given = {KEY: table.key} if isinstance(table.key, str) else dict(table.key or {})
        if unknown := sorted(given.keys() - parts.keys()):
            raise NotDeclarableError(f"{place}.key", f"the key has no part '{unknown[0]}'; it has {', '.join(parts)}")
        is_of_key = _build_key_check(place, given)
        if table.entity is not None:
            if given.keys() != parts.keys():
                raise NotDeclarableError(f"{place}.key", f"name a field for each part: {', '.join(parts)}")
            represent = _build_representation(place, table, given)
            return EntityRequests(document=document, variables=variables, represent=represent, is_of_key=is_of_key)
        sent = {KEY if each == "keys" else each for each in writer.used}
        if unsent := sorted(parts.keys() - sent - (given.keys() if len(parts) == 1 else set())):
            raise NotDeclarableError(place, f"the answer would not depend on '{unsent[0]}': send {{{unsent[0]}}}")
        if _uses_aliases(table):
            if any(kind in PERSONAL_NUMBERS for part, kind in parts.items() if part not in given):
                raise NotDeclarableError(place, "the field must repeat the number of the person: name it in `key`")
            return AliasRequests(document=document, variables=variables, is_of_key=is_of_key if given else None)
        if not isinstance(table.key, str):
            raise NotDeclarableError(f"{place}.key", "rows of several keys must repeat their key: name its field")
        return ListRequests(
            document=document,
            variables=variables,
            field=table.field or "",
            read_key=self._read_row_key,
            find_rows=self._find_rows,
            selects=not uses_keys(table),
            row_depth=2 + (len(parse_steps(f"{place}.rows", table.rows)) if table.rows else 0),
        )


def _build_form_check(domain_read: DomainRead, table: GraphqlReadTable) -> Callable[[Any], bool]:
    parts = list_key_parts(domain_read.key)
    patterns = compile_patterns(f"reads.{domain_read.name}", table, parts)
    return build_form_check(patterns.select_checked(parts.keys()))


def _build_key_check(place: str, given: Mapping[str, str]) -> Callable[[Row, Any], bool]:
    readers: list[tuple[Callable[[Row], object], Callable[[Any], object]]] = [
        (JSON_PATHS.compile(f"{place}.key", column), (lambda key: key) if part == KEY else attrgetter(part))
        for part, column in given.items()
    ]
    return lambda row, key: all(text(read(row)) == str(find(key)) for read, find in readers)


def _build_representation(
    place: str, table: GraphqlReadTable, given: Mapping[str, str]
) -> Callable[[Any], Mapping[str, Any]]:
    """From a key to the representation; `sekolah.npsn` is a field within an object."""
    if any(PARENT in column or "[" in column for column in given.values()):
        raise NotDeclarableError(f"{place}.key", "name the fields of the @key, such as npsn or sekolah.npsn")
    is_number = table.key_type == "number"

    def represent(key: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any key
        found: dict[str, Any] = {"__typename": table.entity}
        for part, column in given.items():
            value = key if part == KEY else getattr(key, part)
            *outer, last = column.split(".")
            at = found
            for name in outer:
                at = at.setdefault(name, {})
            at[last] = int(value) if is_number else value
        return found

    return represent
