"""Which places of an answer hold what is no longer fresh, and what is said of each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.kinds import Leads
from engine.plan.faults import Path, paths_of
from engine.plan.keys import Keys, edge_of
from engine.plan.tree import PlanField
from records.freshness import Staleness

MOST = 100
"""Places that are listed; more are counted."""


class Aged(NamedTuple):
    """A field of one object of the answer whose value is no longer fresh."""

    field: PlanField
    answer: dict[str, Any]
    place: tuple[int, ...]
    """Its index, where one of several is meant."""
    staleness: Staleness


def aged(group: Sequence[PlanField], of: Keys, old: Mapping[Hashable, Staleness]) -> list[Aged]:
    """What of a step is no longer fresh."""
    many = edge_of(group[0]).edge.many
    found: list[Aged] = []
    for keys, answer in zip(of.keys, of.targets, strict=True):
        for index, key in enumerate(keys) if many else ((0, keys),):
            staleness = None if isinstance(key, Exception) else old.get(key)
            if staleness is not None:
                found += [Aged(field, answer, (index,) if many else (), staleness) for field in group]
    return found


def told(data: dict[str, Any], found: Sequence[Aged]) -> list[dict[str, Any]]:
    """What the answer says of them (`extensions.freshness`): each place, its agency, of when it is and why."""
    paths = paths_of(data, found)
    said = [_said(each, path) for each in found for path in paths[id(each.answer)]]
    if len(said) > MOST:
        return [*said[:MOST], {"more": len(said) - MOST}]
    return said


def _said(each: Aged, path: Path) -> dict[str, Any]:
    kind, staleness = each.field.kind, each.staleness
    return {
        "path": [*path, each.field.key, *each.place],
        "agency": kind.edge.batch.agency if isinstance(kind, Leads) else None,
        "asOf": staleness.as_of.isoformat(),
        "stale": True,
        "reason": staleness.reason,
    }
