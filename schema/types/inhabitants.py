"""The population of regions."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.inhabitants import InhabitantCount
from resolvers.inhabitants import inhabitants
from schema.declarations.additions import adds_to
from schema.declarations.fields import edge
from schema.declarations.publishing import publishes
from schema.types.regions import RegionType


@publishes(InhabitantCount, rule=Rule.PUBLIC, shows=("year", "people", "density", "villages"))
class InhabitantCountType:
    """The published `InhabitantCount`."""


@adds_to(RegionType)
class PopulationOfRegion:
    """The population of a region."""

    population: InhabitantCountType | None = edge(
        inhabitants, key="code", description="How many people live in it; null outside the city."
    )
