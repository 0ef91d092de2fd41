"""Answers from the timetable in the file of a feed: services of a day, departures, and the calls of trips."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import islice
from sqlite3 import Connection
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from connectors.declared.gtfs.values import count_seconds, find_moment, write_seconds
from records.transit import Departure, WheelchairAccess

DAY_SECONDS: Final = 86_400
_WHEELCHAIR: Final = {1: WheelchairAccess.ACCESSIBLE, 2: WheelchairAccess.NOT_ACCESSIBLE}
_SERVICES: Final = """
SELECT number FROM services WHERE (days >> ? & 1) AND first_day <= ? AND last_day >= ?
    AND number NOT IN (SELECT service FROM service_dates WHERE day = ? AND NOT is_added)
UNION SELECT service FROM service_dates WHERE day = ? AND is_added
"""
_COLUMNS: Final = (
    "trips.id, routes.id, coalesce(times.headsign, trips.headsign), times.sequence, times.arrival, times.departure,"
    " times.is_estimated, trips.wheelchair, rows.id"
)
_JOINS: Final = """
AS times JOIN trips ON trips.number = times.trip JOIN routes ON routes.number = trips.route
    JOIN rows ON rows.number = times.stop
"""
_PLANNED: Final = f"""
SELECT {_COLUMNS}, NULL, NULL, NULL, NULL FROM stop_times {_JOINS}
WHERE times.stop = ? AND times.departure >= ? AND times.departure < ? AND times.is_boarded
    AND trips.service IN (SELECT value FROM json_each(?)) ORDER BY times.departure LIMIT ?
"""  # noqa: S608 - names of tables
_REPEATED: Final = f"""
SELECT {_COLUMNS}, runs.first, runs.until, runs.headway, runs.is_exact FROM repeated_times {_JOINS}
    JOIN frequencies AS runs ON runs.trip = trips.number
WHERE times.stop = ? AND runs.until + times.departure >= ? AND runs.first + times.departure < ? AND times.is_boarded
    AND trips.service IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - same


class TripCall(NamedTuple):
    """A stop of a trip, with seconds of its day; of a repeated trip, since its start."""

    sequence: int
    stop_id: str
    arrival: int
    departure: int


@dataclass(frozen=True, slots=True)
class FeedDays:
    """The days of a feed."""

    zone: ZoneInfo
    first: date
    last: date
    last_second: int
    """The latest time of a service day."""

    @property
    def days_back(self) -> int:
        """Service days before today that may still have departures."""
        return self.last_second // DAY_SECONDS

    @classmethod
    def load(cls, connection: Connection) -> FeedDays:
        """From the file."""
        zone, first, last, second = connection.execute("SELECT * FROM feed").fetchone()
        return cls(ZoneInfo(zone), date.fromordinal(first), date.fromordinal(last), second)

    def find_gap(self, moment: datetime) -> str | None:
        """Why there is no timetable for a moment; None if there is one."""
        day = moment.astimezone(self.zone).date()
        if day - timedelta(days=self.days_back) > self.last:
            return f"the timetable ended on {self.last.isoformat()}"
        return None if day >= self.first else f"the timetable begins on {self.first.isoformat()}"


class Timetable:
    """The timetable of one file. Its services of a day are found once."""

    def __init__(self, connection: Connection) -> None:
        """Read the days of the feed."""
        self.days = FeedDays.load(connection)
        self._services: dict[date, str] = {}

    def list_departures(
        self, connection: Connection, stops: Sequence[int], since: datetime, limit: int, *, seconds: int = DAY_SECONDS
    ) -> list[Departure]:
        """The departures from stops in the time after a moment, in order."""
        today = since.astimezone(self.days.zone).date()
        found = [
            self._list_of_day(connection, stop, today + timedelta(days=each), (since, seconds), limit)
            for each in range(-self.days.days_back, 2)
            for stop in stops
        ]
        return list(islice(merge(*found, key=lambda each: each.departs_at), limit))

    def _list_of_day(
        self, connection: Connection, stop: int, day: date, period: tuple[datetime, int], limit: int
    ) -> list[Departure]:
        services = self._find_services(connection, day)
        start = count_seconds(day, period[0], self.days.zone)
        if services == "[]" or start > self.days.last_second:
            return []
        until = start + period[1]
        rows = connection.execute(_PLANNED, (stop, start, until, services, limit)).fetchall()
        found = [self._build(day, row, None) for row in rows]
        for row in connection.execute(_REPEATED, (stop, start, until, services)):
            found += [self._build(day, row, run) for run in islice(_list_runs(row, start, until), limit)]
        found.sort(key=lambda each: each.departs_at)
        return found[:limit]

    def _build(self, day: date, row: Sequence[object], run: int | None) -> Departure:
        trip, route, headsign, sequence, arrival, departure, is_estimated, wheelchair, stop, *_, is_exact = row
        begin = run or 0
        return Departure(
            stop_id=str(stop),
            trip_id=str(trip),
            route_id=str(route),
            headsign=None if headsign is None else str(headsign),
            service_date=day,
            start_time=None if run is None else write_seconds(run),
            sequence=_int(sequence),
            arrives_at=find_moment(day, begin + _int(arrival), self.days.zone),
            departs_at=find_moment(day, begin + _int(departure), self.days.zone),
            is_approximate=bool(is_estimated) or (run is not None and not is_exact),
            wheelchair_accessible=_WHEELCHAIR.get(_int(wheelchair or 0)),
        )

    def _find_services(self, connection: Connection, day: date) -> str:
        """The services that run on a day, as JSON."""
        if day not in self._services:
            number = day.toordinal()
            rows = connection.execute(_SERVICES, (day.weekday(), number, number, number, number))
            if len(self._services) > 31:  # noqa: PLR2004 - a month of questions
                self._services.clear()
            self._services[day] = json.dumps([each for (each,) in rows])
        return self._services[day]


def _list_runs(row: Sequence[object], start: int, until: int) -> Iterator[int]:
    """The starts of a repeated trip whose departure from the stop is in time."""
    departure = _int(row[5])
    first, end, headway = (_int(each) for each in row[9:12])
    begin = first + max(0, -(-(start - departure - first) // headway)) * headway
    yield from range(begin, min(end, until - departure), headway)


def find_stop_numbers(connection: Connection, stop_id: str) -> Sequence[int]:
    """The numbers of a stop, and of the platforms of a station."""
    statement = "SELECT number FROM rows WHERE id = ? UNION SELECT number FROM rows WHERE key_parent_id = ?"
    return [number for (number,) in connection.execute(statement, (stop_id, stop_id))]


def list_calls(connection: Connection, trip_id: str) -> Sequence[TripCall]:
    """The stops of a trip, in order."""
    statement = (
        "SELECT sequence, rows.id, arrival, departure FROM {times} JOIN rows ON rows.number = stop"
        " WHERE trip = (SELECT number FROM trips WHERE id = ?) ORDER BY sequence"
    )
    for times in ("stop_times", "repeated_times"):
        if found := connection.execute(statement.format(times=times), (trip_id,)).fetchall():
            return [TripCall(*row) for row in found]
    return ()


def find_routes_of_trips(connection: Connection, trip_ids: Sequence[str]) -> Mapping[str, str]:
    """The route of each trip."""
    statement = (
        "SELECT trips.id, routes.id FROM trips JOIN routes ON routes.number = trips.route"
        " WHERE trips.id IN (SELECT value FROM json_each(?))"
    )
    return dict(connection.execute(statement, (json.dumps(list(trip_ids)),)).fetchall())


def _int(value: object) -> int:
    return int(str(value))
