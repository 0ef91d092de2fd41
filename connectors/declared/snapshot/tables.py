"""The tables of a manifest for snapshots: all rows of a source, loaded from time to time and answered locally."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self

from pydantic import Field, SerializeAsAny, model_validator

from connectors.declared.tables import Columns, Duration, ManifestTable, ReadTable, RowsTable

_MAX_REMOVE_AFTER: Final = 92 * 24 * 3_600.0


class SnapshotTable(ManifestTable):
    """One snapshot: `[snapshots.<name>]`."""

    rows: SerializeAsAny[RowsTable] = Field(description="table: where all rows come from, as the driver wants it")
    every: Duration = Field(
        default="1 h", validate_default=True, description='how often the source is looked at, as in `"30 min"`'
    )
    max_age: Duration = Field(description='how old the data may be before an alert: `"2 d"`')
    id: Columns = Field(default=("id",), description="the field, or fields, of the record that identify it")
    as_of: str | None = Field(
        default=None,
        description="column with a date in each row; the newest dates the data; default: the source's own date",
    )
    remove_after: Duration | None = Field(
        default=None,
        description="how old the data may be before the hub removes the copy, at most 92 d; required for personal data",
    )
    min_rows: int = Field(default=1, ge=0, description="fewer rows are not published; `0` for a list that may be empty")
    max_shrink: float = Field(
        default=0.5, ge=0, le=1, description="share of rows that may be missing beside the last good copy"
    )
    max_unreadable: int = Field(
        default=0, ge=0, description="rows that may be left out because they cannot be read; more are not published"
    )
    skip_without: Columns = Field(default=(), description="a row without a value in these columns is left out")

    @model_validator(mode="after")
    def _check_removal(self) -> Self:
        if self.remove_after is not None and not self.max_age <= self.remove_after <= _MAX_REMOVE_AFTER:
            raise ValueError("remove_after: write a duration between max_age and 92 d")
        return self


class SnapshotReadTable(ReadTable):
    """A read that a snapshot answers. All names are fields of the record."""

    snapshot: str = Field(description="the snapshot that answers it")
    key: str | Mapping[str, str] | None = Field(
        default=None,
        description="the field that equals the key; for a query, `{ part = field }` where the names differ",
    )
    search: Columns = Field(default=(), description="the fields in which the text `search` of a query is looked for")
    near: str | None = Field(default=None, description="the field with the place that must be `near` the query's point")

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        if self.key_type != "text":
            raise ValueError("key_type: keys are compared with the record's field; remove the line")
        if self.freshness is not None:
            raise ValueError("freshness: it is answered from the copy, whose age is `max_age`; remove the line")
        return self
