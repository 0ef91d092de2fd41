"""The tables of a manifest that declare reads: which statement answers a read, and which column is which field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class ManifestTable(BaseModel):
    """A table of a manifest. Unknown keys are refused; errors never contain a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


def _to_columns(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class FieldTable(ManifestTable):
    """One field of a record. A plain string in the manifest is short for `{ from = "column" }`."""

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
        return self


RecordTable = Mapping[str, FieldTable]
"""The fields of one record, by name."""


class SqlReadTable(ManifestTable):
    """A read of the domain that one SQL statement answers for any number of keys."""

    statement: str = Field(
        min_length=1, max_length=20_000, description="one SELECT that names its columns; `:keys` are the requested keys"
    )
    key: str = Field(description="the column that holds the key of each row")
    key_type: Literal["text", "number"] = Field(
        default="text",
        description="`number` if the agency stores the key as a number; other keys are then unknown to it",
    )
    id: str = Field(default="id", description="the column that identifies a row")
