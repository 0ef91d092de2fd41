"""The guarded fields of a plan, grouped by guard: the parts by which a run tells what was read."""

from __future__ import annotations

from dataclasses import dataclass

from engine.field_kinds import FieldGuard
from engine.plan.tree import PlanField, Shape


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
    for field in shape.fields:
        if not field.guard.is_public:
            by_guard.setdefault(id(field.guard), []).append(field)
    return tuple(GuardedPart(fields[0].guard, tuple(fields)) for fields in by_guard.values())
