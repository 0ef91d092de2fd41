"""The keys by which the edges of records are loaded: for all records together, or one by one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from engine.edge import Edge
from engine.execution.authorization_facts import FactMissing
from engine.field_kinds import FactRequest
from engine.plan.leaf_coercion import build_non_null_error
from engine.plan.tree import PlanField

if TYPE_CHECKING:  # a run imports this module
    from engine.execution.plan_run import PlanRun

_UNLOADABLE_TYPES = (type(None), Exception)
"""Types of keys that are never looked up."""


@dataclass(slots=True, eq=False)
class EdgeKeys:
    """The keys of records, and the places of their targets."""

    keys: list[Any]
    """One for each target; for an edge that takes many keys, a list of keys and exceptions."""
    targets: list[dict[str, Any]]
    distinct_keys: dict[Hashable, None]
    """The keys to look up, each once."""


def collect_plain_keys(
    run: PlanRun, field: PlanField, records: Sequence[Any], answers: list[dict[str, Any]]
) -> EdgeKeys | None:
    """Keys that are attributes of the records, for all records together; None if a record needs separate treatment."""
    edge = field.edge
    if edge.key_attribute is None or edge.has_many_keys or field.graphql_field.args:
        return None
    try:
        if run.get_decider_of_records(field, records) is not None:
            return None
        keys = list(map(attrgetter(edge.key_attribute), records))
        distinct_keys = dict.fromkeys(keys)
    except Exception:  # noqa: BLE001 - one of the records is malformed: one by one, only its own field fails
        return None
    for kind in set(map(type, distinct_keys)):
        if issubclass(kind, _UNLOADABLE_TYPES):
            return None
    return EdgeKeys(keys, answers, distinct_keys)


def collect_keys(
    run: PlanRun, group: Sequence[PlanField], records: Sequence[Any], answers: Sequence[dict[str, Any]]
) -> EdgeKeys:
    """Keys of records one by one; each failure belongs to its own record."""
    first = group[0]
    edge, compute_key = first.edge, first.compute_key
    keys: list[Any] = []
    targets: list[dict[str, Any]] = []
    distinct_keys: dict[Hashable, None] = {}
    waiting: list[dict[str, Any]] = []
    missing_facts: list[FactRequest] = []
    for record, answer in zip(records, answers, strict=True):
        try:
            key = _authorize_key(run, first, record, compute_key(record, run.get_arguments(first), run.context))
            if key is not None:
                keys.append(_add_keys(edge, key, distinct_keys))
                targets.append(answer)
                continue
        except FactMissing as pending:
            waiting.append(answer)
            missing_facts += pending.missing
            continue
        except Exception as fault:  # noqa: BLE001 - whatever a field raises is the error of that field
            for field in group:
                run.field_errors.record(field, answer, (), fault)
            continue
        for field in group:  # without a key, the fields are null
            if field.is_non_null:
                run.field_errors.record(field, answer, (), build_non_null_error(field.name))
    if missing_facts:
        # The whole step waits, also for records that are decided already: otherwise one call would become several.
        # Records without a key and failed ones are complete.
        unresolved_ids = {id(answer) for answer in (*targets, *waiting)}
        unresolved = [
            (record, answer) for record, answer in zip(records, answers, strict=True) if id(answer) in unresolved_ids
        ]
        resume = partial(
            run.request_batch, group, [record for record, _ in unresolved], [answer for _, answer in unresolved]
        )
        run.facts.resume_when_known(run.pending_work, missing_facts, resume)
        return EdgeKeys([], [], {})
    return EdgeKeys(keys, targets, distinct_keys)


def _add_keys(edge: Edge, key: Any, distinct_keys: dict[Hashable, None]) -> Any:  # noqa: ANN401 - any key
    """The key or keys of a record; collects those to look up."""
    if not edge.has_many_keys:
        distinct_keys[key] = None
        return key
    keys = [_to_hashable(each) for each in key]
    distinct_keys.update((each, None) for each in keys if not isinstance(each, Exception))
    return keys


def _authorize_key(run: PlanRun, field: PlanField, record: Any, key: Any) -> Any:  # noqa: ANN401 - any record and key
    """The key, if the caller may follow it; raises the refusal, or `FactMissing`."""
    guard = field.guard
    if field.is_public or (not field.edge.has_many_keys and guard.allows_own_key(run.context, record, key)):
        decider = None
    else:
        decider = run.get_decider(field)
    if decider is not None:
        if guard.is_keyed and field.edge.has_many_keys:
            return run.facts.decide_each(key, partial(decider, record))
        verdict = decider(record, key)
        denial = None if verdict is None else run.facts.decide(verdict)
        if denial is not None:
            raise denial
    if isinstance(key, Exception):
        raise key.with_traceback(None)
    return key


def _to_hashable(key: Any) -> Any:  # noqa: ANN401 - any key
    """The key, or the reason why it cannot be looked up."""
    try:
        hash(key)
    except TypeError as fault:
        return fault
    return key
