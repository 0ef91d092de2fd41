"""The tree of a plan: which fields are answered for which type, at which place of the answer.

Fragments are spread, fields with the same response key merged, and `@include` and `@skip` decided (GraphQL
specification, section 6.3.2 "Field Collection"): a plan is compiled for one set of values of those conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    is_non_null_type,
)

from engine.field_kinds import FieldGuard, FieldKind, PlannedField

DEFINITION = "strawberry-definition"
"""Where the schema library keeps a field's definition."""

ShapeFunction = Callable[[Any, Sequence[Any]], list[dict[str, Any]]]
"""From (run, records) to their answers, in which only scalars and enums at hand are filled in."""


class NotPlannable(Exception):  # noqa: N818 - reads as what it is
    """The operation holds something that only graphql-core runs."""


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
    """How many lists its value is wrapped in."""
    shapes: dict[str, Shape] = field(default_factory=dict)
    """What is selected of its value, for each object type it can be of; empty for scalars and enums."""
    only_shape: Shape | None = None
    """The shape of all of its objects, where they are of one type and the schema names their class."""
    is_object_non_null: bool = False
    """Whether the objects themselves, inside all lists, can never be null."""
    coerce: Callable[[Any], Any] | None = None
    """For scalars and enums: from a value to what the answer holds; raises for what cannot be one."""
    own_part: GuardedPart | None = None
    """At the root: the field as a part of its own (`engine/execution/read_tracking.py`)."""

    @property
    def is_leaf(self) -> bool:
        """Whether its value is a scalar or enum, or lists of such."""
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
    """What is selected of an object of one type, at one place of the answer."""

    number: int
    record: type[Any] | None
    """The class its objects have, where the schema says so."""
    parent: PlanField | None
    type: GraphQLObjectType
    fields: list[PlanField] = field(default_factory=list)
    typenames: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Every response key in order, `__typename` included."""
    function: ShapeFunction | None = None
    """Answers its records; replaced once it is compiled."""
    nested: tuple[PlanField, ...] = ()
    """Fields whose value, a record or records, is at hand."""
    groups: tuple[tuple[PlanField, ...], ...] = ()
    """Fields that lead elsewhere; what is asked together stands together."""
    guarded_parts: tuple[GuardedPart, ...] = ()
    """Fields that not everybody may see, as parts (`engine/execution/read_tracking.py`); empty at the root."""

    def __repr__(self) -> str:
        """Type and number."""
        return f"<Shape {self.number} of {self.type.name}>"


@dataclass(frozen=True, slots=True, eq=False)
class GuardedPart:
    """Fields of one shape that one guard stands before. Equal only to itself: most are those of the plan."""

    guard: FieldGuard
    fields: tuple[PlanField, ...]
    is_of_plan: bool = True
    """False for fewer fields than the plan's part has, because some failed in one answer."""


ReadSummaries = dict[tuple[GuardedPart, ...], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]
"""By the parts that a subject's fields stand in: their names, agencies and classes. Kept with the plan."""


def build_guarded_parts(shape: Shape) -> tuple[GuardedPart, ...]:
    """The guarded fields of a shape, by guard."""
    by_guard: dict[int, list[PlanField]] = {}
    for planned in shape.fields:
        if not planned.guard.is_public:
            by_guard.setdefault(id(planned.guard), []).append(planned)
    return tuple(GuardedPart(fields[0].guard, tuple(fields)) for fields in by_guard.values())
