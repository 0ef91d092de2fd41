"""The tables of a manifest for a service over HTTP with JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.tables import Columns, FunctionName, KeyedReadTable, WireTable


class HttpWire(WireTable):
    """A service over HTTP with JSON."""

    driver: Literal["http"]
    url: SecretStr = Field(description="base address, `https://...`")
    headers: Mapping[str, SecretStr] = Field(default={}, description="headers of every call, such as an API key")


class HttpReadTable(KeyedReadTable):
    """A read of the domain over HTTP with JSON: one call for each key, or one call for a list that holds all keys."""

    path: str = Field(max_length=500, description="path below the agency's address; `{key}` is the requested key")
    query: Mapping[str, str] = Field(default={}, description="parameters of the query, by name; they may hold `{key}`")
    form: Mapping[str, str] = Field(default={}, description="fields of a form, which make the call a POST")
    rows: str = Field(
        default="", pattern=r"^([\w-]+(\.[\w-]+)*)?$", description="path to the list in the reply; empty: the reply"
    )
    key: str | Mapping[str, str] | None = Field(
        default=None, description="the column that holds the key of each row; for a query, `{ field = column }`"
    )
    id: str | None = Field(default=None, description="the column that identifies a row, if one may be listed twice")
    skip_without: Columns = Field(default=(), description="a row without a value in these columns is left out")
    search: str | None = Field(
        default=None, description="the field of the record in which the text `search` of a query is looked for"
    )
    python: FunctionName | None = Field(
        default=None, description="function in place of `records`: from all rows, and the key, to the answer"
    )
