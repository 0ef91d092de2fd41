"""Answers that a field gets by key, and that are records of the one class they can be of: the quick way.

Each record is shaped once for its key and put in place wherever the key stands. Whatever else a batch may answer goes
the careful way (`engine/execution/object_placement.py`), with the same result.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any

from engine.event_loop import SLICE
from engine.execution.batch_scheduler import FailedAnswer
from engine.execution.edge_keys import EdgeKeys
from engine.plan.leaf_coercion import build_non_null_error
from engine.plan.tree import PlanField, Shape

if TYPE_CHECKING:  # a run imports this module
    from engine.execution.plan_run import PlanRun


def place_by_key(run: PlanRun, field: PlanField, edge_keys: EdgeKeys, values: Mapping[Hashable, Any]) -> bool:
    """Put the answers in place; False, and nothing is done, where there is no quick way."""
    only = field.only_shape
    if only is None or field.depth > 1 or len(edge_keys.keys) > SLICE:
        return False
    made = (
        _shape_single_records(run, field, edge_keys, values)
        if not field.depth
        else _shape_single_list(run, only, edge_keys, values)
    )
    if made is None:
        return False
    name = field.key
    for key, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
        answer[name] = made[key]
    return True


def _shape_single_records(
    run: PlanRun, field: PlanField, edge_keys: EdgeKeys, values: Mapping[Hashable, Any]
) -> Mapping[Hashable, dict[str, Any] | None] | None:
    """By key the answer for its record: null where there is none, and where a failure stands in its place."""
    only = field.only_shape
    if only is None:
        return None
    records = [values[key] for key in edge_keys.wanted]
    kinds = set(map(type, records))
    if kinds == {only.record}:
        return dict(zip(edge_keys.wanted, run.shape_records(only, records), strict=True))
    if not kinds <= {only.record, NoneType, FailedAnswer}:
        return None
    if FailedAnswer in kinds or field.is_non_null:
        for key, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
            value = values[key]
            if type(value) is FailedAnswer:
                run.record_error(field, answer, (), value.failure)
            elif value is None and field.is_non_null:
                run.record_error(field, answer, (), build_non_null_error(field.name))
    made: dict[Hashable, dict[str, Any] | None] = dict.fromkeys(edge_keys.wanted)
    plain = [key for key in edge_keys.wanted if type(values[key]) is only.record]
    made.update(zip(plain, run.shape_records(only, [values[key] for key in plain]), strict=True))
    return made


def _shape_single_list(
    run: PlanRun, only: Shape, edge_keys: EdgeKeys, values: Mapping[Hashable, Any]
) -> Mapping[Hashable, list[dict[str, Any]]] | None:
    """The answers for one list of records. Where lists are many, a record may stand in all: it is to be shaped once."""
    if len(edge_keys.wanted) != 1:
        return None
    (key,) = edge_keys.wanted
    records = values[key]
    if type(records) not in (tuple, list) or len(records) > SLICE or not set(map(type, records)) <= {only.record}:
        return None
    return {key: run.shape_records(only, records)}
