"""Air quality: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.air_stations import AirStation
from records.calls.answers import Answers
from records.calls.call import Call
from records.regions import PlaceQuery
from resolvers.caching import PUBLIC


class AirStations(Protocol):
    """The domain of air quality stations. A manifest binds an agency to it."""

    async def air_stations(self, ids: Sequence[str], call: Call) -> Answers[str, AirStation]:
        """Stations by identifier."""

    async def air_station_lists(
        self, queries: Sequence[PlaceQuery], call: Call
    ) -> Answers[PlaceQuery, Sequence[AirStation]]:
        """Pages of air quality stations, by text and place."""


air_stations = forward(AirStations, AirStations.air_stations, caching=PUBLIC)
air_station_lists = forward(AirStations, AirStations.air_station_lists, absent=(), caching=PUBLIC)
