"""Declared lists over GraphQL: searches, and all rows for a snapshot, as calls of the HTTP family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.declared.column_syntax import JSON_PATHS, find_parent_column
from connectors.declared.domain_reads import DomainRead, find_plain_type, list_key_parts
from connectors.declared.driver_family import RowSource
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
    write_query,
)
from connectors.declared.graphql.replies import GraphqlCodes
from connectors.declared.graphql.tables import GraphqlCallTable, GraphqlReadTable, GraphqlRowsTable
from connectors.declared.http.list_readers import build_reader
from connectors.declared.http.paging import Paging
from connectors.declared.http.reads import build_http_read, rows_of
from connectors.declared.http.rows import HttpSource
from connectors.declared.http.tables import HttpReadTable, HttpRowsTable, PagingTable, SearchTable
from connectors.declared.python_functions import split_optional
from connectors.declared.read_records import FacetRead, Read
from connectors.declared.search.pages import find_page
from connectors.declared.tables import NotDeclarableError
from connectors.declared.templates import VerbatimText

_SHARED = ("key_pattern", "max_concurrency", "search", "skip_without", "id", *SearchTable.model_fields)
"""Keys that mean the same in a table over HTTP."""


def build_graphql_list(source: HttpSource, domain_read: DomainRead, table: GraphqlReadTable) -> Read | FacetRead:
    """Build a read for queries of the domain. Raises `NotDeclarableError`."""
    document = build_list_document(source, domain_read, table)
    shared = {name: getattr(table, name) for name in _SHARED}
    asked = HttpReadTable(**_build_call(f"reads.{domain_read.name}", table, document), **shared)
    return build_http_read(_with_codes(source), domain_read, asked)


def build_list_document(source: HttpSource, domain_read: DomainRead, table: GraphqlReadTable) -> FieldDocument:
    """What a search selects, and its arguments. Raises `NotDeclarableError`."""
    place = f"reads.{domain_read.name}"
    if table.field is None:
        raise NotDeclarableError(f"{place}.entity", "a search asks a field of Query: write field = ...")
    page = find_page(domain_read)
    listed = replace(domain_read, record=domain_read.record if page is None else page.record, facets=())
    columns = list_columns(build_reader(source, listed))
    columns += [(f"{place}.skip_without", each) for each in table.skip_without]
    columns += [(f"{place}.id", table.id)] if table.id is not None else []
    kinds = {name: find_plain_type(split_optional(each)[0]) for name, each in list_key_parts(domain_read.key).items()}
    return build_field_document(place, table, columns, kinds)


def build_field_document(
    place: str, table: GraphqlCallTable, columns: Sequence[tuple[str, str]], kinds: Mapping[str, object]
) -> FieldDocument:
    """What a list selects, with these columns at their places in the manifest. Raises `NotDeclarableError`."""
    root = Selection()
    for where, column in columns:
        if find_parent_column(column) is not None:
            raise NotDeclarableError(where, "a list is in no entity; name a field of the row")
    select_columns(root, place, table.rows, columns)
    select_page(root, place, table)
    check_depth(place, root)
    return FieldDocument(root, build_arguments(place, table, kinds, sends_numbers=False))


def graphql_rows_of(source: HttpSource, place: str, table: GraphqlRowsTable, columns: frozenset[str]) -> RowSource:
    """Compile a table of all rows, with these columns. Raises `NotDeclarableError`."""
    document = build_field_document(place, table, [(f"{place}.rows", each) for each in sorted(columns)], {})
    return rows_of(_with_codes(source), place, HttpRowsTable(**_build_call(place, table, document)), columns)


def build_paging(place: str, table: GraphqlCallTable) -> Paging | None:
    """How the pages within a field or entity follow each other. Raises `NotDeclarableError`."""
    return None if table.paging is None else Paging(place, to_paging(table, ""), JSON_PATHS)


def to_paging(table: GraphqlCallTable, path: str) -> PagingTable:
    """The paging of a connection at a path in the reply."""
    given, at = table.paging, f"{path}." if path else ""
    if given is None:
        raise TypeError("a list without pages")
    total = None if given.total is None else f"{at}{given.total}"
    if given.by == "offset":
        return PagingTable(by="offset", size=given.size, total=total)
    info = f"{at}pageInfo"
    return PagingTable(by="cursor", size=given.size, total=total, at=f"{info}.endCursor", more=f"{info}.hasNextPage")


def _build_call(place: str, table: GraphqlCallTable, document: FieldDocument) -> dict[str, Any]:
    selection, arguments = document
    texts, field = arguments.write(), table.field or ""
    name = "".join(each.title() for each in place.replace(".", "_").split("_"))
    query = write_query(name, arguments.declare(), [f"{field}{texts.get('', '')}{selection.write(texts)}"])
    list_placeholders(place, table)
    paging = None
    if table.paging is not None:
        inner = find_connection(place, table) if table.paging.by == "relay" else ""
        paging = to_paging(table, ".".join(each for each in ("data", field, inner) if each))
    return {
        "path": "",
        "body": {"query": VerbatimText(query), "variables": dict(arguments.templates)},
        "rows": ".".join(each for each in ("data", field, table.rows) if each),
        "paging": paging,
        "max_rows": table.max_rows,
    }


def _with_codes(source: HttpSource) -> HttpSource:
    return replace(source, codes=GraphqlCodes(source.agency, source.codes.errors, source.codes.pause))
