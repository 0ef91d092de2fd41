"""Public transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Rule
from records.languages import Language
from records.transit import (
    AlertCause,
    AlertEffect,
    AlertPeriod,
    AlertQuery,
    AlertSeverity,
    AlertText,
    Departure,
    DepartureQuery,
    DepartureStatus,
    DepartureUpdate,
    Occupancy,
    Route,
    RouteKind,
    RouteQuery,
    ServiceAlert,
    Stop,
    StopKind,
    StopQuery,
    Vehicle,
    VehicleProgress,
    WheelchairAccess,
)
from resolvers.transit import (
    alert_lists,
    alerts_about_routes,
    alerts_about_stops,
    departure_updates,
    departures,
    platforms_of,
    route_lists,
    routes_at,
    stop_lists,
    stops,
    stops_on,
    transit_routes,
    vehicles_on,
)
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import derived, edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    Node,
    Search,
    build_page,
    check_first,
    connection_of,
    decode_id_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.places import NearPoint, build_near
from schema.types.regions import CoordinatesType

for _enum in (
    *(RouteKind, StopKind, WheelchairAccess, DepartureStatus, VehicleProgress, Occupancy),
    *(AlertCause, AlertEffect, AlertSeverity),
):
    publish_enum(_enum)
MAX_DEPARTURES = 50
Count = Annotated[int, strawberry.argument(description=f"Maximum number of departures, 1 to {MAX_DEPARTURES}.")]


def choose_text(texts: Sequence[AlertText], language: Language) -> str | None:
    """The text in the language, else the one without a language, else the first."""
    for wanted in (language.value, None):
        for each in texts:
            if (each.language and each.language.lower().partition("-")[0]) == wanted:
                return each.text
    return texts[0].text if texts else None


@publishes(AlertPeriod, rule=Rule.PUBLIC, shows=("starts_at", "ends_at"))
class AlertPeriodType:
    """The published `AlertPeriod`."""


@publishes(
    ServiceAlert,
    rule=Rule.PUBLIC,
    shows=("cause", "effect", "severity", "periods", "route_ids", "stop_ids"),
    nested=(AlertPeriodType,),
)
class ServiceAlertType:
    """The published `ServiceAlert`."""

    @derived(returns=str | None)
    def header(record: ServiceAlert, language: Language) -> str | None:
        """The headline, in the language of `Accept-Language` if the agency has it."""
        return choose_text(record.headers, language)

    @derived(returns=str | None)
    def description(record: ServiceAlert, language: Language) -> str | None:
        """What passengers should know, in the language of `Accept-Language` if the agency has it."""
        return choose_text(record.descriptions, language)

    @derived(returns=str | None)
    def url(record: ServiceAlert, language: Language) -> str | None:
        """Page about the alert."""
        return choose_text(record.urls, language)


@publishes(
    Vehicle,
    rule=Rule.PUBLIC,
    shows=(
        *("label", "coordinates", "bearing", "speed", "progress", "occupancy", "wheelchair_accessible", "trip_id"),
        "measured_at",
    ),
    nested=(CoordinatesType,),
)
class VehicleType:
    """The published `Vehicle`."""

    stop: StopType | None = edge(stops, key="stop_id", description="The current stop.")


@publishes(
    DepartureUpdate,
    rule=Rule.PUBLIC,
    shows=("status", "expected_at", "delay_seconds", "vehicle", "updated_at"),
)
class DepartureUpdateType:
    """The published `DepartureUpdate`."""


@publishes(
    Departure,
    rule=Rule.PUBLIC,
    shows=(
        *("trip_id", "headsign", "service_date", "arrives_at", "departs_at", "is_approximate", "is_added"),
        "wheelchair_accessible",
    ),
)
class DepartureType:
    """The published `Departure`."""

    route: RouteType | None = edge(transit_routes, key="route_id", description="The route.")
    stop: StopType | None = edge(stops, key="stop_id", description="The stop or platform it leaves from.")
    realtime: DepartureUpdateType | None = edge(
        departure_updates,
        key=lambda record: record,
        description="What the real-time feed says about it; null if it says nothing.",
    )


def _build_departure_query(record: Stop, first: Count = 10) -> DepartureQuery:
    return DepartureQuery(stop_id=record.id, first=check_first(first, maximum=MAX_DEPARTURES))


@publishes(
    Route,
    rule=Rule.PUBLIC,
    shows=("short_name", "long_name", "operator", "kind", "description", "color", "text_color", "url"),
    refetch=Refetch(batch=transit_routes, seal=lambda each: each.id, unseal=str),
)
class RouteType(Node):
    """The published `Route`."""

    stops: list[StopType] | None = edge(
        stops_on, key="id", description="Its stops, in the order of its longest trip.", expected_size=30
    )
    vehicles: list[VehicleType] | None = edge(
        vehicles_on, key="id", description="The vehicles on it now.", expected_size=10
    )
    alerts: list[ServiceAlertType] | None = edge(
        alerts_about_routes, key="id", description="The active service alerts about it.", expected_size=1
    )


@publishes(
    Stop,
    rule=Rule.PUBLIC,
    shows=("code", "name", "description", "coordinates", "kind", "platform_code", "wheelchair_boarding", "url"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=stops, seal=lambda each: each.id, unseal=str),
)
class StopType(Node):
    """The published `Stop`."""

    station: StopType | None = edge(stops, key="parent_id", description="The station it belongs to.")
    platforms: list[StopType] | None = edge(
        platforms_of, key="id", description="The platforms and entrances of a station.", expected_size=2
    )
    routes: list[RouteType] | None = edge(routes_at, key="id", description="The routes that serve it.", expected_size=3)
    departures: list[DepartureType] | None = edge(
        departures,
        key=_build_departure_query,
        expected_size=lambda arguments: int(arguments.get("first", 10)),
        description="The next departures, in the order in which they are expected; of a station, from all platforms."
        " Without real-time data, by the timetable.",
    )
    alerts: list[ServiceAlertType] | None = edge(
        alerts_about_stops, key="id", description="The active service alerts about it.", expected_size=1
    )


@connection_of(RouteType, item_name="route", items_name="routes")
class RouteConnectionType:
    """A page of routes."""


@connection_of(StopType, item_name="stop", items_name="stops")
class StopConnectionType:
    """A page of stops."""


def _build_route_page(found: Sequence[Route], arguments: Mapping[str, Any]) -> ConnectionPage:
    return build_page(RouteConnectionType, found, arguments)


def _build_stop_page(found: Sequence[Stop], arguments: Mapping[str, Any]) -> ConnectionPage:
    return build_page(StopConnectionType, found, arguments)


@adds_to_query
class TransitQueries:
    """The root fields of public transport."""

    @root(route_lists, returns=RouteConnectionType | None, rule=Rule.PUBLIC, transform=_build_route_page)
    def routes(search: Search = "", first: First = 20, after: After = None) -> RouteQuery:
        """Routes of public transport, by name."""
        return RouteQuery(search=search, first=check_first(first) + 1, after=decode_id_cursor(after) if after else None)

    @root(stop_lists, returns=StopConnectionType | None, rule=Rule.PUBLIC, transform=_build_stop_page)
    def stops(search: Search = "", near: NearPoint = None, first: First = 20, after: After = None) -> StopQuery:
        """Stops of public transport, by name or near a point."""
        return StopQuery(
            search=search,
            near=build_near(near, after),
            first=check_first(first) + 1,
            after=decode_id_cursor(after) if after else None,
        )

    @root(alert_lists, returns=list[ServiceAlertType] | None, rule=Rule.PUBLIC)
    def service_alerts(first: First = 20) -> AlertQuery:
        """The active service alerts of public transport."""
        return AlertQuery(first=check_first(first))
