"""Checks the place of a new complaint: the city, and whether point and region agree."""

from __future__ import annotations

from typing import Final

from records.city_areas import CityAreas
from records.complaints import NewComplaint
from records.hub.commands import CommandProblem, CommandProblemCode
from records.identifiers import RegionCode
from records.regions import Coordinates

_MAX_LATITUDE: Final = 90.0
_MAX_LONGITUDE: Final = 180.0


def find_place_problem(complaint: NewComplaint, city: CityAreas) -> CommandProblem | None:
    """What is wrong with the place, as far as the city's outlines can tell.

    No outlines of kelurahan are known. So a point is compared with its region only as far as both are in different
    parts of the city, and the kelurahan of a point is left to the complaint system.
    """
    point, region = complaint.coordinates, complaint.region_code
    if point is None and region is None and complaint.address is None:
        return CommandProblem(code=CommandProblemCode.PLACE_REQUIRED)
    if region is not None and not city.has_region(region):
        return CommandProblem(code=CommandProblemCode.UNKNOWN_PLACE, field="region")
    if point is None:
        return None
    problem = _find_point_problem(point, region, city)
    return None if problem is None else CommandProblem(code=problem, field="point")


def _find_point_problem(point: Coordinates, region: RegionCode | None, city: CityAreas) -> CommandProblemCode | None:
    if not (abs(point.latitude) <= _MAX_LATITUDE and abs(point.longitude) <= _MAX_LONGITUDE):
        return CommandProblemCode.UNKNOWN_PLACE
    around = city.find(point)
    if city.areas and not around:
        return CommandProblemCode.UNKNOWN_PLACE
    if region is not None and around and not any(each.has_region(region) for each in around):
        return CommandProblemCode.PLACES_DIFFER
    return None
