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
from connectors.declared.http.tables import KEYS, HttpReadTable, HttpRowsTable, PagingTable
from connectors.declared.read_records import FacetRead, Read
from connectors.declared.tables import NotDeclarableError, StatusTable, TroubleTable
from connectors.declared.trouble import build_result_codes

_ACTION: Final = "api/3/action/datastore_search"
_ROWS: Final = "result.records"
_TROUBLE: Final = TroubleTable(code="success", success="true", status=StatusTable(refused="404", malformed="400|409"))
"""A portal answers 404 for a resource that does not exist, and 409 for a column that does not."""
_FIELDS: Final = {"fields": "{columns}"}
_ANY_TEXT: Final = ".+"
"""Keys are values in JSON, which cannot change the request."""


def build_ckan_read(source: HttpSource, domain_read: DomainRead, table: CkanReadTable) -> Read | FacetRead:
    """Build one read. Raises `NotDeclarableError`."""
    return build_http_read(_with_codes(source), domain_read, _to_http(domain_read, table))


def check_ckan_probe(domain_read: DomainRead, table: CkanReadTable, key: str) -> None:
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
        max_rows=table.max_rows,
        key=table.key,
        key_type=table.key_type,
        key_pattern=(_ANY_TEXT if isinstance(table.key, str) else texts) if texts and is_text else None,
        id=table.id if isinstance(table.key, str) else None,
        search=table.search,
        skip_without=table.skip_without,
        python=table.python,
    )


def _build_body(table: CkanListTable, keys: Mapping[str, str]) -> dict[str, Any]:
    filters = {**table.filters, **keys}
    sort = table.id if table.id.isidentifier() else f'"{table.id}"'
    body: dict[str, Any] = {"resource_id": table.resource, "limit": "{size}", "offset": "{offset}", "sort": sort}
    return body | ({"filters": filters} if filters else {})


def _build_paging(table: CkanListTable) -> PagingTable:
    return PagingTable(by="offset", size=table.size, total="result.total")


def _with_codes(source: HttpSource) -> HttpSource:
    return replace(source, codes=build_result_codes(source.agency, _TROUBLE))
