"""Stale values of an answer: their paths, and their description in `extensions.freshness`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from engine.execution.edge_keys import EdgeKeys, get_batch_field
from engine.execution.null_propagation import Path, find_paths
from engine.plan.tree import PlanField
from records.calls.freshness import Staleness

MAX_LISTED = 100
"""Paths that are listed; further ones are counted."""


class StalePath(NamedTuple):
    """The path of a stale value, with its notice."""

    path: Sequence[str | int]
    staleness: Staleness


class StaleField(NamedTuple):
    """A field with a stale value in one object of the answer."""

    field: PlanField
    answer: dict[str, Any]
    indices: tuple[int, ...]
    """The index of the value, if the field has many keys."""
    staleness: Staleness


def find_stale_fields(
    group: Sequence[PlanField], edge_keys: EdgeKeys, stale_answers: Mapping[Hashable, Staleness]
) -> list[StaleField]:
    """The stale fields among the answers of one step."""
    many = get_batch_field(group[0]).edge.has_many_keys
    found: list[StaleField] = []
    for keys, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
        for index, key in enumerate(keys) if many else ((0, keys),):
            staleness = None if isinstance(key, Exception) else stale_answers.get(key)
            if staleness is not None:
                found += [StaleField(field, answer, (index,) if many else (), staleness) for field in group]
    return found


def locate_stale_fields(data: dict[str, Any], stale_fields: Sequence[StaleField]) -> list[StalePath]:
    """The paths of stale fields; those that the answer does not contain are left out."""
    paths = find_paths(data, stale_fields)
    return [_to_stale_path(each, path) for each in stale_fields for path in paths[id(each.answer)]]


def _to_stale_path(each: StaleField, path: Path) -> StalePath:
    return StalePath((*path, each.field.key, *each.indices), each.staleness)


def describe_stale_paths(places: Sequence[StalePath]) -> list[dict[str, Any]]:
    """The value of `extensions.freshness`: each path with its agency, its time and the reason.

    A copy that is not overdue is listed once, at its first place.
    """
    copies: dict[tuple[str | None, datetime], StalePath] = {}
    for each in places:
        if not each.staleness.is_stale:
            copies.setdefault((each.staleness.agency, each.staleness.as_of), each)
    places = [*copies.values(), *(each for each in places if each.staleness.is_stale)]
    listed = [
        {
            "path": list(path),
            "agency": staleness.agency,
            "asOf": staleness.as_of.isoformat(),
            "stale": staleness.is_stale,
            "reason": staleness.reason,
        }
        for path, staleness in places[:MAX_LISTED]
    ]
    return listed if len(places) <= MAX_LISTED else [*listed, {"more": len(places) - MAX_LISTED}]
