"""Regions, and points on the map."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.identifiers import RegionCode
from records.regions import Coordinates, Region, SystemCode
from resolvers.regions import regions, regions_inside
from schema.declarations.fields import edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node


@publishes(SystemCode, rule=Rule.PUBLIC, shows=("system", "code", "source", "unknown_because"))
class SystemCodeType:
    """The published `SystemCode`."""


@publishes(
    Region,
    rule=Rule.PUBLIC,
    shows=("code", "level", "name", "parent_code", "codes"),
    nested=(SystemCodeType,),
    refetch=Refetch(batch=regions, seal=lambda region: region.code, unseal=RegionCode),
)
class RegionType(Node):
    """The published `Region`."""

    parent: RegionType | None = edge(
        regions, key="parent_code", description="The enclosing region; null for a province."
    )
    children: list[RegionType] | None = edge(
        regions_inside,
        key="code",
        expected_size=12,
        description="The regions of the next level inside it, ordered by code.",
    )


@publishes(Coordinates, rule=Rule.PUBLIC, shows=("latitude", "longitude"))
class CoordinatesType:
    """The published `Coordinates`."""
