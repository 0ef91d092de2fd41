"""Denied and failed fields: each stays null in the answer, and its error is recorded here.

A denial is raised before the value is computed or loaded: by `PlanRun._get_raw_value`, or for the key of a batch field
by `engine/execution/edge_keys.py`. The code that catches it, or another exception of the field, calls
`FieldErrors.record` and puts no value. Parents of a null that is not allowed become null at the end of the run
(`engine/execution/null_propagation.py`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.plan.tree import PlanField, Shape


class FieldError(NamedTuple):
    """A field that was denied or failed in one object of the answer."""

    field: PlanField
    answer: dict[str, Any]
    indices: tuple[int, ...]
    """Indices inside the field's own lists."""
    error: Exception


class FieldErrors:
    """The denied and failed fields of one run."""

    __slots__ = ("recorded",)

    def __init__(self) -> None:
        """Starts empty."""
        self.recorded: list[FieldError] = []

    def record(self, field: PlanField, answer: dict[str, Any], indices: tuple[int, ...], error: Exception) -> None:
        """Record why a field is null in one object; `indices` locate a null item inside the field's own lists."""
        self.recorded.append(FieldError(field, answer, indices, error))

    def drop_after(self, count: int) -> None:
        """Keep only the first errors, because the records of later ones are shaped again."""
        del self.recorded[count:]

    def take(self) -> list[FieldError]:
        """Remove the errors from the run: their tracebacks may refer to it, which would be a reference cycle."""
        errors, self.recorded = self.recorded, []
        return errors


def build_null_object(shape: Shape) -> dict[str, Any]:
    """An object of the answer in which every field is null until it has a value, except for `__typename`."""
    answer: dict[str, Any] = dict.fromkeys(shape.keys)
    answer |= dict.fromkeys(shape.typenames, shape.type.name)
    return answer
