"""Measures of offices: how fast they handle complaints, for everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

import strawberry

from auth.policy.children import get_city_date
from auth.policy.rules import Rule
from engine.errors import BadInput
from records.complaint_measures import ComplaintMeasure, ComplaintMeasures, StageMeasure
from resolvers.complaint_measures import complaint_measures
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import root
from schema.declarations.publishing import publishes

_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_MAX_AGE: Final = 120
"""Age of the oldest month, in months."""


@publishes(StageMeasure, rule=Rule.PUBLIC, shows=("stage", "median_hours", "share_in_time"))
class StageMeasureType:
    """The published `StageMeasure`."""


@publishes(ComplaintMeasure, rule=Rule.PUBLIC, shows=("office", "number", "stages"), nested=(StageMeasureType,))
class ComplaintMeasureType:
    """The published `ComplaintMeasure`."""


@publishes(
    ComplaintMeasures,
    rule=Rule.PUBLIC,
    shows=("month", "total", "offices", "hidden_offices", "includes_private", "is_cut", "ratings", "average_rating"),
    nested=(ComplaintMeasureType,),
)
class ComplaintMeasuresType:
    """The published `ComplaintMeasures`."""


def check_month(month: str) -> str:
    """Returns the month. Raises `BadInput` for one that is not over, or too old."""
    found, today = _MONTH.fullmatch(month), get_city_date()
    if found is None:
        raise BadInput("Argument 'month' is not a month: write a year and a month, such as 2026-10.")
    age = 12 * (today.year - int(found[1])) + today.month - int(found[2])
    if not 1 <= age <= _MAX_AGE:
        raise BadInput(f"Argument 'month' must be over, and at most {_MAX_AGE} months old.")
    return month


def choose_office(found: ComplaintMeasures, arguments: Mapping[str, Any]) -> ComplaintMeasures:
    """Narrows the measures to an office, after small numbers were left out."""
    office = arguments.get("office")
    if office is None:
        return found
    return replace(found, offices=tuple(each for each in found.offices if each.office == office))


@adds_to_query
class ComplaintMeasureQueries:
    """The root fields of measures."""

    @root(complaint_measures, returns=ComplaintMeasuresType | None, rule=Rule.PUBLIC, transform=choose_office)
    def complaint_measures(
        month: Annotated[str, strawberry.argument(description="A month that is over, such as `2026-10`.")],
        office: Annotated[  # noqa: ARG002 - `choose_office` uses it
            str | None, strawberry.argument(description="Only this `responsibleAgency`; all if omitted.")
        ] = None,
    ) -> str:
        """How fast offices handled the complaints that were reported in a month. Small numbers are left out."""
        return check_month(month)
