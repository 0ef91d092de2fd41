"""Regions, and points on the map."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Rule
from records.identifiers import RegionCode
from records.regions import CodeSystem, Coordinates, Region, RegionLevel, RegionQuery, SystemCode
from resolvers.regions import RegionAddress, region_lists, regions, regions_called, regions_inside
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import First, Node, Search, check_first
from schema.declarations.scalars import publish_enum

publish_enum(CodeSystem)
publish_enum(RegionLevel)


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


@adds_to_query
class RegionQueries:
    """The root fields of regions."""

    @root(regions_called, returns=RegionType | None, rule=Rule.PUBLIC)
    def region(
        code: Annotated[str, strawberry.argument(description="The region's code in the given system.")],
        system: Annotated[
            CodeSystem,
            strawberry.argument(description="System of the code: `3171` is a different place in each system."),
        ] = CodeSystem.KEMENDAGRI,
    ) -> RegionAddress:
        """One region, by its code in one of the code systems; null for an unknown code."""
        return RegionAddress(system, code)

    @root(region_lists, returns=list[RegionType] | None, rule=Rule.PUBLIC)
    def regions(
        search: Search = "",
        level: Annotated[RegionLevel | None, strawberry.argument(description="Only regions of this level.")] = None,
        inside: Annotated[
            RegionCode | None, strawberry.argument(description="Only regions inside this one, at any level.")
        ] = None,
        first: First = 50,
    ) -> RegionQuery:
        """Regions by name, level and enclosing region, ordered by code."""
        return RegionQuery(search=search, level=level, inside=inside, first=check_first(first))
