"""What the engine knows of a field: how its value comes about, and who may see it.

A schema's field definition offers this as `engine_kind` and `engine_guard`; the engine never calls resolvers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from engine.edge import Edge


@dataclass(frozen=True, slots=True)
class Shown:
    """The value is an attribute of the record."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Derived:
    """The value is a pure function of (record, arguments, context)."""

    function: Callable[[Any, Mapping[str, Any], Any], Any]
    about: int | None = None
    """How many objects it usually holds, where it is a list of records."""


@dataclass(frozen=True, slots=True)
class Leads:
    """The value comes from a batch, by a key."""

    edge: Edge
    key: Callable[[Any, Mapping[str, Any], Any], Any]
    """From (record, arguments, context) to the key. Where the edge takes many keys, an exception may stand in place of
    one of them: that place of the answer fails alone."""


Kind = Shown | Derived | Leads


class Guarding(Protocol):
    """Who may see a field."""

    @property
    def is_public(self) -> bool:
        """True where everybody may: nothing is decided at run time."""

    def prepared(self, context: Any) -> Callable[[Any, Any], Exception | None] | None:  # noqa: ANN401 - the schema's context
        """The decision for the caller of this request: from (record, key) to a refusal or None.

        None instead of a function where this caller may see the field of every record.
        """

    def subjects(self, record: Any, key: Any) -> Collection[Hashable]:  # noqa: ANN401 - any record and key
        """Whom the field is about: of a record, or at the root, where there is none, of a key.

        Nobody where the record is everybody's to see; None among them stands for somebody whom nobody knows.
        """


@runtime_checkable
class PlannedField(Protocol):
    """A field definition that a plan can be compiled from."""

    def engine_kind(self) -> Kind:
        """How the field's value comes about."""

    def engine_guard(self) -> Guarding:
        """Who may see it."""

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments as graphql-core coerced them, by the names and types of Python."""
