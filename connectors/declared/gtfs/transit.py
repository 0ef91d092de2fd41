"""Public transport from a GTFS feed: the timetable in a snapshot, and real-time data in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from sqlite3 import Connection
from typing import Any, Final, TypeVar

import msgspec

from connectors.declared.domain_reads import DomainRead
from connectors.declared.gtfs.client import GtfsClient
from connectors.declared.gtfs.feed_faults import ROUTE, STOP, find_fault
from connectors.declared.gtfs.feed_source import FEED, build_feed_source
from connectors.declared.gtfs.realtime_feed import RealtimeFeed, RealtimeMessage
from connectors.declared.gtfs.timetable import Timetable, find_routes_of_trips, find_stop_numbers, list_calls
from connectors.declared.gtfs.trip_updates import find_departure_update, list_added_departures, list_trip_keys
from connectors.declared.gtfs.vehicles_and_alerts import (
    ALL,
    TRIP,
    build_alert,
    build_vehicle,
    is_active,
    list_alert_keys,
    list_vehicle_keys,
)
from connectors.declared.snapshot.file import SnapshotFile, fetch_text
from connectors.declared.snapshot.layout import fold
from connectors.declared.snapshot.loader import SnapshotSource
from connectors.declared.snapshot.reads import build_snapshot_read
from connectors.declared.snapshot.snapshot import get_time
from connectors.declared.snapshot.tables import SnapshotReadTable
from connectors.declared.tables import NotDeclarableError, RecordTable
from records.calls.answers import Answers, DatedAnswers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyUnavailable
from records.transit import (
    AlertQuery,
    Departure,
    DepartureQuery,
    DepartureStatus,
    DepartureUpdate,
    Route,
    RouteQuery,
    ServiceAlert,
    Stop,
    StopQuery,
    Vehicle,
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_DEPARTURES: Final = 200
_MAX_LISTED: Final = 1_000
_LATE: Final = timedelta(hours=1)
"""How late a departure may be that is still looked for."""
_EARLY: Final = 20
"""Departures in addition to those asked for: vehicles that left early are replaced."""
_ROUTE_LIST: Final = (
    "SELECT '[' || coalesce(group_concat(body, ','), '') || ']' FROM (SELECT body FROM routes WHERE body IS NOT NULL"
    " AND id > ? AND (? = '' OR instr(name, ?) > 0) ORDER BY id LIMIT ?)"
)
_ROUTES_AT: Final = (
    "SELECT DISTINCT routes.id FROM route_stops JOIN routes ON routes.number = route"
    " WHERE stop IN (SELECT value FROM json_each(?)) AND body IS NOT NULL ORDER BY routes.id"
)
_IDS: Final = "SELECT id FROM rows WHERE number IN (SELECT value FROM json_each(?))"
_STOPS_ON: Final = (
    "SELECT '[' || coalesce(group_concat(body, ','), '') || ']' FROM (SELECT rows.body AS body FROM route_stops"
    " JOIN rows ON rows.number = stop WHERE route = (SELECT number FROM routes WHERE id = ?) ORDER BY position, number"
    " LIMIT ?)"
)


def _list_stop_reads() -> Sequence[tuple[DomainRead, SnapshotReadTable]]:
    """The reads of stops, as a manifest would declare them."""
    return (
        (DomainRead("stops", str, Stop, is_list=False), SnapshotReadTable(snapshot=FEED, key="id")),
        (DomainRead("platforms_of", str, Stop, is_list=True), SnapshotReadTable(snapshot=FEED, key="parent_id")),
        (
            DomainRead("stop_lists", StopQuery, Stop, is_list=True),
            SnapshotReadTable(snapshot=FEED, search=("name", "code"), near="coordinates"),
        ),
    )


@dataclass(frozen=True, slots=True)
class RealtimeFeeds:
    """The feeds of one agency."""

    vehicles: RealtimeFeed
    updates: RealtimeFeed
    alerts: RealtimeFeed


class GtfsTransit:
    """The connector of a GTFS feed."""

    def __init__(
        self,
        source: SnapshotSource,
        feeds: RealtimeFeeds,
        *,
        now: Callable[[], datetime] = get_time,
    ) -> None:
        """`now` gives the time of day."""
        self.snapshots: Sequence[SnapshotSource] = (source,)
        self.agency = source.snapshot.agency
        self._snapshot = source.snapshot
        self._feeds = feeds
        self._now = now
        self._timetable: tuple[SnapshotFile, Timetable] | None = None
        self._stop_reads = {
            read.name: build_snapshot_read(source.snapshot, read, table) for read, table in _list_stop_reads()
        }
        self._decode_routes = msgspec.json.Decoder(tuple[Route, ...]).decode
        self._decode_stops = msgspec.json.Decoder(tuple[Stop, ...]).decode

    async def probe(self, call: Call) -> None:
        """Look at the age of the timetable, and load each real-time feed. Raises `AgencyFailure`."""
        if self._snapshot.get_status().is_overdue:
            raise AgencyUnavailable(self.agency, f"the snapshot '{FEED}' is overdue")
        for each in (self._feeds.vehicles, self._feeds.updates, self._feeds.alerts):
            if each.is_offered:
                await each.load(call)

    async def routes(self, ids: Sequence[str], call: Call) -> Answers[str, Route]:
        """Routes by identifier."""
        statement = "SELECT body FROM routes WHERE id = ?"
        decode = msgspec.json.Decoder(Route).decode

        def find(connection: Connection, key: str) -> Route | AgencyFailure | None:
            body = fetch_text(connection, statement, [key])
            return decode(body) if body is not None else self._fail(connection, ROUTE, key)

        return await self._ask(ids, call, find)

    async def route_lists(self, queries: Sequence[RouteQuery], call: Call) -> Answers[RouteQuery, Sequence[Route]]:
        """Pages of routes, by text."""

        def find(connection: Connection, query: RouteQuery) -> Sequence[Route]:
            text = fold(query.search) or ""
            values = (query.after or "", text, text, min(query.first, _MAX_LISTED))
            return self._decode_routes(fetch_text(connection, _ROUTE_LIST, values) or "[]")

        return await self._ask(queries, call, find)

    async def routes_at(self, stop_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Route]]:
        """The routes that serve each stop, or a platform of each station."""
        statement = f"SELECT body FROM routes WHERE id IN ({_ROUTES_AT})"  # noqa: S608 - a statement of this module

        def find(connection: Connection, key: str) -> Sequence[Route] | AgencyFailure | None:
            numbers = json.dumps(find_stop_numbers(connection, key))
            bodies = [body for (body,) in connection.execute(statement, (numbers,))]
            return self._decode_routes(f"[{','.join(bodies)}]") if bodies else self._fail(connection, STOP, key)

        return await self._ask(stop_ids, call, find)

    async def stops(self, ids: Sequence[str], call: Call) -> Answers[str, Stop]:
        """Stops by identifier."""
        found = await self._stop_reads["stops"](ids, call)
        missing = [each for each in ids if each not in found]
        faults: Answers[str, Stop] = await self._ask(missing, call, self._fail_stop)
        return keep_date({**found, **faults}, found)

    async def stop_lists(self, queries: Sequence[StopQuery], call: Call) -> Answers[StopQuery, Sequence[Stop]]:
        """Pages of stops, by text and place."""
        return await self._stop_reads["stop_lists"](queries, call)

    async def platforms_of(self, station_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Stop]]:
        """The platforms and entrances of each station."""
        return await self._stop_reads["platforms_of"](station_ids, call)

    async def stops_on(self, route_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Stop]]:
        """The stops of each route, in the order of its longest trip."""

        def find(connection: Connection, key: str) -> Sequence[Stop] | AgencyFailure | None:
            found = self._decode_stops(fetch_text(connection, _STOPS_ON, (key, _MAX_LISTED)) or "[]")
            return found or self._fail(connection, ROUTE, key)

        return await self._ask(route_ids, call, find)

    async def departures(
        self, queries: Sequence[DepartureQuery], call: Call
    ) -> Answers[DepartureQuery, Sequence[Departure]]:
        """The next departures, in the order in which they are expected; by the timetable if that is unknown."""
        message = await self._feeds.updates.find(call)
        now = self._now()

        def find(connection: Connection, query: DepartureQuery) -> Sequence[Departure] | AgencyFailure | None:
            return self._list_departures(connection, query, now, message)

        return await self._ask(queries, call, find)

    async def departure_updates(
        self, departures: Sequence[Departure], call: Call
    ) -> Answers[Departure, DepartureUpdate]:
        """What the real-time feed says about each departure; a departure that it does not mention is absent."""
        message = await self._feeds.updates.load(call)

        def find(connection: Connection, key: Departure) -> DepartureUpdate | None:
            return find_departure_update(message, key, partial(list_calls, connection))

        return self._date(message, await self._ask(departures, call, find))

    async def vehicles_on(self, route_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Vehicle]]:
        """The vehicles on each route. A vehicle that names only its trip is on the route of the timetable."""
        message = await self._feeds.vehicles.load(call)

        def find(connection: Connection, key: str) -> Sequence[Vehicle] | AgencyFailure | None:
            trips = find_trips_by_route(connection, message).get(key, ())
            keys = [(ROUTE, key), *((TRIP, each) for each in trips)]
            found = [entity for each in keys for entity in message.by_key.get(each, ())]
            vehicles = tuple(build_vehicle(each, key, message) for each in found[:_MAX_LISTED])
            return vehicles or self._fail(connection, ROUTE, key)

        return self._date(message, await self._ask(route_ids, call, find))

    async def alert_lists(
        self, queries: Sequence[AlertQuery], call: Call
    ) -> Answers[AlertQuery, Sequence[ServiceAlert]]:
        """The active service alerts."""
        message = await self._feeds.alerts.load(call)
        found = self._list_alerts(message, ALL)
        return self._date(message, {each: found[: each.first] for each in queries})

    async def alerts_about_routes(self, route_ids: Sequence[str], call: Call) -> Answers[str, Sequence[ServiceAlert]]:
        """The active service alerts about each route."""
        message = await self._feeds.alerts.load(call)
        return self._date(message, {each: self._list_alerts(message, (ROUTE, each)) for each in route_ids})

    async def alerts_about_stops(self, stop_ids: Sequence[str], call: Call) -> Answers[str, Sequence[ServiceAlert]]:
        """The active service alerts about each stop."""
        message = await self._feeds.alerts.load(call)
        return self._date(message, {each: self._list_alerts(message, (STOP, each)) for each in stop_ids})

    def _list_alerts(self, message: RealtimeMessage, key: Hashable) -> Sequence[ServiceAlert]:
        now = self._now()
        entities = message.by_key.get(key, ())[:_MAX_LISTED]
        return tuple(each for each in map(build_alert, entities) if is_active(each, now))

    def _list_departures(
        self, connection: Connection, query: DepartureQuery, now: datetime, message: RealtimeMessage | None
    ) -> Sequence[Departure] | AgencyFailure | None:
        since, wanted = query.at or now, min(query.first, _MAX_DEPARTURES)
        timetable = self._find_timetable(connection)
        if (fault := self._fail(connection, STOP, query.stop_id)) is not None:
            return fault
        numbers = find_stop_numbers(connection, query.stop_id)
        if not numbers:
            return None
        if (gap := timetable.days.find_gap(since)) is not None:
            return AgencyMalformed(self.agency, gap)
        planned = timetable.list_departures(connection, numbers, since, wanted + _EARLY)
        if message is None or query.at is not None:
            return planned[:wanted]
        late = timetable.list_departures(connection, numbers, since - _LATE, _MAX_DEPARTURES, seconds=_LATE.seconds)
        ids = [each for (each,) in connection.execute(_IDS, (json.dumps(numbers),))]
        added = list_added_departures(message, ids, timetable.days.zone)
        expected: list[tuple[datetime, Departure]] = []
        for each in dict.fromkeys((*late, *planned, *added)):
            update = find_departure_update(message, each, partial(list_calls, connection))
            at = (update.expected_at if update is not None else None) or each.departs_at
            if at >= since and (update is None or not each.is_added or update.status is DepartureStatus.EXPECTED):
                expected.append((at, each))
        expected.sort(key=lambda each: each[0])
        return [each for _, each in expected[:wanted]]

    def _find_timetable(self, connection: Connection) -> Timetable:
        """The timetable of the newest file."""
        file = self._snapshot.open_current()
        if self._timetable is None or self._timetable[0] is not file:
            self._timetable = (file, Timetable(connection))
        return self._timetable[1]

    def _fail(self, connection: Connection, kind: str, key: str) -> AgencyFailure | None:
        """The failure of an id that the feed breaks; None for one that it does not have."""
        fault = find_fault(connection, kind, key)
        return None if fault is None else AgencyMalformed(self.agency, fault)

    def _fail_stop(self, connection: Connection, key: str) -> Stop | AgencyFailure | None:
        return self._fail(connection, STOP, key)

    async def _ask(
        self, keys: Sequence[K], call: Call, find: Callable[[Connection, K], V | AgencyFailure | None]
    ) -> DatedAnswers[K, V]:
        """Answer each key from the file; a key without an answer is absent."""
        file, table = self._snapshot.open_current(), self._snapshot.table

        def query(connection: Connection) -> Mapping[K, V | AgencyFailure]:
            found = {key: find(connection, key) for key in dict.fromkeys(keys)}
            return {key: each for key, each in found.items() if each is not None}

        answers = await self._snapshot.ask(file, query, call) if keys else {}
        return DatedAnswers(answers, as_of=file.facts.as_of, max_age=table.max_age, fresh=table.every)

    def _date(self, message: RealtimeMessage, answers: Mapping[K, V | AgencyFailure]) -> DatedAnswers[K, V]:
        table = self._feeds.updates.table
        return DatedAnswers(answers, as_of=message.as_of, max_age=table.max_age, fresh=table.fresh)


def find_trips_by_route(connection: Connection, message: RealtimeMessage) -> Mapping[str, Sequence[str]]:
    """The trips of vehicles that name no route, by the route of the timetable; found once for a message."""
    if TRIP not in message.cache:
        trips = [key[1] for key in message.by_key if isinstance(key, tuple) and key[0] == TRIP]
        by_route: dict[str, list[str]] = {}
        for trip, route in find_routes_of_trips(connection, trips).items():
            by_route.setdefault(route, []).append(trip)
        message.cache[TRIP] = by_route
    found: Mapping[str, Sequence[str]] = message.cache[TRIP]
    return found


def build_gtfs_transit(parts: Any, records: Mapping[str, RecordTable]) -> GtfsTransit:  # noqa: ANN401 - `ConnectorParts`, which knows this module
    """Build the connector of a manifest. Opens nothing. Raises `NotDeclarableError`."""
    client: GtfsClient = parts.driver
    table = client.wire.realtime
    if records:
        raise NotDeclarableError("records", "GTFS says which column is which field; remove this table")
    if parts.snapshot_folder is None:
        raise NotDeclarableError("wire.schedule", "nowhere to keep it: set SIMPUL_SNAPSHOT_FOLDER")
    build = partial(RealtimeFeed, client, table=table, map_items=client.work.map)
    feeds = RealtimeFeeds(
        vehicles=build(table.vehicle_positions, list_keys=list_vehicle_keys),
        updates=build(table.trip_updates, list_keys=list_trip_keys),
        alerts=build(table.alerts, list_keys=list_alert_keys),
    )
    return GtfsTransit(build_feed_source(client, parts.snapshot_folder), feeds)
