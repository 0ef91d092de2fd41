"""Which places of a plan's answer hold what is no longer fresh."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.kinds import Leads
from engine.old_places import OldPlace
from engine.plan.faults import Path, paths_of
from engine.plan.keys import Keys, edge_of
from engine.plan.tree import PlanField
from records.freshness import Staleness


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


def places_of(data: dict[str, Any], found: Sequence[Aged]) -> list[OldPlace]:
    """Where they stand in the answer; what does not stand in it is left out."""
    paths = paths_of(data, found)
    return [_place(each, path) for each in found for path in paths[id(each.answer)]]


def _place(each: Aged, path: Path) -> OldPlace:
    kind = each.field.kind
    agency = kind.edge.batch.agency if isinstance(kind, Leads) else None
    return OldPlace((*path, each.field.key, *each.place), agency, each.staleness)
