"""What a client may run: its contract with the city, and the operations that were registered under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from records.hub.clients import ClientId
from records.purposes import Purpose, Scope

FIRST_PARTY: Final = ClientId.without_issuer("first-party")
"""The client under which the city's own frontends register. No token can name it."""
_MAX_SHOWN = 5


class OperationMode(StrEnum):
    """How far a client is held to its registered operations."""

    OFF = "off"
    """Any operation is run."""
    LOG_UNKNOWN = "log-unknown"
    """Any operation is run; one that is not registered is logged, by its hash."""
    SAFELIST = "safelist"
    """Registered operations are run, by their id or by exactly their text."""
    IDS_ONLY = "ids-only"
    """Registered operations are run, by their id alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRange:
    """Which values of a variable are allowed. A null, or a variable that is not given, is outside no range."""

    at_least: float | None = None
    at_most: float | None = None
    """For numbers, and for each number of a list."""
    most_items: int | None = None
    """How many values a list may hold."""
    one_of: Sequence[str | int | float | bool] | None = None
    """The only values allowed, also inside a list."""

    def find_fault(self, value: object) -> str | None:
        """What is wrong with the value, to follow the variable's name; None where nothing is. Never holds the value."""
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
    """On what terms a client may ask people for their consent."""

    purposes: Sequence[Purpose]
    """What it may ask for."""
    days: int
    """How long a consent may last at most."""
    redirect_uris: Sequence[str]
    """Where people's browsers may be sent with their answer; each exactly as requests name it."""
    webhook: str | None = None
    """Where the client is told what became of its requests and consents; None where it asks."""
    webhook_secret: int = 1
    """The version of the secret by which webhooks are signed; the one before is still used beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientContract:
    """What the city agreed with a client."""

    client: ClientId
    """The issuer of its tokens, and what they call it (`client_id`)."""
    mode: OperationMode = OperationMode.IDS_ONLY
    scopes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By scope: the fields that it opens, as `Type.field` or `Type.*`."""
    variables: Mapping[str, Mapping[str, VariableRange]] = field(default_factory=dict)
    """By name of operation and variable: which values are allowed."""
    name: str | None = None
    """What people call the client."""
    consent: ConsentTerms | None = None
    """Whether it may ask people for consent, and on what terms."""
    cost_a_day: int | None = None
    """What the client's operations may cost together, a day (UTC), in points; None for any number."""

    @property
    def consent_scopes(self) -> frozenset[Scope]:
        """What it may ask people to let it read: of the scopes that open anything to it, those that take consent."""
        return frozenset(each for each in Scope if each.value in self.scopes)

    def find_scope(self, type_name: str, field_name: str) -> str | None:
        """The first scope that opens the field; None where none does."""
        wanted = {f"{type_name}.{field_name}", f"{type_name}.*"}
        return next((scope for scope, fields in self.scopes.items() if not wanted.isdisjoint(fields)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationField:
    """One field that an operation reads, and who may."""

    field: str
    """`Type.field`."""
    data_class: str
    """`public`, `personal`, or `specific` with its kind, as `specific (health)`."""
    rule: str
    """Who may read it, as the graph says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredOperation:
    """An operation that a client may run."""

    client: ClientId
    id: str
    """As the client's tools name it; opaque to the hub."""
    name: str
    text: str
    scopes: frozenset[str] = frozenset()
    """What the client's token must hold."""
    ranges: Mapping[str, VariableRange] = field(default_factory=dict)
    """By variable."""
    cost: int = 0
    """Points that one run is expected to cost."""
    reads: Sequence[OperationField] = ()
    approved_by: str | None = None
    """Which owner of the data approved it, and by what; always there where anything but public data is read."""


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
    """The range by the names that a contract uses; what is not limited is left out."""
    given: dict[str, Any] = {
        "at_least": each.at_least,
        "at_most": each.at_most,
        "most_items": each.most_items,
        "one_of": None if each.one_of is None else list(each.one_of),
    }
    return {name: value for name, value in given.items() if value is not None}
