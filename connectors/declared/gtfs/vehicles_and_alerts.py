"""Vehicles and service alerts of GTFS-Realtime as records."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TypeVar

from connectors.declared.gtfs.realtime_feed import RealtimeMessage
from connectors.drivers.gtfs.realtime_messages import read_text
from connectors.readers.coordinates import coordinates
from records.transit import (
    AlertCause,
    AlertEffect,
    AlertPeriod,
    AlertSeverity,
    AlertText,
    Occupancy,
    ServiceAlert,
    Vehicle,
    VehicleProgress,
    WheelchairAccess,
)

E = TypeVar("E", bound=Enum)

ALL: Final = "all"
ROUTE, STOP, TRIP = "route", "stop", "trip"
_MAX_TEXT: Final = 5_000
_MAX_SECONDS: Final = 253_402_300_799
"""The end of the year 9999."""
_WHEELCHAIR: Final = {2: WheelchairAccess.ACCESSIBLE, 3: WheelchairAccess.NOT_ACCESSIBLE}


def list_vehicle_keys(entity: Any) -> Iterator[Hashable]:  # noqa: ANN401 - an entity of the library
    """What a vehicle is found by: its route, or its trip if it names none."""
    if entity.HasField("vehicle"):
        trip = entity.vehicle.trip
        route = read_text(trip.route_id)
        yield (TRIP, read_text(trip.trip_id) or "") if route is None else (ROUTE, route)


def list_alert_keys(entity: Any) -> Iterator[Hashable]:  # noqa: ANN401 - an entity of the library
    """What an alert is found by: its routes and stops."""
    if entity.HasField("alert"):
        yield ALL
        selectors = entity.alert.informed_entity
        routes = {read_text(each.route_id) or read_text(each.trip.route_id) or "" for each in selectors}
        stops = {read_text(each.stop_id) or "" for each in selectors}
        yield from ((ROUTE, each) for each in sorted(routes - {""}))
        yield from ((STOP, each) for each in sorted(stops - {""}))


def build_vehicle(entity: Any, route_id: str | None, message: RealtimeMessage) -> Vehicle:  # noqa: ANN401 - an entity of the library
    """The record of a vehicle. A value that makes no sense becomes null."""
    found, position = entity.vehicle, entity.vehicle.position
    return Vehicle(
        id=read_text(found.vehicle.id) or read_text(entity.id) or "",
        label=read_text(found.vehicle.label) or read_text(found.vehicle.license_plate),
        route_id=route_id,
        trip_id=read_text(found.trip.trip_id),
        coordinates=coordinates(position.latitude, position.longitude),
        bearing=_read_number(position, "bearing", 360.0),
        speed=_read_number(position, "speed", 200.0),
        stop_id=read_text(found.stop_id),
        progress=_find(VehicleProgress, found.current_status) if found.stop_id else None,
        occupancy=_find(Occupancy, found.occupancy_status) if found.HasField("occupancy_status") else None,
        wheelchair_accessible=_WHEELCHAIR.get(found.vehicle.wheelchair_accessible),
        measured_at=_read_moment(found.timestamp) or message.as_of,
    )


def build_alert(entity: Any) -> ServiceAlert:  # noqa: ANN401 - an entity of the library
    """The record of an alert."""
    found = entity.alert
    keys = [each for each in list_alert_keys(entity) if isinstance(each, tuple)]
    return ServiceAlert(
        id=read_text(entity.id) or "",
        cause=_find(AlertCause, found.cause),
        effect=_find(AlertEffect, found.effect),
        severity=_find(AlertSeverity, found.severity_level),
        headers=_read_texts(found.header_text),
        descriptions=_read_texts(found.description_text),
        urls=_read_texts(found.url),
        periods=tuple(
            AlertPeriod(starts_at=_read_moment(each.start), ends_at=_read_moment(each.end))
            for each in found.active_period
        ),
        route_ids=tuple(each for kind, each in keys if kind == ROUTE),
        stop_ids=tuple(each for kind, each in keys if kind == STOP),
    )


def is_active(alert: ServiceAlert, now: datetime) -> bool:
    """Whether an alert is active at a moment."""
    return not alert.periods or any(
        (each.starts_at is None or each.starts_at <= now) and (each.ends_at is None or now < each.ends_at)
        for each in alert.periods
    )


def _find(words: type[E], number: int) -> E | None:
    known: Mapping[str, E] = {str(each.value): each for each in words}
    return known.get(str(number))


def _read_number(position: Any, name: str, most: float) -> float | None:  # noqa: ANN401 - a message of the library
    if not position.HasField(name):
        return None
    number = float(getattr(position, name))
    return round(number, 1) if math.isfinite(number) and 0 <= number <= most else None


def _read_moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= _MAX_SECONDS else None


def _read_texts(translated: Any) -> tuple[AlertText, ...]:  # noqa: ANN401 - a message of the library
    return tuple(
        AlertText(language=read_text(each.language), text=(read_text(each.text) or "")[:_MAX_TEXT])
        for each in translated.translation
    )
