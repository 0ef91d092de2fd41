"""What the engine knows of a field: how its value is computed, and who may see it.

A schema's field definition provides this as `engine_kind` and `engine_guard`; the engine never calls resolvers.
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
    """How many objects it usually holds, if it is a list of records."""
    depends_on_caller: bool = False
    """Whether it depends on the caller, such as on their language."""
    changes_by_itself: bool = False
    """Whether it may change while record, arguments and caller stay the same, such as the state of a service."""


@dataclass(frozen=True, slots=True)
class BatchField:
    """The value comes from a batch, by a key."""

    edge: Edge
    key: Callable[[Any, Mapping[str, Any], Any], Any]
    """From (record, arguments, context) to the key. If the edge takes many keys, an exception may replace one of them:
    only that place of the answer fails."""


FieldKind = AttributeField | ComputedField | BatchField


@dataclass(frozen=True, slots=True)
class FactRequest:
    """Replaces a decision that needs a fact. The engine loads the facts of a step in one call, and decides again."""

    batch: Batch[Any, Any]
    key: Hashable
    decide: Callable[[Any], Exception | None]
    """Decides by the fact, or by the failure in its place: returns the refusal or None. The fact is used only here."""


Verdict: TypeAlias = Exception | FactRequest | None
"""A refusal; the fact that the decision needs; or None if the field is allowed."""
Decider: TypeAlias = Callable[[Any, Any], Verdict]
"""The decision of one caller about a field, from (record, key)."""


class FieldGuard(Protocol):
    """Who may see a field."""

    @property
    def is_public(self) -> bool:
        """True if the field is public: nothing is decided at run time."""

    @property
    def is_keyed(self) -> bool:
        """True if the key names the subject. Several keys are decided separately: a refusal affects one place."""

    @property
    def depends_on_time(self) -> bool:
        """Whether its decisions depend on the time, as on that since the caller's last sign-in."""

    @property
    def fact_batches(self) -> Sequence[Batch[Any, Any]]:
        """Batches that its decisions may need, for any caller: each is called once for all waiting decisions."""

    @property
    def data_class(self) -> str | None:
        """The data class of the guarded data, in the schema's terms; None for data whose reads are not reported."""

    @property
    def read_subject(self) -> str | None:
        """The attribute of a record that holds its subject, or a tuple of them, for every read of the field.

        None if only `get_read_subjects` finds them. An empty attribute stands for an unidentified person.
        """

    @property
    def key_is_subject(self) -> bool:
        """Whether a key that names a person is itself the one subject of a read, as in most fields of the root."""

    def build_decider(self, context: Any) -> Decider | None:  # noqa: ANN401 - the schema's context
        """The decision for the caller of this request; None if this caller may see the field of every record."""

    def allows_own(self, context: Any, records: Sequence[Any]) -> bool:  # noqa: ANN401 - the schema's context
        """Whether the caller may see the field of their own records, and all of these records are their own.

        Most records that a citizen reads are their own. Then many of them need no decider, and no decision for each.
        """

    def allows_own_key(self, context: Any, record: Any, key: Any) -> bool:  # noqa: ANN401 - the schema's context
        """Whether the key names the caller's own person, and the caller may see the field of their own records."""

    def find_blanket_refusal(self, context: Any) -> Exception | None:  # noqa: ANN401 - the schema's context
        """The refusal if this caller can never see the field; None otherwise."""

    def get_read_subjects(self, record: Any, key: Any) -> Collection[Hashable]:  # noqa: ANN401 - any record and key
        """The subjects of the field: of a record or, at the root, where there is no record, of a key.

        Empty if the record is public; None among them is an unidentified person.
        """


@runtime_checkable
class PlannedField(Protocol):
    """A field definition that a plan can be compiled from."""

    def engine_kind(self) -> FieldKind:
        """How the field's value is computed."""

    def engine_guard(self) -> FieldGuard:
        """Who may see it."""

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments as graphql-core coerced them, by Python names and types."""

    def engine_argument_names(self) -> Mapping[str, str] | None:
        """Python names by the names in the graph, if `engine_arguments` changes only names; else None."""
