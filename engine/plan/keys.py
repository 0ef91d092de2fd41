"""By which keys records lead on: for all records at once, or with care for each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from engine.kinds import Depends, Leads
from engine.plan.facts import Facts, Undecided
from engine.plan.leaves import null_in_non_null
from engine.plan.tree import PlanField
from engine.plan.underway import Underway

_ODD = (type(None), Exception)
"""Nobody is asked by them."""


class Leading(Protocol):
    """What is needed of the run."""

    context: Any
    facts: Facts
    underway: Underway

    def may(self, field: PlanField) -> Any:  # noqa: ANN401 - a decision or None
        """The decision about the field for this caller."""

    def lead(self, group: Sequence[PlanField], records: Sequence[Any], answers: list[dict[str, Any]]) -> None:
        """Fields that one batch answers."""

    def arguments(self, field: PlanField) -> Mapping[str, Any]:
        """The field's arguments; raises where they cannot be had."""

    def fault(self, field: PlanField, answer: dict[str, Any], place: tuple[int, ...], fault: Exception) -> None:
        """Note a fault."""


class Keys(NamedTuple):
    """The keys of records, and where what they lead to will stand."""

    keys: list[Any]
    """One for each target; or, where the edge takes many, a list of keys and exceptions."""
    targets: list[dict[str, Any]]
    wanted: dict[Hashable, None]
    """Each key that has to be asked for, once."""


def edge_of(field: PlanField) -> Leads:
    """How a field leads on."""
    if not isinstance(field.kind, Leads):
        raise TypeError(f"{field!r} leads nowhere.")
    return field.kind


def plain_keys(run: Leading, field: PlanField, records: Sequence[Any], answers: list[dict[str, Any]]) -> Keys | None:
    """Keys that are attributes of the records, for all records at once; None where one has to be looked at."""
    edge = edge_of(field).edge
    if edge.by is None or edge.many or field.graphql.args:
        return None
    try:
        if run.may(field) is not None:
            return None
        keys = list(map(attrgetter(edge.by), records))
        wanted = dict.fromkeys(keys)
    except Exception:  # noqa: BLE001 - one of the records is not as it should be: it fails alone
        return None
    if any(issubclass(kind, _ODD) for kind in set(map(type, wanted))):
        return None
    return Keys(keys, answers, wanted)


def keyed(run: Leading, group: Sequence[PlanField], records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> Keys:
    """Keys of records one by one; each fault is the fault of its own record."""
    first = group[0]
    kind = edge_of(first)
    keys: list[Any] = []
    targets: list[dict[str, Any]] = []
    wanted: dict[Hashable, None] = {}
    waiting: list[dict[str, Any]] = []
    on: list[Depends] = []
    for record, answer in zip(records, answers, strict=True):
        try:
            key = _passed(run, first, record, kind.key(record, run.arguments(first), run.context))
            if key is not None:
                keys.append(_wanted(kind, key, wanted))
                targets.append(answer)
                continue
        except Undecided as pending:
            waiting.append(answer)
            on += pending.on
            continue
        except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
            for field in group:
                run.fault(field, answer, (), fault)
            continue
        for field in group:
            if field.non_null:
                run.fault(field, answer, (), null_in_non_null(field.name))
    if on:  # who was decided about waits for the others: one step is one call
        held = {id(answer) for answer in (*targets, *waiting)}
        of = [(record, answer) for record, answer in zip(records, answers, strict=True) if id(answer) in held]
        all_of_them = partial(run.lead, group, [record for record, _ in of], [answer for _, answer in of])
        run.facts.when_known(run.underway, on, all_of_them)
        return Keys([], [], {})
    return Keys(keys, targets, wanted)


def _wanted(kind: Leads, key: Any, wanted: dict[Hashable, None]) -> Any:  # noqa: ANN401 - any key
    """The key, or keys; what of them has to be asked for is noted."""
    if not kind.edge.many:
        wanted[key] = None
        return key
    keys = [_hashable(each) for each in key]
    wanted.update((each, None) for each in keys if not isinstance(each, Exception))
    return keys


def _passed(run: Leading, field: PlanField, record: Any, key: Any) -> Any:  # noqa: ANN401 - any record and key
    """The key, where the caller may go on by it; raises the refusal, or `Undecided`."""
    may = run.may(field)
    if may is None:
        if isinstance(key, Exception):
            raise key.with_traceback(None)
        return key
    if field.guard.of_each_key and edge_of(field).edge.many:
        return run.facts.settled_each(key, partial(may, record))
    refusal = run.facts.settled(may(record, key))
    if refusal is not None:
        raise refusal
    if isinstance(key, Exception):
        raise key.with_traceback(None)
    return key


def _hashable(key: Any) -> Any:  # noqa: ANN401 - any key
    """The key, or why nothing can be asked by it."""
    try:
        hash(key)
    except TypeError as fault:
        return fault
    return key
