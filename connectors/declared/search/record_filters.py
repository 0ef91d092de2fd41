"""From the part of a query, such as statuses or a region, to the condition that the hub checks of each record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from math import hypot
from operator import attrgetter, ge, le, lt
from typing import Any, Final, get_type_hints

from connectors.declared.domain_reads import find_plain_type
from connectors.declared.python_functions import split_optional
from connectors.declared.search.pages import NEAR, SEARCH, find_single_type, require_comparable
from connectors.declared.snapshot.conditions import metres_per_degree
from connectors.declared.tables import FilterTable, NotDeclarableError
from records.identifiers import RegionCode
from records.regions import Coordinates, Near

Condition = Callable[[Any], bool]
BuildCondition = Callable[[Any], Condition]
"""From the value of a part to the condition of a record."""

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"from": ge, "until": le, "before": lt}


def build_record_filter(
    place: str, part: str, part_type: object, record: type[Any], table: FilterTable
) -> BuildCondition:
    """The filter of a part. Raises `NotDeclarableError` if it cannot be compared with the field."""
    kind = split_optional(get_type_hints(record).get(table.field))[0]
    if kind is None or kind is type(None):
        raise NotDeclarableError(place, f"the record {record.__name__} has no field '{table.field}'")
    get = attrgetter(table.field)
    if part == SEARCH:
        return _contain(place, kind, get)
    if part == NEAR:
        return _surround(place, kind, get)
    require_comparable(place, part, part_type, table.field, kind)
    if table.match is not None:
        if find_plain_type(kind) not in {datetime, date, int}:
            raise NotDeclarableError(place, f"'{table.match}' compares days, moments and numbers; remove `match`")
        compare = _COMPARISONS[table.match]
        return lambda value: lambda each: (found := get(each)) is not None and compare(found, value)
    if find_single_type(kind) is RegionCode:
        return lambda value: _lie_inside(get, value)
    if find_plain_type(kind) not in {str, int, bool, date} and not (isinstance(kind, type) and issubclass(kind, Enum)):
        raise NotDeclarableError(place, f"records cannot be selected by '{part}'; choose another field")
    return lambda value: _equal(get, value)


def measure_metres(near: Near, point: Coordinates | None) -> float:
    """The distance of a point; infinite if there is none."""
    if point is None:
        return float("inf")
    north, east = metres_per_degree(near.point.latitude)
    return hypot((point.latitude - near.point.latitude) * north, (point.longitude - near.point.longitude) * east)


def _equal(get: Callable[[Any], Any], value: object) -> Condition:
    wanted = frozenset(value) if isinstance(value, tuple) else frozenset({value})
    return lambda each: get(each) in wanted


def _lie_inside(get: Callable[[Any], Any], value: str | tuple[str, ...]) -> Condition:
    """Inside a region, or any of several, at any level."""
    inside = tuple(f"{code}." for code in (value if isinstance(value, tuple) else (value,)))
    return lambda each: f"{get(each)}.".startswith(inside)


def _contain(place: str, kind: object, get: Callable[[Any], Any]) -> BuildCondition:
    if find_plain_type(kind) is not str:
        raise NotDeclarableError(place, "a text is looked for in a field with a text; name another field")

    def build(value: str) -> Condition:
        wanted = value.strip().casefold()
        return lambda each: wanted in (get(each) or "").casefold()

    return build


def _surround(place: str, kind: object, get: Callable[[Any], Any]) -> BuildCondition:
    if kind is not Coordinates:
        raise NotDeclarableError(place, "the surroundings of a point need a field with coordinates; name another field")
    return lambda near: lambda each: measure_metres(near, get(each)) <= near.metres
