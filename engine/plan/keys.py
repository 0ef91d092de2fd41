"""By which keys records lead on: for all records at once, or with care for each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from engine.kinds import Leads
from engine.plan.leaves import null_in_non_null
from engine.plan.tree import PlanField

_ODD = (type(None), Exception)
"""Nobody is asked by them."""


class Leading(Protocol):
    """What is needed of the run."""

    context: Any

    def may(self, field: PlanField) -> Any:  # noqa: ANN401 - a decision or None
        """The decision about the field for this caller."""

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
    for record, answer in zip(records, answers, strict=True):
        try:
            key = kind.key(record, run.arguments(first), run.context)
            refusal = None if (may := run.may(first)) is None else may(record, key)
            if refusal is not None:
                raise refusal  # noqa: TRY301 - one way for all faults of a field
            if isinstance(key, Exception):
                raise key.with_traceback(None)  # noqa: TRY301 - one way for all faults of a field
            if key is not None:
                if kind.edge.many:
                    key = [_hashable(each) for each in key]
                    wanted.update((each, None) for each in key if not isinstance(each, Exception))
                else:
                    wanted[key] = None
                keys.append(key)
                targets.append(answer)
                continue
        except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
            for field in group:
                run.fault(field, answer, (), fault)
            continue
        for field in group:
            if field.non_null:
                run.fault(field, answer, (), null_in_non_null(field.name))
    return Keys(keys, targets, wanted)


def _hashable(key: Any) -> Any:  # noqa: ANN401 - any key
    """The key, or why nothing can be asked by it."""
    try:
        hash(key)
    except TypeError as fault:
        return fault
    return key
