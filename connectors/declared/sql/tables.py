"""The tables of a manifest for a database."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.tables import ReadTable, WireTable


class SqlWire(WireTable):
    """A database."""

    driver: Literal["sql"]
    url: SecretStr = Field(description="`postgresql://`, `mysql://`, `mariadb://` or `sqlite:///path`")


class SqlReadTable(ReadTable):
    """A read of the domain that one SQL statement answers for any number of keys."""

    statement: str = Field(
        min_length=1,
        max_length=20_000,
        description="one SELECT for any number of keys; `:keys` stands for them, as in `nik IN :keys` or, on"
        " PostgreSQL, `nik = ANY(:keys)`",
    )
    key: str = Field(description="column with the key of each row")
    id: str = Field(
        default="id",
        description="column that identifies a row; a record listed twice with different contents fails",
    )

    @property
    def takes_batches(self) -> bool:
        """One statement asks for all keys."""
        return True
