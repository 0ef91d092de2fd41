"""The fast path for a field that loads records of a single class by key.

Each record is shaped once for its key, and placed wherever the key occurs. All other answers take the careful path
(`engine/execution/object_placement.py`), with the same result.
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
    """Place the answers; returns False and does nothing if the fast path does not apply."""
    only = field.only_shape
    if only is None or field.depth > 1 or len(edge_keys.keys) > SLICE:
        return False
    shaped_by_key = (
        _shape_single_records(run, field, edge_keys, values)
        if not field.depth
        else _shape_single_list(run, only, edge_keys, values)
    )
    if shaped_by_key is None:
        return False
    name = field.key
    for key, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
        answer[name] = shaped_by_key[key]
    return True


def _shape_single_records(
    run: PlanRun, field: PlanField, edge_keys: EdgeKeys, values: Mapping[Hashable, Any]
) -> Mapping[Hashable, dict[str, Any] | None] | None:
    """The shaped records by key; null for an absent record and for a failure."""
    only = field.only_shape
    if only is None:
        return None
    records = [values[key] for key in edge_keys.distinct_keys]
    kinds = set(map(type, records))
    if kinds == {only.record}:
        return dict(zip(edge_keys.distinct_keys, run.shape_records(only, records), strict=True))
    if not kinds <= {only.record, NoneType, FailedAnswer}:
        return None
    if FailedAnswer in kinds or field.is_non_null:
        for key, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
            value = values[key]
            if type(value) is FailedAnswer:
                run.field_errors.record(field, answer, (), value.failure)
            elif value is None and field.is_non_null:
                run.field_errors.record(field, answer, (), build_non_null_error(field.name))
    shaped_by_key: dict[Hashable, dict[str, Any] | None] = dict.fromkeys(edge_keys.distinct_keys)
    plain = [key for key in edge_keys.distinct_keys if type(values[key]) is only.record]
    shaped_by_key.update(zip(plain, run.shape_records(only, [values[key] for key in plain]), strict=True))
    return shaped_by_key


def _shape_single_list(
    run: PlanRun, only: Shape, edge_keys: EdgeKeys, values: Mapping[Hashable, Any]
) -> Mapping[Hashable, list[dict[str, Any]]] | None:
    """The shaped records of a single list. A record may be in several lists: the careful path shapes it once."""
    if len(edge_keys.distinct_keys) != 1:
        return None
    (key,) = edge_keys.distinct_keys
    records = values[key]
    if type(records) not in (tuple, list) or len(records) > SLICE or not set(map(type, records)) <= {only.record}:
        return None
    return {key: run.shape_records(only, records)}
