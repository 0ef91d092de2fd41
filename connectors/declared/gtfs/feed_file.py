"""Writes the file of a feed: its stops as the rows of a snapshot, and its timetable in compact tables beside them.

All workers of a machine read the one file. The timetable of a large city, with five million departures, takes some
60 bytes for each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from connectors.declared.gtfs.feed_faults import ROUTE, TRIP, FeedFaults
from connectors.declared.gtfs.feed_stops import StopRows
from connectors.declared.gtfs.feed_times import add_stop_times
from connectors.declared.gtfs.values import parse_day, parse_seconds
from connectors.declared.snapshot.build import BuildPlan, build_snapshot
from connectors.declared.snapshot.layout import SnapshotFacts, fold
from connectors.drivers.files.row_error import RowError
from connectors.drivers.gtfs.feed_zip import FeedZip, OpenFeed
from records.transit import Route, RouteKind

FEED_VERSION: Final = 1
"""Of the tables in the file."""
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TABLES: Final = """
CREATE TABLE feed (timezone TEXT, first_day INTEGER, last_day INTEGER, last_second INTEGER);
CREATE TABLE routes (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT, name TEXT);
CREATE TABLE services (number INTEGER PRIMARY KEY, days INTEGER, first_day INTEGER, last_day INTEGER);
CREATE TABLE service_dates (day INTEGER, service INTEGER, is_added INTEGER, PRIMARY KEY (day, service)) WITHOUT ROWID;
CREATE TABLE trips (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, route INTEGER, service INTEGER,
    headsign TEXT, wheelchair INTEGER, is_repeated INTEGER NOT NULL DEFAULT 0);
CREATE TABLE frequencies (trip INTEGER, first INTEGER, until INTEGER, headway INTEGER, is_exact INTEGER,
    PRIMARY KEY (trip, first)) WITHOUT ROWID;
"""
_LAST_SECOND: Final = """
SELECT max(last) FROM (SELECT max(departure) AS last FROM stop_times
    UNION ALL SELECT max(until + departure) FROM repeated_times JOIN frequencies USING (trip))
