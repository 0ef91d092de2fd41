"""How large an answer is once it is written out.

A plan makes one object for a record and lets it stand at every place that leads to it. That costs nothing until the
answer is written: lists that lead to each other in a circle (a region's children, their parent, its children, ...)
multiply with every level, and a line of query becomes gigabytes of JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.kinds import Leads
from engine.plan.tree import PlanField

_LISTS_INSIDE_EACH_OTHER = 3
_LISTS_IN_ALL = 20


def may_multiply(fields: Sequence[PlanField]) -> bool:
    """Whether lists of other records are so many, or so deep inside each other, that the answer has to be measured."""
    lists = [each for each in fields if each.depth and isinstance(each.kind, Leads)]
    return len(lists) >= _LISTS_IN_ALL or any(_lists_above(each) >= _LISTS_INSIDE_EACH_OTHER for each in lists)


def _lists_above(field: PlanField) -> int:
    """How many lists of other records the field is wrapped in, its own included."""
    count = 0
    at: PlanField | None = field
    while at is not None:
        count += 1 if at.depth and isinstance(at.kind, Leads) else 0
        at = at.parent.parent
    return count


def objects_in(answer: object) -> int:
    """The number of objects in an answer when it is written out, shared ones counted wherever they stand."""
    return _count(answer, {})


def _count(value: Any, known: dict[int, int]) -> int:  # noqa: ANN401 - any part of an answer
    if type(value) is list:
        return sum(_count(each, known) for each in value if type(each) is dict or type(each) is list)
    if type(value) is not dict:
        return 0
    count = known.get(id(value))
    if count is None:
        count = known[id(value)] = 1 + sum(
            _count(each, known) for each in value.values() if type(each) is dict or type(each) is list
        )
    return count
