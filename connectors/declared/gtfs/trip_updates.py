"""What trip updates of GTFS-Realtime say about departures: delays move on to later stops of the trip."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.declared.gtfs.realtime_feed import RealtimeMessage
from connectors.declared.gtfs.timetable import TripCall
from connectors.declared.gtfs.values import parse_day, parse_seconds, write_seconds
from connectors.drivers.gtfs.realtime_messages import ADDED_TRIP, CANCELLED_TRIP, NO_DATA, SKIPPED, read_text
from records.transit import Departure, DepartureStatus, DepartureUpdate

_UNDATED: Final = timedelta(hours=12)
"""How far from the message a departure may be if the update names no date."""
_MAX_DELAY: Final = 7 * 86_400

ListCalls = Callable[[str], Sequence[TripCall]]
"""The stops of a trip by the timetable."""


def list_trip_keys(entity: Any) -> Iterator[Hashable]:  # noqa: ANN401 - an entity of the library
    """What an update is found by: its trip; one that no timetable has also by its stops."""
    if entity.HasField("trip_update"):
        trip = entity.trip_update.trip
        yield trip.trip_id
        if trip.schedule_relationship in ADDED_TRIP:
            yield from {("stop", each.stop_id) for each in entity.trip_update.stop_time_update}


def find_departure_update(
    message: RealtimeMessage, departure: Departure, list_calls: ListCalls
) -> DepartureUpdate | None:
    """What a message says about a departure; None if it says nothing."""
    update = next((each for each in _list_updates(message, departure) if each is not None), None)
    if update is None:
        return None
    expected: datetime | None = None
    delay: int | None = None
    status = DepartureStatus.EXPECTED
    if update.trip.schedule_relationship in CANCELLED_TRIP:
        status = DepartureStatus.CANCELLED
    elif departure.is_added:
        expected = departure.departs_at
    else:
        found = _find_delay(update, departure, list_calls)
        if found is None:
            return None
        if isinstance(found, DepartureStatus):
            status = found
        elif abs(found) <= _MAX_DELAY:
            delay, expected = found, departure.departs_at + timedelta(seconds=found)
        else:
            return None
    return DepartureUpdate(
        status=status,
        expected_at=expected,
        delay_seconds=delay,
        vehicle=read_text(update.vehicle.label) or read_text(update.vehicle.id),
        updated_at=_find_time(update, message).astimezone(departure.departs_at.tzinfo),
    )


def list_added_departures(message: RealtimeMessage, stop_ids: Sequence[str], zone: ZoneInfo) -> Iterator[Departure]:
    """Departures of trips that no timetable has."""
    for stop_id in stop_ids:
        for entity in message.by_key.get(("stop", stop_id), ()):
            trip = entity.trip_update.trip
            updates = entity.trip_update.stop_time_update
            for number, each in enumerate(updates, 1):
                leaves = each.departure.time or (each.arrival.time if number < len(updates) else 0)
                if each.stop_id != stop_id or not 0 < leaves < message.timestamp + _MAX_DELAY:
                    continue
                departs_at = datetime.fromtimestamp(leaves, UTC).astimezone(zone)
                yield Departure(
                    stop_id=stop_id,
                    trip_id=read_text(trip.trip_id) or read_text(entity.id) or "",
                    route_id=read_text(trip.route_id),
                    headsign=None,
                    service_date=parse_day(read_text(trip.start_date) or "") or departs_at.date(),
                    start_time=None,
                    sequence=each.stop_sequence or number - 1,
                    arrives_at=departs_at,
                    departs_at=departs_at,
                    is_approximate=False,
                    is_added=True,
                    wheelchair_accessible=None,
                )


def _list_updates(message: RealtimeMessage, departure: Departure) -> Iterator[Any]:
    for entity in message.by_key.get(departure.trip_id, ()):
        trip = entity.trip_update.trip
        if (trip.schedule_relationship in ADDED_TRIP) != departure.is_added:
            continue
        start_date, start_time = read_text(trip.start_date) or "", read_text(trip.start_time) or ""
        if _has_date(start_date, departure, message) and _has_start(start_time, departure):
            yield entity.trip_update


def _has_date(text: str, departure: Departure, message: RealtimeMessage) -> bool:
    found: date | None = parse_day(text)
    return found == departure.service_date if found else abs(departure.departs_at - message.as_of) <= _UNDATED


def _has_start(text: str, departure: Departure) -> bool:
    """Only repeated trips need a start; of other trips, it repeats the timetable."""
    seconds = parse_seconds(text)
    return departure.start_time is None or (seconds is not None and write_seconds(seconds) == departure.start_time)


def _find_delay(update: Any, departure: Departure, list_calls: ListCalls) -> int | DepartureStatus | None:  # noqa: ANN401 - an update of the library
    """Seconds of delay, or that the stop is skipped; None without data.

    The update of the departure's stop counts, else that of the last stop before it, whatever their order in the feed.
    """
    calls = _Calls(departure, list_calls)
    delay: int | None = None
    passed, nearest = -1, -1
    for each in update.stop_time_update:
        sequence = calls.find_sequence(each, passed)
        if sequence is None:
            continue
        passed = sequence
        if not nearest <= sequence <= departure.sequence:
            continue
        nearest = sequence
        if each.schedule_relationship == SKIPPED:
            if sequence == departure.sequence:
                return DepartureStatus.SKIPPED
        elif each.schedule_relationship == NO_DATA:
            delay = None
        else:
            delay = calls.measure(each, sequence)
        if sequence == departure.sequence:
            break
    if nearest < 0 and update.HasField("delay"):
        return int(update.delay)
    return delay


class _Calls:
    """The stops of a departure's trip, which are looked up only for updates that need them."""

    def __init__(self, departure: Departure, list_calls: ListCalls) -> None:
        self._departure = departure
        self._list_calls = list_calls

    @cached_property
    def by_sequence(self) -> Mapping[int, TripCall]:
        return {each.sequence: each for each in self._list_calls(self._departure.trip_id)}

    def find_sequence(self, each: Any, passed: int) -> int | None:  # noqa: ANN401 - an update of the library
        """The place of an update on the trip; None for a stop that the trip does not have after the last update.

        The reference wants `stop_sequence` to be that of the timetable. Feeds that count otherwise (BART) name the
        stop beside it, which decides then. A stop that is not on the trip is another platform.
        """
        given = int(each.stop_sequence) if each.HasField("stop_sequence") else None
        if given is not None and (not each.stop_id or self._find_stop(given) in {each.stop_id, None}):
            return given
        calls = self.by_sequence.values()
        named = (call.sequence for call in calls if call.stop_id == each.stop_id and call.sequence > passed)
        return next(named, given)

    def _find_stop(self, sequence: int) -> str | None:
        if sequence == self._departure.sequence:
            return self._departure.stop_id
        call = self.by_sequence.get(sequence)
        return None if call is None else call.stop_id

    def measure(self, each: Any, sequence: int) -> int | None:  # noqa: ANN401 - an update of the library
        """The delay at a stop: of the departure, else of the arrival; none means on time."""
        for name in ("departure", "arrival"):
            if each.HasField(name):
                event = getattr(each, name)
                if event.HasField("delay") and not event.HasField("time"):
                    return int(event.delay)
                if event.HasField("time"):
                    planned = self._find_planned(name, sequence)
                    return None if planned is None else int(event.time - planned.timestamp())
        return 0

    def _find_planned(self, name: str, sequence: int) -> datetime | None:
        departure = self._departure
        if sequence == departure.sequence:
            return departure.departs_at if name == "departure" else departure.arrives_at
        by_sequence = self.by_sequence
        if sequence not in by_sequence or departure.sequence not in by_sequence:
            return None
        seconds = getattr(by_sequence[sequence], name) - by_sequence[departure.sequence].departure
        return departure.departs_at + timedelta(seconds=seconds)


def _find_time(update: Any, message: RealtimeMessage) -> datetime:  # noqa: ANN401 - an update of the library
    timestamp = float(update.timestamp)
    return datetime.fromtimestamp(timestamp, UTC) if 0 < timestamp <= message.timestamp else message.as_of