"""
_ROUTE_COLUMNS: Final = (
    *("route_id", "agency_id", "route_short_name", "route_long_name", "route_type", "route_desc", "route_color"),
    *("route_text_color", "route_url"),
)
_ROUTE_KINDS: Final[Mapping[int, RouteKind]] = {
    **{int(each.value): each for each in RouteKind if each.value.isdigit()},
    405: RouteKind.MONORAIL,
}
_EXTENDED_KINDS: Final[Mapping[int, RouteKind]] = {
    1: RouteKind.RAIL,
    2: RouteKind.BUS,
    3: RouteKind.RAIL,
    4: RouteKind.SUBWAY,
    7: RouteKind.BUS,
    8: RouteKind.TROLLEYBUS,
    9: RouteKind.TRAM,
    10: RouteKind.FERRY,
    12: RouteKind.FERRY,
    13: RouteKind.AERIAL_LIFT,
    14: RouteKind.FUNICULAR,
}
"""By the hundreds of the extended route types."""


def write_feed(plan: BuildPlan, source: FeedZip) -> SnapshotFacts:
    """Write the file. Raises `RowError`, which names the file of the feed and its line, and never a value."""
    with source.open() as feed:
        faults = FeedFaults(source.name, plan.max_unreadable)
        return build_snapshot(plan, StopRows(feed, faults), partial(_FeedTables(feed, faults).add))


class _FeedTables:
    """Adds the timetable."""

    def __init__(self, feed: OpenFeed, faults: FeedFaults) -> None:
        self._feed = feed
        self._faults = faults
        self._operators: dict[str, str] = {}
        self._routes: dict[str, int] = {}
        self._services: dict[str, int] = {}
        self._trips: dict[str, int] = {}

    def add(self, database: sqlite3.Connection, facts: SnapshotFacts) -> SnapshotFacts:
        for statement in _TABLES.split(";"):
            database.execute(statement)
        for each in ("agency.txt", "routes.txt", "trips.txt", "stop_times.txt"):
            if each not in self._feed:
                raise RowError(f"{self._feed.name}: there is no {each}")
        timezone = self._read_agencies()
        self._add_routes(database)
        self._add_services(database)
        self._add_trips(database)
        self._add_frequencies(database)
        add_stop_times(self._feed, self._faults, database, self._trips)
        first, last = self._find_days(database)
        [(last_second,)] = database.execute(_LAST_SECOND)
        database.execute("INSERT INTO feed VALUES (?, ?, ?, ?)", (timezone, first, last, last_second or 0))
        self._faults.write(database)
        return replace(facts, left_out=facts.left_out + self._faults.left_out)

    def _read_agencies(self) -> str:
        """The time zone of the feed; the names of agencies are kept for routes."""
        zones = []
        columns = ("agency_id", "agency_name", "agency_timezone")
        for _, (identifier, name, zone), _ in self._feed.read("agency.txt", columns, required=columns[1:]):
            self._operators[identifier] = name
            zones.append(zone)
        try:
            ZoneInfo(zones[0])
        except (IndexError, KeyError, ValueError, OSError):
            raise RowError(f"{self._feed.name}, agency.txt: no known agency_timezone") from None
        return zones[0]

    def _add_routes(self, database: sqlite3.Connection) -> None:
        encode = msgspec.json.Encoder().encode
        bodies: dict[str, tuple[Sequence[str], Route]] = {}
        doubled: set[str] = set()
        for line, values, is_whole in self._feed.read("routes.txt", _ROUTE_COLUMNS, required=("route_id",)):
            identifier = values[0]
            if identifier in bodies and bodies[identifier][0] != values:
                doubled.add(identifier)
                problem: str | None = "the id of an earlier route, with different contents"
            else:
                problem = _find_route_problem(values, is_whole=is_whole)
            if problem is not None:
                self._faults.leave_out("routes.txt", line, problem, (ROUTE, identifier))
            else:
                bodies[identifier] = (values, self._build_route(dict(zip(_ROUTE_COLUMNS, values, strict=True))))
        for identifier, (_, route) in bodies.items():
            body = None if identifier in doubled else encode(route).decode()
            name = fold(" ".join(filter(None, (route.short_name, route.long_name))))
            self._routes[identifier] = self._insert(database, "routes (id, body, name)", (identifier, body, name))

    def _build_route(self, row: Mapping[str, str]) -> Route:
        only = next(iter(self._operators.values())) if len(self._operators) == 1 else None
        return Route(
            id=row["route_id"],
            short_name=row["route_short_name"] or None,
            long_name=row["route_long_name"] or None,
            operator=self._operators.get(row["agency_id"], only),
            kind=_find_kind(row["route_type"]),
            description=row["route_desc"] or None,
            color=row["route_color"].lstrip("#").upper() or None,
            text_color=row["route_text_color"].lstrip("#").upper() or None,
            url=row["route_url"] or None,
        )

    def _add_services(self, database: sqlite3.Connection) -> None:
        columns = ("service_id", "start_date", "end_date", *_WEEKDAYS)
        seen: dict[str, Sequence[str]] = {}
        for line, values, _ in self._feed.read("calendar.txt", columns, required=columns):
            identifier, start, end, *days = values
            if seen.setdefault(identifier, values) == values and identifier in self._services:
                continue  # the same once more, as in feeds that were joined
            first, last = parse_day(start), parse_day(end)
            if first is None or last is None or not identifier or identifier in self._services:
                self._faults.leave_out("calendar.txt", line, "not a service with its own id and two dates")
                continue
            mask = sum((each == "1") << number for number, each in enumerate(days))
            self._services[identifier] = self._insert(
                database, "services (days, first_day, last_day)", (mask, first.toordinal(), last.toordinal())
            )
        dated = ("service_id", "date", "exception_type")
        for line, (identifier, text, kind), _ in self._feed.read("calendar_dates.txt", dated, required=dated):
            day = parse_day(text)
            if day is None or kind not in {"1", "2"} or not identifier:
                self._faults.leave_out("calendar_dates.txt", line, "not a date with exception_type 1 or 2")
                continue
            if identifier not in self._services:
                self._services[identifier] = self._insert(database, "services (days)", (0,))
            row = (day.toordinal(), self._services[identifier], kind == "1")
            database.execute("INSERT OR REPLACE INTO service_dates VALUES (?, ?, ?)", row)

    def _add_trips(self, database: sqlite3.Connection) -> None:
        columns = ("route_id", "service_id", "trip_id", "trip_headsign", "wheelchair_accessible")
        seen: dict[str, Sequence[str]] = {}
        for line, values, is_whole in self._feed.read("trips.txt", columns, required=columns[:3]):
            route, service, identifier, headsign, wheelchair = values
            if identifier in seen and seen[identifier] == values:
                continue
            problem = "the id of an earlier trip, with different contents" if identifier in seen else None
            if not identifier or not is_whole:
                problem = "no trip_id" if is_whole else "more values than columns"
            elif service not in self._services:
                problem = "a service_id that no calendar has"
            if problem is not None:
                self._faults.leave_out("trips.txt", line, problem, (TRIP, identifier))
                if (number := self._trips.pop(identifier, None)) is not None:
                    database.execute("DELETE FROM trips WHERE number = ?", (number,))
                continue
            seen[identifier] = values
            if route not in self._routes:
                self._faults.leave_out("trips.txt", line, "a route_id that routes.txt does not have", (ROUTE, route))
                self._routes[route] = self._insert(database, "routes (id)", (route,))
            row = (identifier, self._routes[route], self._services[service], headsign or None, _to_int(wheelchair))
            self._trips[identifier] = self._insert(database, "trips (id, route, service, headsign, wheelchair)", row)

    def _add_frequencies(self, database: sqlite3.Connection) -> None:
        columns = ("trip_id", "start_time", "end_time", "headway_secs", "exact_times")
        for line, (trip, start, end, headway, exact), _ in self._feed.read(
            "frequencies.txt", columns, required=columns[:4]
        ):
            first, until, seconds = parse_seconds(start), parse_seconds(end), _to_int(headway)
            if trip not in self._trips or first is None or until is None or not seconds or seconds < 0:
                self._faults.leave_out("frequencies.txt", line, "not a known trip with two times and a headway")
                continue
            number = self._trips[trip]
            row = (number, first, until, seconds, exact == "1")
            database.execute("INSERT OR REPLACE INTO frequencies VALUES (?, ?, ?, ?, ?)", row)
            database.execute("UPDATE trips SET is_repeated = 1 WHERE number = ?", (number,))

    def _find_days(self, database: sqlite3.Connection) -> tuple[int, int]:
        """The first and last day with a service. Raises `RowError` if there is none."""
        statement = (
            "SELECT min(first), max(last) FROM (SELECT min(first_day) AS first, max(last_day) AS last FROM services"
            " WHERE days > 0 UNION ALL SELECT min(day), max(day) FROM service_dates WHERE is_added)"
        )
        first, last = database.execute(statement).fetchone()
        if first is None:
            raise RowError(f"{self._feed.name}: no calendar has a day with service")
        return first, last

    def _insert(self, database: sqlite3.Connection, into: str, values: Sequence[object]) -> int:
        marks = ", ".join("?" * len(values))
        found = database.execute(f"INSERT INTO {into} VALUES ({marks})", values).lastrowid  # noqa: S608 - names of tables
        if found is None:
            raise RuntimeError("SQLite numbers every row that it inserts.")
        return found


def _find_route_problem(values: Sequence[str], *, is_whole: bool) -> str | None:
    row = dict(zip(_ROUTE_COLUMNS, values, strict=True))
    if not is_whole:
        return "more values than columns"
    if not row["route_id"]:
        return "no route_id"
    return None if _to_int(row["route_type"]) is not None else "no number in route_type"


def _find_kind(text: str) -> RouteKind:
    number = int(text)
    return _ROUTE_KINDS.get(number, _EXTENDED_KINDS.get(number // 100, RouteKind.OTHER))


def _to_int(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 - fits in SQLite
