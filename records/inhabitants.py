"""How many people live in a region, from the population statistics of kelurahan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from records.description import Doc
from records.identifiers import RegionCode
from records.record import record


@record
class InhabitantCount:
    """The population of a region in one year: of a kelurahan, or the sum of those inside a larger region."""

    region_code: Annotated[RegionCode, Doc("Dotted Kemendagri code of the region.")]
    year: Annotated[int, Doc("The year.")]
    people: Annotated[int, Doc("Number of inhabitants.")]
    density: Annotated[int | None, Doc("Inhabitants per square kilometre.")]
    villages: Annotated[int, Doc("Number of kelurahan that were counted.")] = 1


def add_up(region: RegionCode, counts: Sequence[InhabitantCount]) -> InhabitantCount | None:
    """The count of a region from those of its kelurahan, for their newest year; None without any.

    The area of a kelurahan is its people divided by its density, so the sum has no density if one of them has none.
    """
    year = max((each.year for each in counts), default=None)
    if year is None:
        return None
    newest = [each for each in counts if each.year == year]
    if len(newest) == 1:
        return replace(newest[0], region_code=region)
    people = sum(each.people for each in newest)
    areas = [each.people / each.density for each in newest if each.density]
    area: float = sum(areas) if len(areas) == len(newest) else 0
    density = round(people / area) if area else None
    return InhabitantCount(region_code=region, year=year, people=people, density=density, villages=len(newest))
