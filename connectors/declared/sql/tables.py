"""The tables of a manifest for a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.tables import Columns, FilterTable, FunctionName, ReadTable, RowsTable, WireTable


class SqlWire(WireTable):
    """A database."""

    driver: Literal["sql"]
    url: SecretStr = Field(description="`postgresql://`, `mysql://`, `mariadb://` or `sqlite:///path`")


class SqlRowsTable(RowsTable):
    """All rows of a statement."""

    statement: str = Field(
        min_length=1,
        max_length=20_000,
        description="one SELECT that names its columns, without parameters, order and limit; it is asked page by page",
    )
    id: str = Field(default="id", description="column that identifies a row: pages begin after its last value")


class SqlReadTable(ReadTable):
    """A read of the domain that one SQL statement answers for any number of keys."""

    statement: str = Field(
        min_length=1,
        max_length=20_000,
        description="one SELECT for any number of keys; `:keys` stands for them, as in `nik IN :keys`",
    )
    key: str = Field(default="", description="column with the key of each row; none for a query")
    id: str = Field(
        default="id",
        description="column that identifies a row; a record listed twice with different contents fails",
    )
    group: str | None = Field(
        default=None,
        description="column whose value the rows of one answer share, such as the number of a family card, in place of"
        " `id`: each key gets the answer of its group",
    )
    python: FunctionName | None = Field(
        default=None,
        description="function in place of the domain's record: from the rows and the key, or the group, to the"
        " answer. Its first parameter says what the rows are: `Sequence[Row]`, or `Sequence[R]` of a declared record R",
    )

    filters: Mapping[str, FilterTable] = Field(
        default={}, description="for a query: the field of the record that each part selects rows by"
    )
    search: Columns = Field(
        default=(), description="for a query: the fields in which its text `search` is looked for; case does not matter"
    )
    order: tuple[str, ...] = Field(
        default=(),
        description='for pages: the fields of a position, `["reported_at desc", "id desc"]`, which always have a value',
    )

    @property
    def takes_batches(self) -> bool:
        """One statement asks for all keys."""
        return True

    @property
    def takes_facets(self) -> bool:
        """The statement is sent with the columns of the wanted records."""
        return True
