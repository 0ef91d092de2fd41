"""The tables of a manifest for a database."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.tables import FunctionName, ReadTable, WireTable


class SqlWire(WireTable):
    """A database."""

    driver: Literal["sql"]
    url: SecretStr = Field(description="`postgresql://`, `mysql://`, `mariadb://` or `sqlite:///path`")


class SqlReadTable(ReadTable):
    """A read of the domain that one SQL statement answers for any number of keys."""

    statement: str = Field(
        min_length=1,
        max_length=20_000,
        description="one SELECT for any number of keys; `:keys` stands for them, as in `nik IN :keys`",
    )
    key: str = Field(description="column with the key of each row")
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

    @property
    def takes_batches(self) -> bool:
        """One statement asks for all keys."""
        return True

    @property
    def takes_facets(self) -> bool:
        """The statement is sent with the columns of the wanted records."""
        return True
