"""The tables of a manifest for an open data portal (CKAN, https://docs.ckan.org/en/latest/maintaining/datastore.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from connectors.declared.http.tables import MAX_READ_ROWS, SearchTable
from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import Columns, FunctionName, ManifestTable, ReadTable, RowsTable
from connectors.readers.rows import MAX_LIST_ROWS

Resource = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Values = Mapping[str, str | int | bool | tuple[str | int, ...]]


class CkanWire(ServiceWire):
    """An open data portal with CKAN and its datastore."""

    driver: Literal["ckan"]
    url: SecretStr = Field(description="address of the portal, `https://...`, without `/api`")


class CkanListTable(ManifestTable):
    """Rows of one resource of the datastore."""

    resource: Resource = Field(description="identifier of the resource in the datastore")
    where: Values = Field(
        default={}, description="values that rows must have, by column; of a list, one of them: `{ city = [1, 2] }`"
    )
    size: int = Field(default=1000, ge=1, le=32_000, description="rows of a page, at most 32,000")
    id: str = Field(default="_id", description="column that identifies a row, and by which pages are sorted")


class CkanRowsTable(CkanListTable, RowsTable):
    """All rows of one resource."""


class CkanReadTable(CkanListTable, SearchTable, ReadTable):
    """A read of the domain from a resource: the rows of up to 100 keys a call, or a list that is searched."""

    key: str | Mapping[str, str] | None = Field(
        default=None,
        description="column with the key of each row; for a query, `{ field = column }`, with a call for each query."
        " Not for a search",
    )
    search: str | None = Field(
        default=None, description="field of the record in which the domain's text is looked for; case does not matter"
    )
    skip_without: Columns = Field(default=(), description="column, or columns; a row without a value there is left out")
    max_rows: int = Field(
        default=MAX_LIST_ROWS, ge=1, le=MAX_READ_ROWS, description="maximum rows of one answer; more are malformed"
    )

    python: FunctionName | None = Field(
        default=None,
        description="function for the rows of a query that no record describes: from the rows and the query to the"
        " answer",
    )

    @property
    def takes_facets(self) -> bool:
        """Whether a call can ask for some of the records of a key."""
        return True

    @property
    def takes_batches(self) -> bool:
        """Whether one call can ask for several keys."""
        return isinstance(self.key, str)
