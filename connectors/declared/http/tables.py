"""The tables of a manifest for a service over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import Columns, FilterTable, FunctionName, KeyedReadTable, ManifestTable, RowsTable
from connectors.drivers.http.sealed.body_seal import Compression, Iv
from connectors.readers.rows import MAX_LIST_ROWS

KEYS: Final = "{keys}"
"""In place of a key: all keys of a call."""
MAX_READ_ROWS: Final = 20_000


def _to_parameter(value: object) -> object:
    if isinstance(value, list | tuple):
        return tuple(_to_parameter(each) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


_PLAIN: Final = [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}]
Parameter = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_to_parameter),
    WithJsonSchema({"anyOf": [*_PLAIN, {"type": "array", "items": {"anyOf": _PLAIN}}]}),
]
"""The value of a parameter; a list repeats the parameter."""


class SealedTable(ManifestTable):
    """A part of replies that is encrypted for each call: AES-256 in CBC mode, in base64, over JSON."""

    at: str = Field(
        min_length=1,
        max_length=200,
        description="path to the sealed text in a reply; what is not a text there, such as null, is left as it is",
    )
    key: SecretStr = Field(
        description="text whose SHA-256 is the key, with the parts in braces of the signature of the call"
    )
    iv: Iv = Field(
        default="key",
        description="initialization vector: the first 16 bytes of the `key`, or the `first_block` of the sealed text",
    )
    compression: Compression = Field(
        default="none", description="of the JSON: `lz_string` (`compressToEncodedURIComponent`), or `none`"
    )


class HttpWire(ServiceWire):
    """A service over HTTP with JSON."""

    driver: Literal["http"]
    url: SecretStr = Field(description="base address, `https://...`")
    ignore_case: bool = Field(
        default=False,
        description="`true` if replies differ in the case of member names: the manifest names them in lower case",
    )
    sealed: SealedTable | None = Field(default=None, description="table: the part of replies that is encrypted")

    @model_validator(mode="after")
    def _check_sealed(self) -> Self:
        if self.sealed is not None and self.credential.signature is None:
            raise ValueError("sealed: its key is made of the parts of a signature; give credential.signature")
        return self


class PagingTable(ManifestTable):
    """How an agency gives a long list in pages."""

    by: Literal["offset", "page", "cursor", "next", "record"] = Field(
        description="how the next page is requested: with the number of rows before it as `{offset}`, its number as"
        " `{page}`, a text of the last reply as `{cursor}`, by a link in the last reply (`next`), or after a `record`,"
        " whose position is `{after}`, or `{after_FIELD}` for each field of `order`"
    )
    size: int = Field(default=100, ge=1, le=MAX_READ_ROWS, description="rows of a page, for `{size}`")
    first: int = Field(default=1, ge=0, le=1, description="number of the first page")
    at: str | None = Field(
        default=None,
        max_length=200,
        description="path to the cursor, or to the link, in the reply; without it, the link is in the header `Link`",
    )
    more: str | None = Field(
        default=None, max_length=200, description="path to `true` or `false` in the reply: whether more pages follow"
    )
    total: str | None = Field(
        default=None,
        max_length=200,
        description="path to the number of all rows in the reply; another number of rows fails. Without it and"
        " `more`, only an empty page is the last one, which costs a call",
    )

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.at is None and self.by == "cursor":
            raise ValueError("at: name the path to the cursor in the reply")
        if self.at is not None and self.by not in {"cursor", "next"}:
            raise ValueError('at: it is for by = "cursor" and by = "next"; remove this line')
        return self


class HttpRequestTable(ManifestTable):
    """A request over HTTP."""

    path: str = Field(
        max_length=500,
        description="path below the agency's address. `{key}` is the requested key, `{keys}` stands for up to 100 keys"
        " of one call, `{year:04}` is a number with four digits, `{today}` the day in the city, as `2027-01-31`",
    )
    query: Mapping[str, Parameter] = Field(
        default={},
        description='parameters of the query, which may hold `{key}` too; a list repeats its name: `id = ["{keys}"]`.'
        " `{columns}` stands for the names of the columns that are used",
    )
    form: Mapping[str, Parameter] = Field(
        default={},
        description="fields of a form, which make the call a POST: use it for numbers of people, which stay out of logs"
        " of addresses",
    )
    body: Mapping[str, Any] | None = Field(
        default=None,
        description='JSON object in place of a form: `{ filter = { nik = "{keys}" }, limit = 100 }`. Types are kept;'
        " `{keys}` is a list there",
    )

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        if self.form and self.body is not None:
            raise ValueError("body: a call has a form or a JSON body; remove one of them")
        return self

    @property
    def http_method(self) -> str:
        """The method of the request."""
        return "POST" if self.form or self.body is not None else "GET"


class HttpCallTable(HttpRequestTable):
    """A call over HTTP, and where the rows are in its reply."""

    method: Literal["GET", "POST"] | None = Field(
        default=None, description="`GET` or `POST`; default: POST with a form or body, else GET"
    )
    rows: str = Field(
        default="",
        max_length=200,
        description="path to the list of rows in the reply, such as `data.rows`; empty if the reply is the list."
        " `markets[].prices` takes the rows within each market. For a key with one record, also to that one object. A"
        " reply that is a list of rows itself is that list",
    )
    paging: PagingTable | None = Field(default=None, description="table: how the next page is requested")
    max_rows: int = Field(
        default=MAX_LIST_ROWS, ge=1, le=MAX_READ_ROWS, description="maximum rows of one answer; more are malformed"
    )

    @property
    def is_post(self) -> bool:
        """Whether the call is a POST."""
        return self.http_method == "POST"

    @property
    def http_method(self) -> str:
        """The method of the request."""
        return "POST" if self.method == "POST" else super().http_method

    @property
    def sends_forms(self) -> bool:
        """Whether each request has a form, or a body that can become one. A link to the next page is a GET."""
        return self.is_post and self.body is None and (self.paging is None or self.paging.by != "next")

    @property
    def sends_json(self) -> bool:
        """Whether each request has a JSON body."""
        return self.body is not None and (self.paging is None or self.paging.by != "next")

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        if self.method == "GET" and self.is_post:
            raise ValueError("method: a GET has no form and no body; remove this line")
        return self


class HttpRowsTable(HttpCallTable, RowsTable):
    """A list with all rows over HTTP."""


class SearchTable(ManifestTable):
    """How the queries of a domain select from a list, and how its pages follow each other."""

    filters: Mapping[str, FilterTable] = Field(
        default={}, description="for a search: the field of the record that each part of the query selects by"
    )
    order: tuple[str, ...] = Field(
        default=(),
        description='for pages: the fields of a position, `["reported_at desc", "id desc"]`, which always have a value',
    )
    sorts: bool = Field(
        default=True,
        description="`false` if the agency does not sort by `order`: then the hub reads the whole list for each page",
    )
    max_pages: int = Field(default=10, ge=1, le=100, description="for a search: maximum pages that one answer may cost")


class HttpReadTable(HttpCallTable, SearchTable, KeyedReadTable):
    """A read of the domain over HTTP: a call for each key, a call for several keys, or one for a list of all keys."""

    key: str | Mapping[str, str] | None = Field(
        default=None,
        description="column that repeats the key in each row; for a query, `{ field = column }`. Needed for a list of"
        " all keys, for `{keys}`, and for numbers of people. `owners[].nik` if a row lists several: one is the key",
    )
    id: str | None = Field(
        default=None, description="column that identifies a row, if the list may name one twice; two forms of it fail"
    )
    skip_without: Columns = Field(default=(), description="column, or columns; a row without a value there is left out")
    names_person: bool = Field(
        default=True,
        description="`false` if replies cannot repeat the number of the person, and say nothing about them but whether"
        " values match: then a reply to another request is not noticed",
    )
    search: str | None = Field(
        default=None, description="field of the record in which the domain's text is looked for; case does not matter"
    )
    python: FunctionName | None = Field(
        default=None,
        description="function for rows that no record describes: from the rows and the key of one call to the answer",
    )

    @property
    def searched_field(self) -> str | None:
        """The field in which the domain's text is looked for, in one list for all texts."""
        return None if self.filters or self.order else self.search

    @property
    def takes_facets(self) -> bool:
        """Whether a call can ask for some of the records of a key."""
        return True

    @property
    def takes_batches(self) -> bool:
        """Whether one call can ask for several keys."""
        return any(KEYS in each for each in _list_texts((self.path, self.query, self.form, self.body)))


def _list_texts(value: object) -> list[str]:
    """All texts in a value of TOML."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for each in inner for text in _list_texts(each)]
