"""The tables of a manifest for an agency that speaks GraphQL: a subgraph of Apollo Federation, or any other server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from connectors.declared.http.tables import MAX_READ_ROWS, SearchTable
from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import Columns, KeyedReadTable, ManifestTable, RowsTable
from connectors.readers.rows import MAX_LIST_ROWS

Name = Annotated[str, StringConstraints(pattern=r"^[_A-Za-z][_0-9A-Za-z]*$", max_length=100)]
"""A name of GraphQL."""
ArgumentName = Annotated[str, StringConstraints(pattern=r"^[_A-Za-z][_0-9A-Za-z]*(\.[_A-Za-z][_0-9A-Za-z]*)*$")]
VariableType = Annotated[str, StringConstraints(pattern=r"^\[*[_A-Za-z][_0-9A-Za-z]*!?(\]!?)*$", max_length=100)]


class GraphqlWire(ServiceWire):
    """A GraphQL server over HTTP."""

    driver: Literal["graphql"]
    url: SecretStr = Field(description="address of the endpoint, `https://.../graphql`")


class GraphqlPagingTable(ManifestTable):
    """How a field gives a long list in pages."""

    by: Literal["relay", "offset"] = Field(
        default="relay",
        description="`relay` for a connection with `pageInfo`, whose next page begins after `{cursor}`; `offset` for a"
        " list that begins after `{offset}` rows",
    )
    size: int = Field(default=100, ge=1, le=MAX_READ_ROWS, description="rows of a page, for `{size}`")
    total: Name | None = Field(
        default=None,
        description="field of the connection with the number of all rows; another number of rows fails",
    )


class GraphqlCallTable(ManifestTable):
    """A field of `Query`, or an entity of a subgraph, and the rows in it."""

    field: Name | None = Field(default=None, description="field of `Query` that is asked")
    arguments: Mapping[ArgumentName, Any] = Field(
        default={},
        description="arguments of the field. `{key}` asks for one key with an alias each, `{keys}` for a list of keys."
        " `schools.first` is the argument `first` of the field `schools` within it",
    )
    types: Mapping[ArgumentName, VariableType] = Field(
        default={},
        description="types of arguments, as the schema has them. Without one: `ID!` for `{key}`, `[ID!]!` for `{keys}`,"
        " else by the value: `Int!` for `{size}`, `String` for what callers can leave out",
    )
    rows: str = Field(
        default="",
        max_length=200,
        description="path to the rows within the field or entity: `nodes`, `edges[].node`, `students`; empty if it is"
        " the row, or the list of rows, itself",
    )
    paging: GraphqlPagingTable | None = Field(default=None, description="table: how the next page is requested")
    max_rows: int = Field(
        default=MAX_LIST_ROWS, ge=1, le=MAX_READ_ROWS, description="maximum rows of one answer; more are malformed"
    )


class GraphqlRowsTable(GraphqlCallTable, RowsTable):
    """All rows of a field."""

    @model_validator(mode="after")
    def _check_field(self) -> Self:
        if self.field is None:
            raise ValueError("field: name the field of `Query` that gives all rows")
        return self


class GraphqlReadTable(GraphqlCallTable, SearchTable, KeyedReadTable):
    """A read of the domain from an agency that speaks GraphQL."""

    entity: Name | None = Field(
        default=None,
        description="type of an entity (Apollo Federation): one request asks for all keys with `_entities`",
    )
    key: str | Mapping[str, str] | None = Field(
        default=None,
        description="field of the entity or row that is the key; for a query, `{ part = field }`. Needed for an entity,"
        " for `{keys}`, and for numbers of people",
    )
    max_aliases: int = Field(
        default=10, ge=1, le=100, description="for `{key}`: maximum keys of one request, each under an alias"
    )
    id: str | None = Field(
        default=None, description="field that identifies a row, if the list may name one twice; two forms of it fail"
    )
    skip_without: Columns = Field(default=(), description="field, or fields; a row without a value there is left out")
    search: str | None = Field(
        default=None, description="field of the record in which the domain's text is looked for; case does not matter"
    )

    @model_validator(mode="after")
    def _check_subject(self) -> Self:
        if (self.field is None) == (self.entity is None):
            raise ValueError("field: name the field of `Query` that is asked, or an entity of the subgraph")
        if self.entity is not None and self.key is None:
            raise ValueError("key: name the key of the entity, as in its @key")
        return self

    @property
    def takes_batches(self) -> bool:
        """Whether one call can ask for several keys."""
        return self.entity is not None or any("{key" in str(each) for each in self.arguments.values())

    @property
    def takes_facets(self) -> bool:
        """Whether a call can ask for some of the records of a key."""
        return True
