"""From the part of a query, such as statuses or a region, to the condition that the hub checks of each record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import partial
from operator import attrgetter, ge, le, lt
from typing import Any, Final

from connectors.declared.domain_reads import find_plain_type
from connectors.declared.python_functions import split_optional
from connectors.declared.search.pages import NEAR, SEARCH, find_single_type, require_comparable
from connectors.declared.tables import FilterTable, NotDeclarableError
from records.description import get_field_types
from records.distances import measure_metres
from records.identifiers import RegionCode
from records.regions import Coordinates

Condition = Callable[[Any], bool]
BuildCondition = Callable[[Any], Condition]
"""From the value of a part to the condition of a record."""

_BOUND_TOLERANCE: Final = timedelta(days=1)
"""Agencies differ in whether a bound is included, and some know days only."""
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"from": ge, "until": le, "before": lt}


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """How records are selected by one part of a query."""

    build: BuildCondition
    proof: BuildCondition
    """The condition of each row of an agency that selects by the part: around a bound it may be wider."""


def build_record_filter(
    place: str, part: str, part_type: object, record: type[Any], table: FilterTable
) -> RecordFilter:
    """The filter of a part. Raises `NotDeclarableError` if it cannot be compared with the field."""
    kind = split_optional(get_field_types(record).get(table.field))[0]
    if kind is None or kind is type(None):
        raise NotDeclarableError(place, f"the record {record.__name__} has no field '{table.field}'")
    get = attrgetter(table.field)
    if part in {SEARCH, NEAR}:
        return _build_same((_contain if part == SEARCH else _surround)(place, kind, get))
    require_comparable(place, part, part_type, table.field, kind)
    if table.match is not None:
        if find_plain_type(kind) not in {datetime, date, int}:
            raise NotDeclarableError(place, f"'{table.match}' compares days, moments and numbers; remove `match`")
        return RecordFilter(partial(_compare, get, table.match), partial(_compare_loosely, get, table.match))
    if find_single_type(kind) is RegionCode:
        return _build_same(partial(_lie_inside, get))
    if find_plain_type(kind) not in {str, int, bool, date} and not (isinstance(kind, type) and issubclass(kind, Enum)):
        raise NotDeclarableError(place, f"records cannot be selected by '{part}'; choose another field")
    return _build_same(partial(_equal, get))


def _build_same(build: BuildCondition) -> RecordFilter:
    return RecordFilter(build, build)


def _compare(get: Callable[[Any], Any], match: str, value: object) -> Condition:
    compare = _COMPARISONS[match]
    return lambda each: (found := get(each)) is not None and compare(found, value)


def _compare_loosely(get: Callable[[Any], Any], match: str, value: Any) -> Condition:  # noqa: ANN401 - a day, a moment or a number
    tolerance: Any = _BOUND_TOLERANCE if isinstance(value, date) else 0
    return _compare(get, "from", value - tolerance) if match == "from" else _compare(get, "until", value + tolerance)


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
