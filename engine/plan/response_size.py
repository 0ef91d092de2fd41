"""Measures the size of an answer as JSON.

A run builds one object for a record, and places it wherever the record occurs. That costs nothing until the answer is
written: lists that refer to each other in a circle (a region's children, their parent, its children, ...) multiply with
every level, and one line of query becomes gigabytes of JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from engine.document.limits import ASK_FOR_LESS, Limits, TooLarge
from engine.field_kinds import BatchField
from engine.plan.tree import PlanField

_NESTED_LISTS = 3
_TOTAL_LISTS = 20
_MANY_FIELDS = 200
"""Few lists make a large answer, too, if each object has a thousand members."""


def may_multiply(fields: Sequence[PlanField]) -> bool:
    """Whether there are enough lists of other records, or enough nesting, that the answer must be measured."""
    if len(fields) >= _MANY_FIELDS:
        return True
    lists = [each for each in fields if each.depth and isinstance(each.kind, BatchField)]
    return len(lists) >= _TOTAL_LISTS or any(_count_lists_above(each) >= _NESTED_LISTS for each in lists)


def _count_lists_above(field: PlanField) -> int:
    """How many lists of other records lead to the field, its own included."""
    count = 0
    at: PlanField | None = field
    while at is not None:
        count += 1 if at.depth and isinstance(at.kind, BatchField) else 0
        at = at.parent.parent
    return count


def check_size(answer: object, limits: Limits) -> TooLarge | None:
    """The refusal of an answer that is too large, else None."""
    size = measure_response(answer)
    if size.objects > limits.objects:
        return TooLarge(f"The answer would hold more than {limits.objects} objects. {ASK_FOR_LESS}")
    if size.values > limits.values:
        return TooLarge(f"The answer would hold more than {limits.values} values. {ASK_FOR_LESS}")
    return None


class ResponseSize(NamedTuple):
    """The size of an answer."""

    objects: int
    values: int
    """Members of the objects."""


def measure_response(answer: object) -> ResponseSize:
    """The size of an answer as JSON; shared objects count at every place."""
    return _measure(answer, {})


def _measure(value: Any, known: dict[int, ResponseSize]) -> ResponseSize:  # noqa: ANN401 - any part of an answer
    if type(value) is dict:
        size = known.get(id(value))
        if size is None:
            size = known[id(value)] = _add_sizes(value.values(), 1, len(value), known)
        return size
    return _add_sizes(value, 0, 0, known) if type(value) is list else ResponseSize(0, 0)


def _add_sizes(parts: Iterable[Any], objects: int, values: int, known: dict[int, ResponseSize]) -> ResponseSize:
    for each in parts:
        if type(each) is dict or type(each) is list:
            size = _measure(each, known)
            objects += size.objects
            values += size.values
    return ResponseSize(objects, values)
