"""What the engine knows of a field: how its value comes about, and who may see it.

A schema's field definition offers this as `engine_kind` and `engine_guard`; the engine never calls resolvers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from engine.batch import Batch
from engine.edge import Edge


@dataclass(frozen=True, slots=True)
class AttributeField:
    """The value is an attribute of the record."""

    attribute: str


@dataclass(frozen=True, slots=True)
class ComputedField:
    """The value is a pure function of (record, arguments, context)."""

    function: Callable[[Any, Mapping[str, Any], Any], Any]
    expected_size: int | None = None
    """How many objects it usually holds, where it is a list of records."""


@dataclass(frozen=True, slots=True)
class BatchField:
    """The value comes from a batch, by a key."""

    edge: Edge
    key: Callable[[Any, Mapping[str, Any], Any], Any]
    """From (record, arguments, context) to the key. Where the edge takes many keys, an exception may stand in place of
    one of them: that place of the answer fails alone."""


FieldKind = AttributeField | ComputedField | BatchField


@dataclass(frozen=True, slots=True)
class FactRequest:
    """In place of a decision that needs a fact. The engine loads the facts of a step in one call, and asks again."""

    batch: Batch[Any, Any]
    key: Hashable
    decide: Callable[[Any], Exception | None]
    """Asks again: from the fact, or the failure in its place, to the refusal or None. The fact goes nowhere else."""


Verdict: TypeAlias = Exception | FactRequest | None
"""A refusal; what the decision depends on; or None where nothing speaks against it."""
Decider: TypeAlias = Callable[[Any, Any], Verdict]
"""The decision of one caller about a field: from (record, key)."""


class FieldGuard(Protocol):
    """Who may see a field."""

    @property
    def is_public(self) -> bool:
        """True where everybody may: nothing is decided at run time."""

    @property
    def decides_per_key(self) -> bool:
        """True where a field that takes many keys is decided for each of them: a refusal costs that place alone."""

    @property
    def fact_batches(self) -> Sequence[Batch[Any, Any]]:
        """Whose answers its decisions may take, by whoever asks: each is asked once for all that wait for it."""

    @property
    def data_class(self) -> str | None:
        """How sensitive what it guards is, in the schema's words; None for what nobody has to be told of."""

    def build_decider(self, context: Any) -> Decider | None:  # noqa: ANN401 - the schema's context
        """The decision for the caller of this request; None where this caller may see the field of every record."""

    def find_blanket_refusal(self, context: Any) -> Exception | None:  # noqa: ANN401 - the schema's context
        """Why this caller may see the field of no record at all; None where there may be one."""

    def get_subjects(self, record: Any, key: Any) -> Collection[Hashable]:  # noqa: ANN401 - any record and key
        """Whom the field is about: of a record, or at the root, where there is none, of a key.

        Nobody where the record is everybody's to see; None among them stands for somebody whom nobody knows.
        """


@runtime_checkable
class PlannedField(Protocol):
    """A field definition that a plan can be compiled from."""

    def engine_kind(self) -> FieldKind:
        """How the field's value comes about."""

    def engine_guard(self) -> FieldGuard:
        """Who may see it."""

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments as graphql-core coerced them, by the names and types of Python."""
