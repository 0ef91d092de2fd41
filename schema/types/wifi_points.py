"""Public Wi-Fi."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.wifi_points import WifiPoint
from resolvers.regions import regions
from resolvers.wifi_points import wifi_point_lists, wifi_points
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import derived, edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node, connection_of
from schema.types.places import place_list, places_inside
from schema.types.regions import CoordinatesType, RegionType


@publishes(
    WifiPoint,
    rule=Rule.PUBLIC,
    shows=("name", "address", "coordinates", "provider"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=wifi_points, seal=lambda each: each.id, unseal=str),
)
class WifiPointType(Node):
    """The published `WifiPoint`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan it lies in.")

    @derived(returns=str | None)
    def code(record: WifiPoint) -> str:
        """Its code at the agency, such as `JW-0001`. A complaint about the point names it."""
        return record.id


@connection_of(WifiPointType, item_name="Wi-Fi point", items_name="Wi-Fi points", has_total=True)
class WifiPointConnectionType:
    """A page of Wi-Fi points."""


@adds_to_query
class WifiPointQueries:
    """The root field of public Wi-Fi points."""

    wifi_points = place_list(
        wifi_point_lists,
        WifiPointConnectionType,
        description="Public Wi-Fi points by text and region; near a point, the nearest first.",
    )


@adds_to(RegionType)
class WifiPointsOfRegion:
    """The Wi-Fi points of a region."""

    wifi_points: WifiPointConnectionType | None = places_inside(
        wifi_point_lists,
        WifiPointConnectionType,
        description="The public Wi-Fi points inside it.",
    )
