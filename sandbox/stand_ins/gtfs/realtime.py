"""The real-time feeds of a stand-in of GTFS: vehicles that move with the clock, their delays, and service alerts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from google.transit.gtfs_realtime_pb2 import Alert, FeedMessage, TripDescriptor, VehiclePosition

from sandbox.stand_ins.gtfs.timetable import Run, SampleTimetable

_CANCELLED_EVERY: Final = 40
"""One run of this number is cancelled."""


def build_vehicle_positions(timetable: SampleTimetable, now: datetime) -> FeedMessage:
    """Where the vehicles are at a moment, with their delays."""
    message = _begin(now)
    for number, run in enumerate(_list_driven(timetable, now)):
        entity = message.entity.add(id=f"v{number}")
        vehicle = entity.vehicle
        _describe_trip(vehicle.trip, run)
        vehicle.vehicle.id = vehicle.vehicle.label = _name_vehicle(run)
        vehicle.timestamp = int(now.timestamp())
        seconds = max(0.0, run.seconds - run.delay)
        for before, after in pairwise(run.calls):
            if before.seconds <= seconds < after.seconds:
                share = (seconds - before.seconds) / (after.seconds - before.seconds)
                start, end = (timetable.stops[each.stop] for each in (before, after))
                latitude, longitude = (
                    float(start[name]) + (float(end[name]) - float(start[name])) * share
                    for name in ("stop_lat", "stop_lon")
                )
                vehicle.position.latitude, vehicle.position.longitude = latitude, longitude
                vehicle.stop_id, vehicle.current_stop_sequence = after.stop, after.sequence
                vehicle.current_status = VehiclePosition.IN_TRANSIT_TO
                vehicle.occupancy_status = VehiclePosition.OccupancyStatus.Value("FEW_SEATS_AVAILABLE")
                break
        else:
            del message.entity[-1]
    return message


def build_trip_updates(timetable: SampleTimetable, now: datetime) -> FeedMessage:
    """The delays of the trips that run at a moment. A few are cancelled."""
    message = _begin(now)
    for number, run in enumerate(timetable.list_runs(now)):
        update = message.entity.add(id=f"t{number}").trip_update
        _describe_trip(update.trip, run)
        update.timestamp = int(now.timestamp())
        if _is_cancelled(run):
            update.trip.schedule_relationship = TripDescriptor.CANCELED
            continue
        update.vehicle.label = _name_vehicle(run)
        following = next((each for each in run.calls if each.seconds + run.delay >= run.seconds), run.calls[-1])
        each = update.stop_time_update.add(stop_sequence=following.sequence, stop_id=following.stop)
        each.departure.delay = run.delay
    return message


def build_alerts(samples: Sequence[Any], now: datetime) -> FeedMessage:
    """The service alerts in the samples."""
    message = _begin(now)
    for each in samples:
        alert = message.entity.add(id=each["id"]).alert
        alert.cause, alert.effect = Alert.Cause.Value(each["cause"]), Alert.Effect.Value(each["effect"])
        alert.severity_level = Alert.SeverityLevel.Value(each["severity"])
        for route in each["routes"]:
            alert.informed_entity.add(route_id=route)
        for stop in each["stops"]:
            alert.informed_entity.add(stop_id=stop)
        for language in each["header"]:
            alert.header_text.translation.add(language=language, text=each["header"][language])
            alert.description_text.translation.add(language=language, text=each["description"][language])
    return message


def parse_alerts(text: str) -> Sequence[Any]:
    """The alerts in a file of the samples."""
    found: Sequence[Any] = json.loads(text)
    return found


def _begin(now: datetime) -> FeedMessage:
    message = FeedMessage()
    message.header.gtfs_realtime_version = "2.0"
    message.header.timestamp = int(now.timestamp())
    return message


def _list_driven(timetable: SampleTimetable, now: datetime) -> Sequence[Run]:
    return [each for each in timetable.list_runs(now) if not _is_cancelled(each)]


def _is_cancelled(run: Run) -> bool:
    return run.delay % _CANCELLED_EVERY == _CANCELLED_EVERY - 1


def _name_vehicle(run: Run) -> str:
    return f"TJ-{run.trip['route_id']}-{run.start[:5].replace(':', '')}"


def _describe_trip(trip: TripDescriptor, run: Run) -> None:
    trip.trip_id, trip.route_id, trip.start_date = run.trip["trip_id"], run.trip["route_id"], f"{run.day:%Y%m%d}"
    if run.is_repeated:
        trip.start_time = run.start
