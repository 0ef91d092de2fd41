"""Air quality."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.air_stations import AirQuality, AirStation
from resolvers.air_stations import air_station_lists, air_stations
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node, connection_of
from schema.declarations.scalars import publish_enum
from schema.types.places import place_list, places_inside
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


@connection_of(AirStationType, item_name="air quality station", items_name="air quality stations", has_total=True)
class AirStationConnectionType:
    """A page of air quality stations."""


@adds_to_query
class AirStationQueries:
    """The root field of air quality stations."""

    air_stations = place_list(
        air_station_lists,
        AirStationConnectionType,
        description="Air quality stations with their last index by text and region; near a point, the nearest first.",
    )


@adds_to(RegionType)
class AirStationsOfRegion:
    """The air quality stations of a region."""

    air_stations: AirStationConnectionType | None = places_inside(
        air_station_lists,
        AirStationConnectionType,
        description="The air quality stations inside it.",
    )
