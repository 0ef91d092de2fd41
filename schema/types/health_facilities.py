"""Health facilities."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.health_facilities import HealthFacility, HealthFacilityKind
from resolvers.health_facilities import health_facilities, health_facility_lists
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node, connection_of
from schema.declarations.scalars import publish_enum
from schema.types.places import place_list, places_inside
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


@connection_of(HealthFacilityType, item_name="health facility", items_name="health facilities", has_total=True)
class HealthFacilityConnectionType:
    """A page of health facilities."""


@adds_to_query
class HealthFacilityQueries:
    """The root field of health facilities."""

    health_facilities = place_list(
        health_facility_lists,
        HealthFacilityConnectionType,
        id_name="code",
        description="Health facilities by text and region; near a point, the nearest first.",
    )


@adds_to(RegionType)
class HealthFacilitiesOfRegion:
    """The health facilities of a region."""

    health_facilities: HealthFacilityConnectionType | None = places_inside(
        health_facility_lists,
        HealthFacilityConnectionType,
        id_name="code",
        description="The health facilities inside it.",
    )
