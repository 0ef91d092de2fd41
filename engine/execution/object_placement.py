"""Shapes each object below a field once, and places it wherever it occurs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphql import Undefined, is_non_null_type
from graphql.pyutils import is_iterable

from engine.execution.batch_scheduler import FailedAnswer
from engine.plan.leaf_coercion import build_non_null_error, build_not_a_list_error
from engine.plan.plan import Plan
from engine.plan.tree import PlanField, Shape

if TYPE_CHECKING:  # a run imports this module
    from engine.execution.plan_run import PlanRun

_LISTS = (list, tuple)
_PLAIN = {list, tuple, type(None), FailedAnswer}


class ObjectPlacement:
    """The objects below one field, for all of its parents together."""

    __slots__ = ("_by_id", "_field", "_is_complete", "_plan", "_run", "by_shape", "objects")

    def __init__(self, plan: Plan, field: PlanField, run: PlanRun) -> None:
        """Starts without objects."""
        self.objects: list[Any] = []
        """Each object below the field, once."""
        self.by_shape: dict[Shape, tuple[list[Any], list[dict[str, Any]]]] = {}
        """Shaped records, and their parts of the answer."""
        self._plan = plan
        self._field = field
        self._run = run
        self._by_id: dict[int, Any] = {}
        """By identity of the object: its part of the answer, or its `FailedAnswer`."""
        self._is_complete = True
        """Whether every value has an entry in `_by_id`: there is no failure, and no null where none is allowed."""

    def collect(self, values: Sequence[Any]) -> Sequence[Any]:
        """Collect the objects of the field's values for all parents; returns them with iterables as lists."""
        depth = self._field.depth
        if depth > 1 or (depth and not set(map(type, values)) <= _PLAIN):
            values = [_to_lists(value, depth) for value in values]
        fresh = _collect_objects(values, depth)
        if fresh.pop(id(None), self) is None:
            if self._field.is_object_non_null:
                self._is_complete = False
            else:
                self._by_id[id(None)] = None
        self.objects = list(fresh.values())
        return values

    def shape(self, objects: Sequence[Any]) -> None:
        """Shape objects, without the fields below them."""
        only = self._field.only_shape
        if only is not None and set(map(type, objects)) <= {only.record}:
            self._add(only, objects)
            return
        of_shape: dict[Shape, list[Any]] = {}
        for value in objects:
            if value is Undefined or type(value) is FailedAnswer or isinstance(value, Exception):
                self._is_complete = False
                continue
            try:
                shape = self._plan.resolve_shape(self._field, value, self._run.context)
            except Exception as fault:  # noqa: BLE001 - whatever a value raises is the error of its place
                self._by_id[id(value)] = FailedAnswer(fault)
                self._is_complete = False
            else:
                of_shape.setdefault(shape, []).append(value)
        for shape, records in of_shape.items():
            self._add(shape, records)

    def _add(self, shape: Shape, records: Sequence[Any]) -> None:
        answers = shape_leaves(shape, self._run, records)
        self._by_id.update(zip(map(id, records), answers, strict=True))
        known = self.by_shape.setdefault(shape, ([], []))
        known[0].extend(records)
        known[1].extend(answers)

    def place(self, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        """Place the shaped objects, for some of the parents."""
        by_id, key, type_ = self._by_id, self._field.key, self._field.type
        if self._is_complete and not self._field.depth:
            for value, answer in zip(values, targets, strict=True):
                answer[key] = by_id[id(value)]
            return
        plain = self._is_complete and self._field.depth == 1
        for value, answer in zip(values, targets, strict=True):
            if plain and type(value) in _LISTS:
                answer[key] = [by_id[id(each)] for each in value]
            else:
                answer[key] = self._build_value(answer, type_, value, ())

    def _build_value(self, answer: dict[str, Any], type_: Any, value: Any, place: tuple[int, ...]) -> Any:  # noqa: ANN401 - any type, value and part of an answer
        """The part of the answer for one value, of the field's type or of the type of its items."""
        field = self._field
        fault: Exception
        if type(value) is FailedAnswer:
            fault = value.failure
        elif isinstance(value, Exception):
            fault = value
        elif value is None or value is Undefined:
            if not is_non_null_type(type_):
                return None
            fault = build_non_null_error(field.name)
        elif len(place) == field.depth:
            made = self._by_id[id(value)]
            if type(made) is not FailedAnswer:
                return made
            fault = made.failure
        elif type(value) not in _LISTS:
            fault = build_not_a_list_error(field.name)
        else:
            item_type = (type_.of_type if is_non_null_type(type_) else type_).of_type
            return [self._build_value(answer, item_type, each, (*place, index)) for index, each in enumerate(value)]
        self._run.field_errors.record(field, answer, place, fault)
        return None


def shape_leaves(shape: Shape, run: PlanRun, records: Sequence[Any]) -> list[dict[str, Any]]:
    """Shape records by the shape's function. Fields that need a batch, or hold records, are null so far."""
    if shape.function is None:
        raise TypeError(f"{shape!r} was never compiled.")
    answers = shape.function(run, records)
    if shape.guarded_parts and records and run.read_tracker is not None:
        run.read_tracker.record_shape(shape, records, answers)
    return answers


def _to_lists(value: Any, depth: int) -> Any:  # noqa: ANN401 - any value
    """The value with every iterable as a list; a failure while iterating replaces the list."""
    if not depth or (depth == 1 and type(value) in _LISTS) or not is_iterable(value):
        return value
    try:
        return [_to_lists(each, depth - 1) for each in value]
    except Exception as fault:  # noqa: BLE001 - a list that fails while it is read is the error of its place
        return fault


def _collect_objects(values: Sequence[Any], depth: int) -> dict[int, Any]:
    """Everything at the depth of objects, by its identity."""
    for _ in range(depth - 1):
        values = [each for value in values if type(value) in _LISTS for each in value]
    if depth:
        return {id(each): each for value in values if type(value) in _LISTS for each in value}
    return dict(zip(map(id, values), values, strict=True))
