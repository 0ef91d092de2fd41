"""The land of a city, as rough outlines: which points of the map may be in it.

An outline is wider than the land by its tolerance, so a point outside all of them is certainly not in the city. A point
near the border, or in the sea between islands, may be accepted although it is outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from records.identifiers import RegionCode
from records.regions import Coordinates


@dataclass(frozen=True, slots=True)
class CityArea:
    """A part of the city: its regions, and an outline around all of them."""

    regions: Sequence[str]
    """Kemendagri codes, at any level."""
    outline: Sequence[Coordinates]
    """The corners of a polygon, in their order."""

    def contains(self, point: Coordinates) -> bool:
        """Whether the point is inside: a line from it to the east crosses the outline an odd number of times."""
        crossings = 0
        for start, end in pairwise((*self.outline, self.outline[0])):
            if (start.latitude > point.latitude) != (end.latitude > point.latitude):
                share = (point.latitude - start.latitude) / (end.latitude - start.latitude)
                crossings += point.longitude < start.longitude + share * (end.longitude - start.longitude)
        return crossings % 2 == 1

    def has_region(self, region: RegionCode) -> bool:
        """Whether a region is in this part, or around one of its regions."""
        return any(f"{region}.".startswith(f"{each}.") or each.startswith(f"{region}.") for each in self.regions)


@dataclass(frozen=True, slots=True)
class CityAreas:
    """All parts of a city; without any, every point may be in it."""

    areas: Sequence[CityArea]

    def find(self, point: Coordinates) -> Sequence[CityArea]:
        """The parts that may contain the point; near a border, several."""
        return [each for each in self.areas if each.contains(point)]

    def has_region(self, region: RegionCode) -> bool:
        """Whether a region is in the city, as far as its parts say it."""
        return not self.areas or any(each.has_region(region) for each in self.areas)


NO_CITY_AREAS: Final = CityAreas(())
