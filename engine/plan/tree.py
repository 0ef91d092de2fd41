"""The tree of a plan: the fields that are selected for each type, at each place of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    is_non_null_type,
)

from engine.edge import Edge
from engine.field_kinds import BatchField, FieldGuard, FieldKind, PlannedField

DEFINITION = "strawberry-definition"
"""The key of a field's definition in `extensions`, as Strawberry sets it."""

ShapeFunction = Callable[[Any, Sequence[Any]], list[dict[str, Any]]]
"""From (run, records) to their parts of the answer, with only the scalars and enums of the records filled in."""


class NotPlannable(Exception):  # noqa: N818 - reads as what it is
    """A part of the operation can only be run by graphql-core."""


@dataclass(eq=False, slots=True)
class PlanField:
    """One field at one place of the answer."""

    key: str
    nodes: tuple[FieldNode, ...]
    parent: Shape
    definition: PlannedField
    graphql_field: GraphQLField
    type: GraphQLOutputType
    kind: FieldKind
    guard: FieldGuard
    number: int
    depth: int
    """The number of nested lists around its value."""
    shapes: dict[str, Shape] = field(default_factory=dict)
    """The selections of its value, for each possible object type; empty for scalars and enums."""
    only_shape: Shape | None = None
    """The shape of all its objects, if they are of one type and the schema names their class."""
    is_object_non_null: bool = False
    """Whether the objects themselves, inside all lists, can never be null."""
    coerce: Callable[[Any], Any] | None = None
    """For scalars and enums of a batch: the fast coercion of a value; raises for values that are not plain."""
    own_part: GuardedPart | None = None
    """At the root: the field as a part for read tracking."""
    variable_arguments: Sequence[tuple[str, str]] = ()
    """The Python name of each argument and the variable that is its value; empty if an argument has another value."""
    is_public: bool = field(init=False)
    """Whether its guard is public: nothing is decided at run time."""
    edge: Edge = field(init=False)
    """The edge of a batch field; unset for other fields. A run reads it a dozen times for each field."""
    compute_key: Callable[[Any, Mapping[str, Any], Any], Any] = field(init=False)
    """`BatchField.key`; unset for other fields."""

    def __post_init__(self) -> None:
        """Copy what every run reads."""
        self.is_public = self.guard.is_public
        if isinstance(self.kind, BatchField):
            self.edge, self.compute_key = self.kind.edge, self.kind.key

    @property
    def is_leaf(self) -> bool:
        """Whether its value is a scalar or enum, or a list of them."""
        return not self.shapes

    @property
    def is_non_null(self) -> bool:
        """Whether it can never be null."""
        return is_non_null_type(self.type)

    @property
    def name(self) -> str:
        """Type and field, as errors name it."""
        return f"{self.parent.type.name}.{self.nodes[0].name.value}"

    def __repr__(self) -> str:
        """Response key and schema coordinate."""
        return f"<PlanField {self.key}: {self.name}>"


@dataclass(eq=False, slots=True)
class Shape:
    """The selection of an object of one type, at one place of the answer."""

    number: int
    record: type[Any] | None
    """The class of its objects, if the schema names it."""
    parent: PlanField | None
    type: GraphQLObjectType
    fields: list[PlanField] = field(default_factory=list)
    typenames: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Every response key in order, `__typename` included."""
    function: ShapeFunction | None = None
    """Shapes records; interpreted at first, compiled later (`engine/plan/code_generation.py`)."""
    nested: tuple[PlanField, ...] = ()
    """Fields whose value, a record or records, is part of the parent record."""
    groups: tuple[tuple[PlanField, ...], ...] = ()
    """Fields that load other records, grouped by what is loaded together."""
    guarded_parts: tuple[GuardedPart, ...] = ()
    """Guarded fields, in parts for read tracking; empty at the root."""

    def __repr__(self) -> str:
        """Type and number."""
        return f"<Shape {self.number} of {self.type.name}>"


@dataclass(frozen=True, slots=True, eq=False)
class GuardedPart:
    """Fields of one shape whose reads have the same subjects, the unit of read tracking; equal only to itself."""

    guard: FieldGuard
    """Names the subjects of all its fields."""
    fields: tuple[PlanField, ...]
    get_subject: Callable[[Any], Any] | None = None
    """From a record to its subject or a tuple of them (`FieldGuard.read_subject`); None if only the guard knows."""
    is_of_key: bool = False
    """Whether a key that is a subject is the only one (`FieldGuard.key_is_subject`)."""
    is_of_plan: bool = True
    """False for a part with fewer fields, because some failed in one answer."""


ReadSummary = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Names, agencies and data classes of fields."""
ReadSummaries = dict[tuple[GuardedPart, ...], ReadSummary]
"""Summaries by the parts that hold the fields."""


def build_guarded_parts(shape: Shape) -> tuple[GuardedPart, ...]:
    """The guarded fields of a shape, grouped by the attribute that names their subjects, or else by guard."""
    parts: dict[str | int, list[PlanField]] = {}
    for planned in shape.fields:
        if not planned.is_public:
            parts.setdefault(planned.guard.read_subject or id(planned.guard), []).append(planned)
    return tuple(
        GuardedPart(fields[0].guard, tuple(fields), None if isinstance(named, int) else attrgetter(named))
        for named, fields in parts.items()
    )
