"""Parks and child-friendly public spaces."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.parks import Park, ParkKind
from resolvers.parks import park_lists, parks
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node, connection_of
from schema.declarations.scalars import publish_enum
from schema.types.places import place_list, places_inside
from schema.types.regions import CoordinatesType, RegionType

publish_enum(ParkKind)


@publishes(
    Park,
    rule=Rule.PUBLIC,
    shows=("name", "kind", "address", "area", "facilities", "is_step_free", "coordinates"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=parks, seal=lambda each: each.id, unseal=str),
)
class ParkType(Node):
    """The published `Park`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan it lies in.")


@connection_of(ParkType, item_name="park", items_name="parks")
class ParkConnectionType:
    """A page of parks."""


@adds_to_query
class ParkQueries:
    """The root field of parks."""

    parks = place_list(
        park_lists,
        ParkConnectionType,
        description="Parks and public spaces for children (RPTRA) by text and region; near a point, the nearest first.",
    )


@adds_to(RegionType)
class ParksOfRegion:
    """The parks of a region."""

    parks: ParkConnectionType | None = places_inside(park_lists, ParkConnectionType, description="The parks inside it.")
