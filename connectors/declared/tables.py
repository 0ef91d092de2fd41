"""The tables of a manifest that declare reads: which call answers a read, and which column is which field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StringConstraints, model_validator

FunctionName = Annotated[str, StringConstraints(pattern=r"^connectors(\.[a-z_]+)+:[a-z_]+$")]
"""A function of the hub's connectors: `connectors.prices:read_movement`."""


class NotDeclarableError(ValueError):
    """A declaration that cannot be compiled. The text names the place in the manifest, the problem and the fix."""

    def __init__(self, place: str, problem: str) -> None:
        """`place` is the path of a key: `records.Msme.owner`."""
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class ManifestTable(BaseModel):
    """A table of a manifest. Unknown keys are refused; errors never contain a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


def _to_columns(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class FieldTable(ManifestTable):
    """One field of a record. A plain string in the manifest is short for `{ from = "column" }`.

    In JSON, a column is a path: `address.city`, `geometry.coordinates.0`. `{key}` is the requested key.
    """

    columns: Annotated[tuple[str, ...], BeforeValidator(_to_columns)] = Field(
        alias="from", min_length=1, max_length=8, description="the column, or the columns, that the value comes from"
    )
    read: str | None = Field(default=None, description="the reader, if not the one of the field's type")
    width: int | None = Field(default=None, ge=1, le=64, description="number of digits, for the reader `digits`")
    values: Mapping[str, str | bool | int] | None = Field(
        default=None, description="the agency's words and the value that each means; case does not matter"
    )
    unknown: str | bool | None = Field(
        default=None, description='the value for every other word; `"null"` for none. Without it, the row is unreadable'
    )

    none: tuple[str | int, ...] = Field(default=(), description="values that the agency writes for no value")
    unreadable: Literal["null"] | None = Field(default=None, description='`"null"`: what cannot be read is no value')
    python: FunctionName | None = Field(
        default=None, description="function in place of a reader: from the raw values of the columns to the value"
    )

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        return {"from": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.unknown is not None and self.values is None:
            raise ValueError("unknown: it says what words outside `values` mean; give `values`")
        if self.values is not None and (self.read is not None or len(self.columns) > 1):
            raise ValueError("values: they translate the words of one column, without `read`")
        if (self.width is not None) != (self.read == "digits"):
            raise ValueError('width: give it together with read = "digits"')
        if self.python is not None and (self.read is not None or self.values is not None):
            raise ValueError("python: the function reads the value in place of `read` and `values`; choose one")
        return self


RecordTable = Mapping[str, FieldTable]
"""The fields of one record, by name."""


class ReadTable(ManifestTable):
    """What reads have in common, whatever way the agency is called."""

    key_type: Literal["text", "number"] = Field(
        default="text",
        description="`number` if the agency stores the key as a number; other keys are then unknown to it",
    )


class SqlReadTable(ReadTable):
    """A read of the domain that one SQL statement answers for any number of keys."""

    statement: str = Field(
        min_length=1, max_length=20_000, description="one SELECT that names its columns; `:keys` are the requested keys"
    )
    key: str = Field(description="the column that holds the key of each row")
    id: str = Field(default="id", description="the column that identifies a row")


class HttpReadTable(ReadTable):
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
    key_pattern: str | Mapping[str, str] | None = Field(
        default=None, description="regular expression; other keys are not sent. For a query, `{ field = pattern }`"
    )
    id: str | None = Field(default=None, description="the column that identifies a row, if one may be listed twice")
    skip_without: Annotated[tuple[str, ...], BeforeValidator(_to_columns)] = Field(
        default=(), description="a row without a value in these columns is left out"
    )
    search: str | None = Field(
        default=None, description="the field of the record in which the text `search` of a query is looked for"
    )
    python: FunctionName | None = Field(
        default=None, description="function in place of `records`: from all rows, and the key, to the answer"
    )


def _validate_read(given: object) -> ReadTable:
    if isinstance(given, ReadTable):
        return given
    if not isinstance(given, Mapping) or not {"statement", "path"} & given.keys():
        raise ValueError("give a `statement` (SQL) or a `path` (HTTP)")
    return (HttpReadTable if "path" in given else SqlReadTable).model_validate(given)


AnyReadTable = Annotated[ReadTable, PlainValidator(_validate_read, json_schema_input_type=SqlReadTable | HttpReadTable)]
"""A read, over SQL or over HTTP."""
