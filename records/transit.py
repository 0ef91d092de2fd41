"""Public transport: routes, stops, departures with real-time data, vehicles and service alerts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.record import record
from records.regions import Coordinates, Near


class RouteKind(DescribedEnum):
    """The kind of vehicle of a route (GTFS `route_type`)."""

    TRAM = "0", "Tram or light rail."
    SUBWAY = "1", "Subway or metro (MRT)."
    RAIL = "2", "Railway."
    BUS = "3", "Bus, bus rapid transit or minibus."
    FERRY = "4", "Ferry."
    CABLE_TRAM = "5", "Cable tram."
    AERIAL_LIFT = "6", "Aerial lift or gondola."
    FUNICULAR = "7", "Funicular."
    TROLLEYBUS = "11", "Trolleybus."
    MONORAIL = "12", "Monorail."
    OTHER = "other", "Another kind."


class StopKind(DescribedEnum):
    """The kind of a place in the network (GTFS `location_type`)."""

    STOP = "0", "Stop or platform, where passengers board."
    STATION = "1", "Station or terminal with several platforms."
    ENTRANCE = "2", "Entrance or exit of a station."
    NODE = "3", "Point inside a station."
    BOARDING_AREA = "4", "Boarding area of a platform."


class WheelchairAccess(DescribedEnum):
    """Whether people in wheelchairs can use it."""

    ACCESSIBLE = "1", "Accessible, at least in part."
    NOT_ACCESSIBLE = "2", "Not accessible."


class DepartureStatus(DescribedEnum):
    """What the real-time feed says about a departure."""

    EXPECTED = "EXPECTED", "It is expected at the given time."
    CANCELLED = "CANCELLED", "The whole trip is cancelled."
    SKIPPED = "SKIPPED", "The vehicle does not stop here on this trip."


class VehicleProgress(DescribedEnum):
    """Where a vehicle is, compared with its current stop."""

    INCOMING = "0", "About to arrive at the stop."
    STOPPED = "1", "Standing at the stop."
    IN_TRANSIT = "2", "On the way to the stop."


class Occupancy(DescribedEnum):
    """How full a vehicle is."""

    EMPTY = "0", "Almost empty."
    MANY_SEATS = "1", "Many free seats."
    FEW_SEATS = "2", "Few free seats."
    STANDING_ROOM = "3", "Standing room only."
    CRUSHED = "4", "Little standing room."
    FULL = "5", "Full."
    NOT_BOARDABLE = "6", "It takes no passengers."


class AlertCause(DescribedEnum):
    """The cause of a service alert."""

    OTHER = "2", "Another cause."
    TECHNICAL_PROBLEM = "3", "Technical problem."
    STRIKE = "4", "Strike."
    DEMONSTRATION = "5", "Demonstration."
    ACCIDENT = "6", "Accident."
    HOLIDAY = "7", "Holiday."
    WEATHER = "8", "Weather, such as a flood."
    MAINTENANCE = "9", "Maintenance."
    CONSTRUCTION = "10", "Construction."
    POLICE_ACTIVITY = "11", "Police activity."
    MEDICAL_EMERGENCY = "12", "Medical emergency."
    SPECIAL_EVENT = "13", "Special event."


class AlertEffect(DescribedEnum):
    """The effect of a service alert."""

    NO_SERVICE = "1", "No service."
    REDUCED_SERVICE = "2", "Reduced service."
    SIGNIFICANT_DELAYS = "3", "Long delays."
    DETOUR = "4", "Detour."
    ADDITIONAL_SERVICE = "5", "Additional service."
    MODIFIED_SERVICE = "6", "Changed service."
    OTHER = "7", "Another effect."
    STOP_MOVED = "9", "The stop was moved."
    NO_EFFECT = "10", "No effect."
    ACCESSIBILITY_ISSUE = "11", "Lifts, ramps or other ways without steps do not work."


class AlertSeverity(DescribedEnum):
    """The severity of a service alert."""

    INFO = "2", "Information."
    WARNING = "3", "Warning."
    SEVERE = "4", "Severe."


@record
class Route:
    """A line of public transport."""

    id: Annotated[str, Doc("Identifier in the feed (GTFS `route_id`).")]
    short_name: Annotated[str | None, Doc("Short name, such as `1` or `6A`.")]
    long_name: Annotated[str | None, Doc("Long name, such as its ends.")]
    operator: Annotated[str | None, Doc("Who operates it.")]
    kind: Annotated[RouteKind, Doc("Kind of vehicle.")]
    description: Annotated[str | None, Doc("Description of the route.")]
    color: Annotated[str | None, Doc("Colour on maps, six hexadecimal digits. Never the only mark of a route.")]
    text_color: Annotated[str | None, Doc("Colour of text on it, six hexadecimal digits.")]
    url: Annotated[str | None, Doc("Page about the route.")]


@record
class Stop:
    """A stop, platform, station or entrance of public transport."""

    id: Annotated[str, Doc("Identifier in the feed (GTFS `stop_id`).")]
    code: Annotated[str | None, Doc("Code that passengers see.")]
    name: Annotated[str | None, Doc("Name of the stop.")]
    description: Annotated[str | None, Doc("Where it is, in words.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    kind: Annotated[StopKind, Doc("Kind of place.")]
    parent_id: Annotated[str | None, Doc("The station it belongs to.")]
    platform_code: Annotated[str | None, Doc("Platform, such as `A`.")]
    wheelchair_boarding: Annotated[
        WheelchairAccess | None,
        Doc("Whether people in wheelchairs can board here; a platform has that of its station. Null if unknown."),
    ]
    url: Annotated[str | None, Doc("Page about the stop.")]


@record
class Departure:
    """A departure from a stop, by the timetable or by the real-time feed alone."""

    stop_id: Annotated[str, Doc("The stop or platform.")]
    trip_id: Annotated[str, Doc("The trip (GTFS `trip_id`).")]
    route_id: Annotated[str | None, Doc("The route.")]
    headsign: Annotated[str | None, Doc("Destination on the vehicle.")]
    service_date: Annotated[date, Doc("Service day of the trip: after midnight, still the day before.")]
    start_time: Annotated[str | None, Doc("Start of a trip that repeats with a headway, as `HH:MM:SS`.")]
    sequence: Annotated[int, Doc("Place of the stop on the trip.")]
    arrives_at: Annotated[datetime, Doc("Arrival by the timetable.")]
    departs_at: Annotated[datetime, Doc("Departure by the timetable.")]
    is_approximate: Annotated[bool, Doc("Whether the time is estimated: by a headway, or between two timed stops.")]
    is_added: Annotated[bool, Doc("Whether only the real-time feed has the trip.")] = False
    wheelchair_accessible: Annotated[WheelchairAccess | None, Doc("Whether the vehicle takes wheelchairs.")]


@record
class DepartureQuery:
    """The next departures from a stop, or from the platforms of a station."""

    stop_id: str
    first: int = 10
    at: datetime | None = None
    """From this moment; None for now."""


@record
class DepartureUpdate:
    """What the real-time feed says about a departure."""

    status: Annotated[DepartureStatus, Doc("Whether it is expected.")]
    expected_at: Annotated[datetime | None, Doc("Expected departure; null if the vehicle does not depart here.")]
    delay_seconds: Annotated[int | None, Doc("Delay beside the timetable; negative if early.")]
    vehicle: Annotated[str | None, Doc("Label of the vehicle.")]
    updated_at: Annotated[datetime, Doc("Time of the real-time data.")]


@record
class Vehicle:
    """A vehicle on a route."""

    id: Annotated[str, Doc("Identifier of the vehicle, or of its entry in the feed.")]
    label: Annotated[str | None, Doc("What passengers see on the vehicle.")]
    route_id: Annotated[str | None, Doc("The route.")]
    trip_id: Annotated[str | None, Doc("The trip.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    bearing: Annotated[float | None, Doc("Direction in degrees, clockwise from north.")]
    speed: Annotated[float | None, Doc("Speed in metres per second.")]
    stop_id: Annotated[str | None, Doc("The current stop.")]
    progress: Annotated[VehicleProgress | None, Doc("Where it is, compared with the current stop.")]
    occupancy: Annotated[Occupancy | None, Doc("How full it is.")]
    wheelchair_accessible: Annotated[WheelchairAccess | None, Doc("Whether it takes wheelchairs.")]
    measured_at: Annotated[datetime, Doc("When the position was measured.")]


@record
class AlertText:
    """A text of a service alert in one language."""

    language: str | None
    text: str


@record
class AlertPeriod:
    """A time in which a service alert is active."""

    starts_at: Annotated[datetime | None, Doc("Start; null if it has none.")]
    ends_at: Annotated[datetime | None, Doc("End; null if it is open.")]


@record
class ServiceAlert:
    """A change of the service: a closed stop, a detour, a delay."""

    id: Annotated[str, Doc("Identifier in the feed.")]
    cause: Annotated[AlertCause | None, Doc("Cause.")]
    effect: Annotated[AlertEffect | None, Doc("Effect.")]
    severity: Annotated[AlertSeverity | None, Doc("Severity.")]
    headers: tuple[AlertText, ...]
    descriptions: tuple[AlertText, ...]
    urls: tuple[AlertText, ...]
    periods: Annotated[tuple[AlertPeriod, ...], Doc("When it is active; always, if there is none.")]
    route_ids: Annotated[tuple[str, ...], Doc("The routes that it affects.")]
    stop_ids: Annotated[tuple[str, ...], Doc("The stops that it affects.")]


@record
class RouteQuery:
    """A page of routes by text, ordered by identifier."""

    search: str = ""
    first: int = 20
    after: str | None = None


@record
class StopQuery:
    """A page of stops, ordered by identifier; near a point, the nearest first."""

    search: str = ""
    near: Near | None = None
    first: int = 20
    after: str | None = None


@record
class AlertQuery:
    """The active service alerts."""

    first: int = 20
