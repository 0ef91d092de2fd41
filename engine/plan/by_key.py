"""Answers that a field gets by key, and that are records of the one class they can be of: the quick way.

Each record is shaped once for its key and put in place wherever the key stands. Whatever else a batch may answer goes
the careful way (`engine/plan/objects.py`), with the same result.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from types import NoneType
from typing import Any, Protocol

from engine.plan.gather import Failed
from engine.plan.keys import Keys
from engine.plan.leaves import null_in_non_null
from engine.plan.slices import SLICE
from engine.plan.tree import PlanField, Shape


class Shaping(Protocol):
    """What is needed of the run."""

    def shaped(self, shape: Shape, records: Sequence[Any]) -> list[dict[str, Any]]:
        """The answers for records of one shape."""

    def fault(self, field: PlanField, answer: dict[str, Any], place: tuple[int, ...], fault: Exception) -> None:
        """Note a fault."""


def put_by_key(run: Shaping, field: PlanField, of: Keys, values: Mapping[Hashable, Any]) -> bool:
    """Put the answers in place; False, and nothing is done, where there is no quick way."""
    only = field.only
    if only is None or field.depth > 1 or len(of.keys) > SLICE:
        return False
    made = _one_each(run, field, of, values) if not field.depth else _one_list(run, only, of, values)
    if made is None:
        return False
    name = field.key
    for key, answer in zip(of.keys, of.targets, strict=True):
        answer[name] = made[key]
    return True


def _one_each(
    run: Shaping, field: PlanField, of: Keys, values: Mapping[Hashable, Any]
) -> Mapping[Hashable, dict[str, Any] | None] | None:
    """By key the answer for its record: null where there is none, and where a failure stands in its place."""
    only = field.only
    if only is None:
        return None
    records = [values[key] for key in of.wanted]
    kinds = set(map(type, records))
    if kinds == {only.record}:
        return dict(zip(of.wanted, run.shaped(only, records), strict=True))
    if not kinds <= {only.record, NoneType, Failed}:
        return None
    if Failed in kinds or field.non_null:
        for key, answer in zip(of.keys, of.targets, strict=True):
            value = values[key]
            if type(value) is Failed:
                run.fault(field, answer, (), value.failure)
            elif value is None and field.non_null:
                run.fault(field, answer, (), null_in_non_null(field.name))
    made: dict[Hashable, dict[str, Any] | None] = dict.fromkeys(of.wanted)
    plain = [key for key in of.wanted if type(values[key]) is only.record]
    made.update(zip(plain, run.shaped(only, [values[key] for key in plain]), strict=True))
    return made


def _one_list(
    run: Shaping, only: Shape, of: Keys, values: Mapping[Hashable, Any]
) -> Mapping[Hashable, list[dict[str, Any]]] | None:
    """The answers for one list of records. Where lists are many, a record may stand in all: it is to be shaped once."""
    if len(of.wanted) != 1:
        return None
    (key,) = of.wanted
    records = values[key]
    if type(records) not in (tuple, list) or len(records) > SLICE or not set(map(type, records)) <= {only.record}:
        return None
    return {key: run.shaped(only, records)}
