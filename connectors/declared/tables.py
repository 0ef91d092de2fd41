"""The tables of a manifest that declare reads: which call answers a read, and which column is which field."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from records.calls.freshness import ReadLifetimes
from records.hub.commands import LookupClass

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


Columns = Annotated[
    tuple[str, ...],
    BeforeValidator(_to_columns),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One column, or a list of columns."""


def _to_widths(value: object) -> object:
    return (value,) if isinstance(value, int) else value


Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=64)], ...],
    BeforeValidator(_to_widths),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
]
"""One number of digits, or a list of them."""


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern, re.ASCII)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, StringConstraints(max_length=500), AfterValidator(_check_pattern)]
"""A regular expression of a whole text."""


class OutcomeTable(ManifestTable):
    """What the result codes of an agency mean: the first of the regular expressions that matches decides."""

    absent: Pattern | None = Field(default=None, description="codes that say that there is no such record")
    unavailable: Pattern | None = Field(
        default=None, description="codes of an error of the agency, which count at the circuit breaker"
    )
    busy: Pattern | None = Field(
        default=None, description="codes of too many calls: the hub pauses, and they do not count at the breaker"
    )
    refused: Pattern | None = Field(default=None, description="codes of a refusal, which do not count at the breaker")
    malformed: Pattern | None = Field(
        default=None, description="codes of a reply that makes no sense, which count at the breaker"
    )


class StatusTable(OutcomeTable):
    """What HTTP statuses from 400 mean, in place of their usual meaning."""

    success: Pattern | None = Field(
        default=None, description="statuses whose body is read like that of HTTP 200, with its result code"
    )


class FaultTable(OutcomeTable):
    """What SOAP faults mean. Without a meaning, a fault of the client is a refusal, and any other an error."""

    code: str | None = Field(
        default=None,
        max_length=100,
        description="element of a fault's detail that holds the code; without it, the fault's own, such as `Client.X`",
    )


class ErrorTable(OutcomeTable):
    """What GraphQL errors mean, by a code in them."""

    code: str = Field(
        default="extensions.code",
        min_length=1,
        max_length=100,
        description="path to the code in an error, such as `extensions.status`",
    )


class TroubleTable(OutcomeTable):
    """How an agency reports failures inside replies. A code without a meaning is malformed."""

    code: Columns = Field(
        default=(),
        max_length=8,
        description="path to the result code in a reply, or a list of paths, whose texts are joined with blanks; no"
        " code counts as the empty text",
    )
    success: Pattern | None = Field(default=None, description="codes of an answer")
    pause: float = Field(
        default=5.0, gt=0, le=900, description="seconds without calls after `busy`, unless the reply says how many"
    )
    status: StatusTable = Field(default=StatusTable(), description="table: what HTTP statuses from 400 mean")
    faults: FaultTable = Field(default=FaultTable(), description="table: what SOAP faults mean")
    errors: ErrorTable = Field(default=ErrorTable(), description="table: what GraphQL errors mean")

    @model_validator(mode="after")
    def _check_code(self) -> Self:
        codes = self.model_fields_set & {"success", *OutcomeTable.model_fields}
        if not all(self.code) or (codes and not self.code):
            raise ValueError(f"code: name the path to the code that {min(codes, default='this table')} is about")
        return self


