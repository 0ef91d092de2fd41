"""Declared reads of an open data portal, as calls of its action `datastore_search` over HTTP with JSON.

The action takes filters by column and never SQL. Documentation:
https://docs.ckan.org/en/latest/maintaining/datastore.html#ckanext.datastore.logic.action.datastore_search
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from connectors.declared.ckan.tables import CkanListTable, CkanReadTable, CkanRowsTable
from connectors.declared.domain_reads import KEY, DomainRead, find_plain_type, list_key_parts
from connectors.declared.driver_family import RowSource
from connectors.declared.http.reads import build_http_read, rows_of
from connectors.declared.http.requests import check_http_probe
from connectors.declared.http.rows import HttpSource
from connectors.declared.http.searches import is_search
from connectors.declared.http.tables import KEYS, HttpReadTable, HttpRowsTable, PagingTable, SearchTable
from connectors.declared.python_functions import split_optional
from connectors.declared.read_records import FacetRead, Read
from connectors.declared.search.pages import find_page
from connectors.declared.tables import NotDeclarableError, StatusTable, TroubleTable
from connectors.declared.trouble import build_result_codes
from records.description import get_field_types
from records.identifiers import RegionCode
from records.regions import Coordinates

_ACTION: Final = "api/3/action/datastore_search"
_ROWS: Final = "result.records"
_TROUBLE: Final = TroubleTable(
    code=("success",), success="true", status=StatusTable(refused="404", malformed="400|409")
)
"""A portal answers 404 for a resource that does not exist, and 409 for a column that does not."""
_FIELDS: Final = {"fields": "{columns}"}
_SHARED: Final = ("key", "key_type", "max_rows", "python", "search", "skip_without")
"""Keys that mean the same in a table over HTTP."""
_ANY_TEXT: Final = ".+"
"""Keys are values in JSON, which cannot change the request."""


def build_ckan_read(source: HttpSource, domain_read: DomainRead, table: CkanReadTable) -> Read | FacetRead:
    """Build one read. Raises `NotDeclarableError`."""
    if is_search(domain_read, table):
        return build_http_read(_with_codes(source), domain_read, _to_search(source, domain_read, table))
    return build_http_read(_with_codes(source), domain_read, _to_http(domain_read, table))


def check_ckan_probe(domain_read: DomainRead, table: CkanReadTable, key: object) -> None:
    """Check that the read can be asked for the key of the probe. Raises `NotDeclarableError`."""
    check_http_probe(domain_read, _to_http(domain_read, table), key)


def ckan_rows_of(source: HttpSource, place: str, table: CkanRowsTable, columns: frozenset[str]) -> RowSource:
    """Compile a table of all rows, with these columns. Raises `NotDeclarableError`."""
    rows = HttpRowsTable(path=_ACTION, body=_build_body(table, {}) | _FIELDS, rows=_ROWS, paging=_build_paging(table))
    return rows_of(_with_codes(source), place, rows, columns | {table.id})


def _to_http(domain_read: DomainRead, table: CkanReadTable) -> HttpReadTable:
    place = f"reads.{domain_read.name}"
    if (table.key is None) == (table.search is None):
        raise NotDeclarableError(place, "name the column of the key in `key`, or the field of a `search`")
    parts = list_key_parts(domain_read.key)
    columns = {KEY: table.key} if isinstance(table.key, str) else dict(table.key or {})
    if columns and columns.keys() != parts.keys():
        example = ", ".join(f'{each} = "column"' for each in parts)
        fix = 'name one column: "column"' if parts.keys() == {KEY} else f"name a column of each part: {{ {example} }}"
        raise NotDeclarableError(f"{place}.key", fix)
    filters = {column: KEYS if part == KEY else f"{{{part}}}" for part, column in columns.items()}
    texts = {part: _ANY_TEXT for part in columns if find_plain_type(parts.get(part)) is str}
    is_text = table.key_type == "text"
    return HttpReadTable(
        path=_ACTION,
        body=_build_body(table, filters) | (_FIELDS if table.python is None else {}),
        rows=_ROWS,
        paging=_build_paging(table),
        key_pattern=(_ANY_TEXT if isinstance(table.key, str) else texts) if texts and is_text else None,
        id=table.id if isinstance(table.key, str) else None,
        **{name: getattr(table, name) for name in _SHARED},
    )


def _to_search(source: HttpSource, domain_read: DomainRead, table: CkanReadTable) -> HttpReadTable:
    """A search. The portal compares columns with values; by regions, days and texts, the hub selects."""
    page = find_page(domain_read)
    record = domain_read.record if page is None else page.record
    hints = get_field_types(record)
    source.records.build(domain_read.name, record)  # which must be declared
    columns = source.records.find_table(record)

    def find_column(field: str) -> str | None:
        found = columns[field].columns if field in columns else ()
        return found[0] if len(found) == 1 else None

    equal = {
        column: f"{{{part}}}"
        for part, each in table.filters.items()
        if each.match is None
        and split_optional(hints.get(each.field))[0] not in {RegionCode, Coordinates}
        and (column := find_column(each.field)) is not None
    }
    order = [(find_column(name), direction) for name, _, direction in (each.partition(" ") for each in table.order)]
    sort = ", ".join(f"{_quote(column)} {direction}".strip() for column, direction in order if column is not None)
    if twice := sorted(equal.keys() & table.where.keys()):
        place = f"reads.{domain_read.name}.where.{twice[0]}"
        raise NotDeclarableError(place, "callers select by this column; remove it here, or there")
    return HttpReadTable(
        path=_ACTION,
        body=_build_body(table, equal) | _FIELDS | ({"sort": sort} if sort and table.sorts else {}),
        rows=_ROWS,
        paging=_build_paging(table),
        **{name: getattr(table, name) for name in (*SearchTable.model_fields, *_SHARED)},
    )


def _build_body(table: CkanListTable, keys: Mapping[str, str]) -> dict[str, Any]:
    filters = {**table.where, **keys}
    body: dict[str, Any] = {"resource_id": table.resource, "limit": "{size}", "offset": "{offset}"}
    return body | {"sort": _quote(table.id)} | ({"filters": filters} if filters else {})


def _quote(column: str) -> str:
    return column if column.isidentifier() else f'"{column}"'


def _build_paging(table: CkanListTable) -> PagingTable:
    return PagingTable(by="offset", size=table.size, total="result.total")


def _with_codes(source: HttpSource) -> HttpSource:
    return replace(source, codes=build_result_codes(source.agency, _TROUBLE))
