"""Air quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auth.policy.rules import Rule
from records.air_stations import AirQuality, AirStation
from records.regions import PlaceQuery
from resolvers.air_stations import air_station_lists, air_stations
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import After, First, Node, Search, build_page, connection_of
from schema.declarations.scalars import publish_enum
from schema.types.places import InsideRegion, NearPoint, find_places, find_places_inside
from schema.types.regions import CoordinatesType, RegionType

publish_enum(AirQuality)


@publishes(
    AirStation,
    rule=Rule.PUBLIC,
    shows=("name", "coordinates", "index", "quality", "pm25", "pm10", "ozone", "measured_at"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=air_stations, seal=lambda each: each.id, unseal=str),
)
class AirStationType(Node):
    """The published `AirStation`."""

    region: RegionType | None = edge(regions, key="region_code", description="The region it lies in.")


@connection_of(AirStationType, item_name="air quality station", items_name="air quality stations")
class AirStationConnectionType:
    """A page of air quality stations."""


def _build_page(found: Sequence[AirStation], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `build_page`
    return build_page(AirStationConnectionType, found, arguments)


@adds_to_query
class AirStationQueries:
    """The root field of air quality stations."""

    @root(air_station_lists, returns=AirStationConnectionType | None, rule=Rule.PUBLIC, transform=_build_page)
    def air_stations(
        search: Search = "",
        near: NearPoint = None,
        region: InsideRegion = None,
        first: First = 20,
        after: After = None,
    ) -> PlaceQuery:
        """Air quality stations with their last index by text and region; near a point, the nearest first."""
        return find_places(search, near, region, first, after)


@adds_to(RegionType)
class AirStationsOfRegion:
    """The air quality stations of a region."""

    air_stations: AirStationConnectionType | None = edge(
        air_station_lists,
        key=find_places_inside,
        transform=_build_page,
        description="The air quality stations inside it.",
    )
