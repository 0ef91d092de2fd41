"""Writes when trips stop where: times that a feed leaves out are estimated between those that it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, NamedTuple

from connectors.declared.gtfs.feed_faults import STOP, FeedFaults
from connectors.declared.gtfs.values import parse_seconds
from connectors.drivers.gtfs.feed_zip import OpenFeed

_FILE: Final = "stop_times.txt"
_INSERTED: Final = 5_000
"""Rows of one statement."""
_MAX_DIGITS: Final = 9
_NO_PICKUP: Final = "1"
_COLUMNS: Final = (
    *("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence", "pickup_type", "shape_dist_traveled"),
    "stop_headsign",
)
_TABLES: Final = """
CREATE TABLE {name} (stop INTEGER, departure INTEGER, trip INTEGER, sequence INTEGER, arrival INTEGER,
    is_boarded INTEGER, is_estimated INTEGER, headsign TEXT, PRIMARY KEY (stop, departure, trip, sequence))
    WITHOUT ROWID
"""


class _Call(NamedTuple):
    """A stop of a trip."""

    trip: int
    sequence: int
    stop: int
    arrival: int | None
    departure: int | None
    is_boarded: int
    distance: float | None
    headsign: str | None
    line: int


class _TimedCall(NamedTuple):
    """A stop of a trip, with seconds of its day."""

    stop: int
    departure: int
    sequence: int
    arrival: int
    is_boarded: bool
    is_estimated: bool
    headsign: str | None


def add_stop_times(feed: OpenFeed, faults: FeedFaults, database: sqlite3.Connection, trips: Mapping[str, int]) -> None:
    """Add the tables of timetables. Raises `RowError`."""
    for name in ("stop_times", "repeated_times"):
        database.execute(_TABLES.format(name=name))
    database.execute(
        "CREATE TEMP TABLE calls (trip INTEGER, sequence INTEGER, stop INTEGER, arrival INTEGER, departure INTEGER,"
        " is_boarded INTEGER, distance REAL, headsign TEXT, line INTEGER)"
    )
    _insert_all(database, "temp.calls", _read_calls(feed, faults, database, trips))
    repeated = {each for (each,) in database.execute("SELECT number FROM trips WHERE is_repeated")}
    rows: dict[str, list[Sequence[object]]] = {"stop_times": [], "repeated_times": []}
    for trip, calls in groupby(map(_Call._make, _sort_calls(database)), key=itemgetter(0)):
        timed = _estimate_times(list(calls), faults)
        if not timed:
            continue
        start = timed[0].departure if trip in repeated else 0
        into = "repeated_times" if trip in repeated else "stop_times"
        rows[into] += [
            (stop, departure - start, trip, sequence, arrival - start, *rest)
            for stop, departure, sequence, arrival, *rest in timed
        ]
        if len(rows[into]) > _INSERTED:
            _insert(database, into, rows[into])
    for into, each in rows.items():
        _insert(database, into, each)
        database.execute(f"CREATE INDEX {into}_trip ON {into} (trip, sequence)")
    database.execute("DROP TABLE temp.calls")
    _add_route_stops(database)


def _read_calls(
    feed: OpenFeed, faults: FeedFaults, database: sqlite3.Connection, trips: Mapping[str, int]
) -> Iterator[_Call]:
    stops: dict[str, int] = dict(database.execute("SELECT id, number FROM rows"))
    seconds = lru_cache(maxsize=200_000)(parse_seconds)
    broken: set[str] = set()
    for line, values, _ in feed.read(_FILE, _COLUMNS, required=("trip_id", "stop_sequence")):
        trip, arrival, departure, stop, sequence, pickup, distance, headsign = values
        arrives, departs = seconds(arrival or departure), seconds(departure or arrival)
        problem = None
        if trip not in trips:
            problem = "a trip_id that trips.txt does not have, or has twice"
            if trip in broken:  # counted once: its trip is one mistake
                continue
            broken.add(trip)
        elif not stop:
            continue  # a zone of demand-responsive transport
        elif stop not in stops:
            problem = "a stop_id that stops.txt does not have, or has twice"
        elif not (sequence.isascii() and sequence.isdigit() and len(sequence) <= _MAX_DIGITS):
            problem = "no number in stop_sequence"
        elif (arrival and arrives is None) or (departure and departs is None):
            problem = "not a time"
        if problem is not None:
            faults.leave_out(_FILE, line, problem, (STOP, stop) if stop and stop not in stops else None)
            continue
        yield _Call(
            trips[trip], int(sequence), stops[stop], arrives, departs, pickup != _NO_PICKUP, _to_number(distance),
            headsign or None, line,
        )  # fmt: skip


def _sort_calls(database: sqlite3.Connection) -> Iterator[Sequence[object]]:
    return database.execute("SELECT * FROM temp.calls ORDER BY trip, sequence, line")


def _estimate_times(calls: Sequence[_Call], faults: FeedFaults) -> Sequence[_TimedCall]:
    """The stops with a time, known or estimated. Those before the first time and after the last are left out."""
    timed = [number for number, each in enumerate(calls) if each.departure is not None]
    if len(timed) < 2:  # noqa: PLR2004 - a trip goes somewhere
        faults.leave_out(_FILE, calls[0].line, "the trip has fewer than two times")
        return []
    found = []
    seen: set[int] = set()
    for start, end in zip(timed, [*timed[1:], None], strict=True):
        last = start + 1 if end is None else end
        for number in range(start, last):
            each = calls[number]
            if each.sequence in seen:
                faults.leave_out(_FILE, each.line, "the stop_sequence of an earlier row of the trip")
                continue
            seen.add(each.sequence)
            arrival, departure = each.arrival, each.departure
            if arrival is None or departure is None:
                arrival = departure = _estimate(calls, start, number, last)
            is_boarded = bool(each.is_boarded) and number != timed[-1]
            found.append(
                _TimedCall(each.stop, departure, each.sequence, arrival, is_boarded, number != start, each.headsign)
            )
    return found


def _estimate(calls: Sequence[_Call], start: int, number: int, end: int) -> int:
    """A time between two known ones: by distance if the feed has it, else in equal steps."""
    leaves, arrives = calls[start].departure or 0, calls[end].arrival or 0
    distances = [calls[each].distance for each in (start, number, end)]
    share = (number - start) / (end - start)
    if None not in distances:
        first, here, last = (each or 0.0 for each in distances)
        if first <= here <= last and first < last:
            share = (here - first) / (last - first)
    return leaves + round((arrives - leaves) * share)


def _add_route_stops(database: sqlite3.Connection) -> None:
    """The stops of each route: those of its longest trip in order, then those that only other trips serve."""
    database.execute(
        "CREATE TABLE route_stops (route INTEGER, stop INTEGER, position INTEGER, PRIMARY KEY (route, stop))"
        " WITHOUT ROWID"
    )
    times = "(SELECT trip, stop, sequence FROM stop_times UNION ALL SELECT trip, stop, sequence FROM repeated_times)"
    database.execute(
        f"CREATE TEMP TABLE lengths AS SELECT route, trip, count(*) AS stops FROM {times} JOIN trips"  # noqa: S608 - the tables above
        " ON trips.number = trip GROUP BY trip"
    )
    longest = "SELECT trip FROM (SELECT trip, max(stops) FROM temp.lengths GROUP BY route)"
    for trips, start in ((f"IN ({longest})", 0), ("> 0", 1_000_000)):
        database.execute(
            f"INSERT OR IGNORE INTO route_stops SELECT route, stop, min(sequence) + {start} FROM {times} JOIN trips"  # noqa: S608 - same
            f" ON trips.number = trip WHERE trip {trips} GROUP BY route, stop"
        )
    database.execute("CREATE INDEX route_stops_stop ON route_stops (stop, route)")
    database.execute("DROP TABLE temp.lengths")


def _insert_all(database: sqlite3.Connection, into: str, rows: Iterator[Sequence[object]]) -> None:
    while batch := list(islice(rows, _INSERTED)):
        _insert(database, into, batch)


def _insert(database: sqlite3.Connection, into: str, rows: list[Sequence[object]]) -> None:
    """Insert rows, and empty the list."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT OR IGNORE INTO {into} VALUES ({marks})", rows)  # noqa: S608 - names of tables
        rows.clear()


def _to_number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
