"""Health facilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auth.policy.rules import Rule
from records.health_facilities import HealthFacility, HealthFacilityKind
from records.regions import PlaceQuery
from resolvers.health_facilities import health_facilities, health_facility_lists
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import After, First, Node, Search, build_page, connection_of
from schema.declarations.scalars import publish_enum
from schema.types.places import InsideRegion, NearPoint, find_places, find_places_inside
from schema.types.regions import CoordinatesType, RegionType

publish_enum(HealthFacilityKind)


@publishes(
    HealthFacility,
    rule=Rule.PUBLIC,
    shows=("code", "name", "kind", "address", "phone", "has_emergency_room", "coordinates"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=health_facilities, seal=lambda each: each.code, unseal=str),
)
class HealthFacilityType(Node):
    """The published `HealthFacility`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan it lies in.")


@connection_of(HealthFacilityType, item_name="health facility", items_name="health facilities")
class HealthFacilityConnectionType:
    """A page of health facilities."""


def _build_page(found: Sequence[HealthFacility], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see `build_page`
    return build_page(HealthFacilityConnectionType, found, arguments, id_name="code")


@adds_to_query
class HealthFacilityQueries:
    """The root field of health facilities."""

    @root(health_facility_lists, returns=HealthFacilityConnectionType | None, rule=Rule.PUBLIC, transform=_build_page)
    def health_facilities(
        search: Search = "",
        near: NearPoint = None,
        region: InsideRegion = None,
        first: First = 20,
        after: After = None,
    ) -> PlaceQuery:
        """Health facilities by text and region; near a point, the nearest first."""
        return find_places(search, near, region, first, after)


@adds_to(RegionType)
class HealthFacilitysOfRegion:
    """The health facilities of a region."""

    health_facilities: HealthFacilityConnectionType | None = edge(
        health_facility_lists,
        key=find_places_inside,
        transform=_build_page,
        description="The health facilities inside it.",
    )
