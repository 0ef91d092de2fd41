"""Stale values of an answer: their paths, and their description in `extensions.freshness`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from engine.agencies.routing_log import MissingPart
from engine.execution.edge_keys import EdgeKeys
from engine.execution.null_propagation import Path, find_paths
from engine.plan.tree import PlanField
from records.calls.freshness import Staleness

MAX_LISTED = 100
"""Paths that are listed; further ones are counted."""


Notice: TypeAlias = Staleness | tuple[MissingPart, ...]
"""Why an answer is not what it should be: it is stale, or agencies are missing from it."""


class StalePath(NamedTuple):
    """The path of a value that is stale or incomplete, with its notice."""

    path: Sequence[str | int]
    notice: Notice


class StaleField(NamedTuple):
    """A field with a stale or incomplete value in one object of the answer."""

    field: PlanField
    answer: dict[str, Any]
    indices: tuple[int, ...]
    """The index of the value, if the field has many keys."""
    notice: Notice

    @property
    def is_stale(self) -> bool:
        """Whether the value may not be used again: it is stale, or incomplete."""
        return not isinstance(self.notice, Staleness) or self.notice.is_stale


def find_stale_fields(
    group: Sequence[PlanField], edge_keys: EdgeKeys, notices: Mapping[Hashable, Notice]
) -> list[StaleField]:
    """The stale or incomplete fields among the answers of one step."""
    many = group[0].edge.has_many_keys
    found: list[StaleField] = []
    for keys, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
        for index, key in enumerate(keys) if many else ((0, keys),):
            notice = None if isinstance(key, Exception) else notices.get(key)
            if notice is not None:
                found += [StaleField(field, answer, (index,) if many else (), notice) for field in group]
    return found


def locate_stale_fields(data: dict[str, Any], stale_fields: Sequence[StaleField]) -> list[StalePath]:
    """The paths of stale fields; those that the answer does not contain are left out."""
    paths = find_paths(data, stale_fields)
    return [_to_stale_path(each, path) for each in stale_fields for path in paths[id(each.answer)]]


def _to_stale_path(each: StaleField, path: Path) -> StalePath:
    return StalePath((*path, each.field.key, *each.indices), each.notice)


def describe_notices(places: Sequence[StalePath]) -> dict[str, Any]:
    """The values of `extensions.freshness` and `extensions.incomplete`, if there are any.

    A copy that is not overdue is listed once, at its first place.
    """
    copies: dict[tuple[str | None, datetime], dict[str, Any]] = {}
    stale: list[dict[str, Any]] = []
    incomplete: list[dict[str, Any]] = []
    for path, notice in places:
        if not isinstance(notice, Staleness):
            incomplete += [{"path": list(path), "agency": each.agency, "code": each.code} for each in notice]
        elif notice.is_stale:
            stale.append(_describe_staleness(path, notice))
        else:
            copies.setdefault((notice.agency, notice.as_of), _describe_staleness(path, notice))
    found = {"freshness": [*copies.values(), *stale], "incomplete": incomplete}
    return {name: _limit(listed) for name, listed in found.items() if listed}


def _describe_staleness(path: Sequence[str | int], notice: Staleness) -> dict[str, Any]:
    return {
        "path": list(path),
        "agency": notice.agency,
        "asOf": notice.as_of.isoformat(),
        "stale": notice.is_stale,
        "reason": notice.reason,
    }


def _limit(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    more = len(listed) - MAX_LISTED
    return listed if more <= 0 else [*listed[:MAX_LISTED], {"more": more}]
