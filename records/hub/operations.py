"""A client's contract with the city, and the operations registered under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from records.hub.clients import ClientId
from records.partners import PartnerListing
from records.purposes import Purpose, Scope

FIRST_PARTY: Final = ClientId.without_issuer("first-party")
"""The client of the city's own frontends in the registry. No token can name it."""
_MAX_SHOWN = 5


class OperationMode(StrEnum):
    """How strictly a client is limited to its registered operations."""

    OFF = "off"
    """Any operation is run."""
    LOG_UNKNOWN = "log-unknown"
    """Any operation is run; an unregistered operation is logged by its hash."""
    SAFELIST = "safelist"
    """Registered operations are run, by id or by exact text."""
    IDS_ONLY = "ids-only"
    """Registered operations are run, by id only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRange:
    """The allowed values of a variable. A null or absent variable is always allowed."""

    at_least: float | None = None
    at_most: float | None = None
    """For numbers, and for each number of a list."""
    most_items: int | None = None
    """Maximum number of values in a list."""
    one_of: Sequence[str | int | float | bool] | None = None
    """The only allowed values, also inside a list."""

    def find_fault(self, value: object) -> str | None:
        """Returns the fault of a value, to follow the variable's name; None if there is none. Never holds the value."""
        if value is None:
            return None
        if isinstance(value, list | tuple):
            if self.most_items is not None and len(value) > self.most_items:
                return f"holds {len(value)} values; at most {self.most_items} are allowed"
            return next((fault for each in value if (fault := self.find_fault(each)) is not None), None)
        if self.one_of is not None and not any(type(each) is type(value) and each == value for each in self.one_of):
            return f"must be one of {_format_values(self.one_of)}"
        return self._find_number_fault(value)

    def _find_number_fault(self, value: object) -> str | None:
        if self.at_least is None and self.at_most is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        if self.at_least is not None and value < self.at_least:
            return f"must be at least {self.at_least:g}"
        if self.at_most is not None and value > self.at_most:
            return f"must be at most {self.at_most:g}"
        return None


def _format_values(values: Sequence[object]) -> str:
    shown = ", ".join(str(each) for each in values[:_MAX_SHOWN])
    return f"{shown} ..." if len(values) > _MAX_SHOWN else shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerms:
    """The terms under which a client may request people's consent."""

    purposes: Sequence[Purpose]
    """The purposes that the client may request."""
    days: int
    """Maximum duration of a consent, in days."""
    redirect_uris: Sequence[str]
    """The addresses that people's browsers may return to; requests must use exactly one of them."""
    webhook: str | None = None
    """The address for webhooks about requests and consents; None if the client polls."""
    webhook_secret: int = 1
    """The version of the webhook signing secret; the previous version stays valid beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientContract:
    """The agreement between the city and a client."""

    client: ClientId
    """The issuer of its tokens, and its name there (`client_id`)."""
    mode: OperationMode = OperationMode.IDS_ONLY
    scopes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By scope: the fields that it opens, as `Type.field` or `Type.*`."""
    variables: Mapping[str, Mapping[str, VariableRange]] = field(default_factory=dict)
    """By operation name and variable: the allowed values."""
    name: str | None = None
    """The client's name for people."""
    consent: ConsentTerms | None = None
    """The terms for requesting consent; None if the client may not."""
    listing: PartnerListing | None = None
    """The client's entry in the public directory of partners; None if it has none."""
    cost_a_day: int | None = None
    """The daily cost limit (UTC day) for the client's operations together, in points; None for no limit."""

    @property
    def consent_scopes(self) -> frozenset[Scope]:
        """The scopes that the client may request from people: its contract's scopes that require consent."""
        return frozenset(each for each in Scope if each.value in self.scopes)

    def find_scope(self, type_name: str, field_name: str) -> str | None:
        """Returns the first scope that opens the field; None if none does."""
        wanted = {f"{type_name}.{field_name}", f"{type_name}.*"}
        return next((scope for scope, fields in self.scopes.items() if not wanted.isdisjoint(fields)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationField:
    """One field that an operation reads, and the rule for it."""

    field: str
    """`Type.field`."""
    data_class: str
    """`public`, `personal`, or `specific` with its kind, as `specific (health)`."""
    rule: str
    """Who may read it, as the schema states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredOperation:
    """An operation that a client may run."""

    client: ClientId
    id: str
    """The id from the client's tools; opaque to the hub."""
    name: str
    text: str
    scopes: frozenset[str] = frozenset()
    """The scopes that the client's token must hold."""
    ranges: Mapping[str, VariableRange] = field(default_factory=dict)
    """By variable."""
    cost: int = 0
    """Estimated cost of one run, in points."""
    reads: Sequence[OperationField] = ()
    approved_by: str | None = None
    """The data owner that approved it, and the approval's reference; always set if the operation reads non-public
    data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEntry:
    """A registered operation with its history."""

    operation: RegisteredOperation
    published_by: str
    published_at: datetime
    retired_by: str | None = None
    retired_at: datetime | None = None

    @property
    def state(self) -> str:
        """`published` or `retired`."""
        return "published" if self.retired_at is None else "retired"


def range_to_json(each: VariableRange) -> dict[str, Any]:
    """Converts a range to JSON with the names of a contract; omits limits that are not set."""
    given: dict[str, Any] = {
        "at_least": each.at_least,
        "at_most": each.at_most,
        "most_items": each.most_items,
        "one_of": None if each.one_of is None else list(each.one_of),
    }
    return {name: value for name, value in given.items() if value is not None}
