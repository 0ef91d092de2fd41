"""Public Wi-Fi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auth.policy.rules import Rule
from records.regions import PlaceQuery
from records.wifi_points import WifiPoint
from resolvers.regions import regions
from resolvers.wifi_points import wifi_point_lists, wifi_points
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import After, First, Node, Search, build_page, connection_of
from schema.types.places import InsideRegion, NearPoint, find_places, find_places_inside
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


@connection_of(WifiPointType, item_name="Wi-Fi point", items_name="Wi-Fi points")
class WifiPointConnectionType:
    """A page of Wi-Fi points."""


def _build_page(found: Sequence[WifiPoint], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `build_page`
    return build_page(WifiPointConnectionType, found, arguments)


@adds_to_query
class WifiPointQueries:
    """The root field of public Wi-Fi points."""

    @root(wifi_point_lists, returns=WifiPointConnectionType | None, rule=Rule.PUBLIC, transform=_build_page)
    def wifi_points(
        search: Search = "",
        near: NearPoint = None,
        region: InsideRegion = None,
        first: First = 20,
        after: After = None,
    ) -> PlaceQuery:
        """Public Wi-Fi points by text and region; near a point, the nearest first."""
        return find_places(search, near, region, first, after)


@adds_to(RegionType)
class WifiPointsOfRegion:
    """The Wi-Fi points of a region."""

    wifi_points: WifiPointConnectionType | None = edge(
        wifi_point_lists,
        key=find_places_inside,
        transform=_build_page,
        description="The public Wi-Fi points inside it.",
    )