class FieldTable(ManifestTable):
    """One field of a record. A plain string in the manifest is short for `{ from = "column" }`.

    In JSON, a column is a path: `address.city`, `geometry.coordinates.0`. `{key}` is the requested key.
    """

    columns: Columns = Field(
        alias="from",
        max_length=8,
        description="the column, or a list of columns; an empty list if the agency has no such value. In JSON, a path"
        " such as `address.street` or `point.0`; a missing one has no value. `{key}` is the requested key",
    )
    read: str | None = Field(
        default=None,
        description="another reader than that of the field's type: `text`, `first_text` (of several columns),"
        " `long_text`, `web_address`, `ordinary_case`, `person_name`, `phone`, `rupiah`, `day`, `moment`, `utc_moment`,"
        " `whole_number`, `rounded_number`, `region_code`, `region_from_numbers`, `coordinates`, `qris`,"
        " `digits` (with `width`)",
    )
    width: Widths = Field(
        default=(), max_length=8, description="number of digits, for the reader `digits`; a list for several columns"
    )
    values: Mapping[str, str | bool | int] | None = Field(
        default=None,
        description="the agency's words and the value of each; case does not matter. Of several columns, the first with"
        " a known word counts",
    )
    unknown: str | bool | None = Field(
        default=None,
        description='the value of every other word; `"null"` for none. Without it, the row cannot be read. It is never'
        " `true`, and never a region: only a known word means yes",
    )
    missing: str | int | None = Field(
        default=None, description="the value where the agency has none, such as `0`: of texts, numbers and money"
    )
    none: tuple[str | int, ...] = Field(
        default=(), description="values that the agency writes for no value, such as `[0, 999999]`"
    )
    unreadable: Literal["null"] | None = Field(
        default=None,
        description='`"null"`: what cannot be read is no value. Only for texts, numbers, money and coordinates, which'
        " no rule reads",
    )
    sort: str | None = Field(
        default=None,
        pattern=r"^-?[a-z_]+$",
        description="for a list of records within the row: the field that sorts it; `-` for descending",
    )
    python: FunctionName | None = Field(
        default=None,
        description="function `connectors.module:name` in place of a reader, from the values of the columns to the"
        " value",
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A table, or short for it: the name of one column, or a list of columns."""
        columns = {
            "type": "array",
            "items": {"type": "string"},
            "description": "the columns; none if the agency has none",
        }
        return {"anyOf": [{"type": "string", "description": "the column"}, columns, handler(core_schema)]}

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        return {"from": given} if isinstance(given, str | list | tuple) else given

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if not self.columns and self.model_fields_set - {"columns"}:
            raise ValueError("from: without a column there is nothing to read; remove the other keys")
        if self.unknown is not None and self.values is None:
            raise ValueError("unknown: it says what words outside `values` mean; give `values`")
        if self.values is not None and self.read is not None:
            raise ValueError("values: they translate the agency's words; remove `read`")
        if len(self.width) != (len(self.columns) if self.read == "digits" else 0):
            raise ValueError('width: give one for each column, together with read = "digits"')
        if self.python is not None and (self.read is not None or self.values is not None):
            raise ValueError("python: the function reads the value in place of `read` and `values`; choose one")
        return self


RecordTable = Mapping[str, FieldTable]
"""The fields of one record, by name."""


class WireTable(ManifestTable):
    """How an agency is called: the table `[wire]`. Each family of drivers has its own."""

    driver: str
    url: SecretStr

    @property
    def own_lookup(self) -> LookupClass:
        """How commands that the protocol itself says how to send are looked up."""
        return LookupClass.NONE

    @property
    def lacks(self) -> Collection[str]:
        """Reads of the domain that an agency of a protocol does not have, as the wire says."""
        return ()

    def list_credentials(self) -> dict[str, str]:
        """The secrets beside the address, by their place in the manifest."""
        return dict(_list_secrets("wire", {name: value for name, value in self if name not in {"url", "user"}}))


def _list_secrets(place: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, SecretStr):
        yield place, value.get_secret_value()
    elif isinstance(value, BaseModel | Mapping):
        for name, each in value.items() if isinstance(value, Mapping) else value:
            yield from _list_secrets(f"{place}.{name}", each)


_UNITS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}


def _parse_duration(value: object) -> float:
    match = re.fullmatch(r"(\d{1,6}) ?(s|min|h|d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('not a duration: write a number and s, min, h or d, such as "5 min"')
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[float, PlainValidator(_parse_duration, json_schema_input_type=str)]
"""Seconds, written as `"30 s"`, `"5 min"`, `"1 h"` or `"2 d"`."""


class FreshnessTable(ManifestTable):
    """How long the answers of a read may be used."""

    fresh: Duration = Field(
        description='how long an answer is used before the agency is called again, such as `"5 min"`'
    )
    refreshing: Duration = Field(default=0.0, description="how long after that it is used while it is refreshed")
    on_error: Duration = Field(default=0.0, description="how long after that it is used if the agency fails")
    absent: Duration = Field(default=0.0, description="how long the hub remembers that the agency does not know a key")

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        self.build_lifetimes()
        return self

    def build_lifetimes(self) -> ReadLifetimes:
        """The durations in seconds. Raises `ValueError` if they contradict each other."""
        return ReadLifetimes(
            fresh=self.fresh,
            stale_while_revalidate=self.refreshing,
            stale_if_error=self.on_error,
            unknown_key_seconds=self.absent,
        )


class PythonReadTable(ManifestTable):
    """A read that a connector in Python answers."""

    freshness: FreshnessTable | None = Field(
        default=None, description="table: how long its answers may be used. Without it, each request calls the agency"
    )

    @property
    def searched_field(self) -> str | None:
        """The field in which the text `search` of a query is looked for, if one list answers all queries."""
        return None


class ReadTable(PythonReadTable):
    """What declared reads have in common, whatever way the agency is called."""

    key_type: Literal["text", "number"] = Field(
        default="text",
        description="`number` if the agency stores the key as a number: other keys are unknown to it and cost no call",
    )

    @property
    def takes_batches(self) -> bool:
        """Whether one call can ask for several keys."""
        return False

    @property
    def takes_facets(self) -> bool:
        """Whether a call can ask for some of the records of a key."""
        return False


class FilterTable(ManifestTable):
    """How a part of a query selects rows. A plain string in the manifest is short for `{ field = "name" }`."""

    field: str = Field(description="field of the record that is compared with the part")
    match: Literal["from", "until", "before"] | None = Field(
        default=None,
        description="`from`, `until` or `before` the value; without it, the field equals the value, or one of several,"
        " or is inside the region",
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A table, or short for it: the name of the field."""
        return {"anyOf": [{"type": "string", "description": "the field"}, handler(core_schema)]}

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        return {"field": given} if isinstance(given, str) else given


class RowsTable(ManifestTable):
    """Where all rows of a list come from. Each family of drivers has its own."""


class KeyedReadTable(ReadTable):
    """A read of a service that is called for each key."""

    key_pattern: str | Mapping[str, str] | None = Field(
        default=None,
        description="regular expression of all texts that are sent; for a query, perhaps `{ field = pattern }`. Other"
        " keys are unknown to the agency and cost no call; default: 16 digits for numbers of people, else letters,"
        " digits and `_-.`",
    )
    max_concurrency: int = Field(default=4, ge=1, le=64, description="maximum concurrent calls of one batch")


class CommandTable(ManifestTable):
    """A command of the domain that the agency takes."""

    def get_lookup(self, wire: WireTable) -> LookupClass:
        """How the hub finds out whether a command that may have arrived did arrive."""
        return wire.own_lookup

    timeout: Duration = Field(default=10.0, description='time for sending it, such as `"10 s"`, the default')
    settle: Duration = Field(
        default=60.0,
        description='time in which the agency certainly carries out what arrived, such as `"1 min"`, the default',
    )
