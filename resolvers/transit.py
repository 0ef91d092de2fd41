"""Public transport: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.transit import (
    AlertQuery,
    Departure,
    DepartureQuery,
    DepartureUpdate,
    Route,
    RouteQuery,
    ServiceAlert,
    Stop,
    StopQuery,
    Vehicle,
)
from resolvers.caching import PUBLIC


class Transit(Protocol):
    """The domain of public transport. A manifest binds an agency to it."""

    async def routes(self, ids: Sequence[str], call: Call) -> Answers[str, Route]:
        """Routes by identifier."""

    async def route_lists(self, queries: Sequence[RouteQuery], call: Call) -> Answers[RouteQuery, Sequence[Route]]:
        """Pages of routes, by text."""

    async def routes_at(self, stop_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Route]]:
        """The routes that serve each stop, or a platform of each station."""

    async def stops(self, ids: Sequence[str], call: Call) -> Answers[str, Stop]:
        """Stops by identifier."""

    async def stop_lists(self, queries: Sequence[StopQuery], call: Call) -> Answers[StopQuery, Sequence[Stop]]:
        """Pages of stops, by text and place."""

    async def stops_on(self, route_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Stop]]:
        """The stops of each route, in the order of its longest trip."""

    async def platforms_of(self, station_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Stop]]:
        """The platforms and entrances of each station."""

    async def departures(
        self, queries: Sequence[DepartureQuery], call: Call
    ) -> Answers[DepartureQuery, Sequence[Departure]]:
        """The next departures, in the order in which they are expected."""

    async def departure_updates(
        self, departures: Sequence[Departure], call: Call
    ) -> Answers[Departure, DepartureUpdate]:
        """What the real-time feed says about each departure; a departure that it does not mention is absent."""

    async def vehicles_on(self, route_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Vehicle]]:
        """The vehicles on each route."""

    async def alert_lists(
        self, queries: Sequence[AlertQuery], call: Call
    ) -> Answers[AlertQuery, Sequence[ServiceAlert]]:
        """The active service alerts."""

    async def alerts_about_routes(self, route_ids: Sequence[str], call: Call) -> Answers[str, Sequence[ServiceAlert]]:
        """The active service alerts about each route."""

    async def alerts_about_stops(self, stop_ids: Sequence[str], call: Call) -> Answers[str, Sequence[ServiceAlert]]:
        """The active service alerts about each stop."""


transit_routes = forward(Transit, Transit.routes, caching=PUBLIC)
route_lists = forward(Transit, Transit.route_lists, absent=(), caching=PUBLIC)
routes_at = forward(Transit, Transit.routes_at, absent=(), caching=PUBLIC)
stops = forward(Transit, Transit.stops, caching=PUBLIC)
stop_lists = forward(Transit, Transit.stop_lists, absent=(), caching=PUBLIC)
stops_on = forward(Transit, Transit.stops_on, absent=(), caching=PUBLIC)
platforms_of = forward(Transit, Transit.platforms_of, absent=(), caching=PUBLIC)
departures = forward(Transit, Transit.departures, absent=(), caching=PUBLIC)
departure_updates = forward(Transit, Transit.departure_updates, caching=PUBLIC)
vehicles_on = forward(Transit, Transit.vehicles_on, absent=(), caching=PUBLIC)
alert_lists = forward(Transit, Transit.alert_lists, absent=(), caching=PUBLIC)
alerts_about_routes = forward(Transit, Transit.alerts_about_routes, absent=(), caching=PUBLIC)
alerts_about_stops = forward(Transit, Transit.alerts_about_stops, absent=(), caching=PUBLIC)
