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

    path: str = Field(
        max_length=500,
        description="path below the agency's address, called with GET. `{key}` is the requested key, `{year:04}` a"
        " number with four digits",
    )
    query: Mapping[str, str] = Field(default={}, description="parameters of the query, which may hold `{key}` too")
    form: Mapping[str, str] = Field(
        default={},
        description="fields of a form, which make the call a POST: use it for numbers of people, which stay out of logs"
        " of addresses",
    )
    rows: str = Field(
        default="",
        pattern=r"^([\w-]+(\.[\w-]+)*)?$",
        description="path to the list of rows in the reply, such as `data.rows`; empty if the reply is the list. For"
        " a key with one record, also to that one object",
    )
    key: str | Mapping[str, str] | None = Field(
        default=None,
        description="column that repeats the key in each row; for a query, `{ field = column }`. Needed for a list of"
        " all keys, and for numbers of people",
    )
    id: str | None = Field(
        default=None, description="column that identifies a row, if the list may name one twice; two forms of it fail"
    )
    skip_without: Columns = Field(default=(), description="column, or columns; a row without a value there is left out")
    search: str | None = Field(
        default=None, description="field of the record in which the domain's text is looked for; case does not matter"
    )
    python: FunctionName | None = Field(
        default=None,
        description="function for rows that no record describes: from the rows and the key of one call to the answer",
    )
