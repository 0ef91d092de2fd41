"""Measures of the city's services by month: uses, time, ratings, savings, without numbers that tell on few people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from records.city_services import CityService
from records.complaint_measures import FLOOR, ComplaintMeasures
from records.description import Doc
from records.identifiers import Rupiah
from records.record import record
from records.service_levels import ServiceStage

COMPLAINTS: Final = "submit_complaint"
"""The service that complaints are measured for."""
_MINUTES_PER_HOUR: Final = 60


@record
class ServiceMeasure:
    """One service in one month."""

    code: Annotated[str, Doc("Code of the service.")]
    uses: Annotated[int, Doc("Operations that used it and were answered.")]
    saved_hours: Annotated[
        float | None, Doc("Hours that people saved: uses times `savedMinutes` of the service, by 60; null if unknown.")
    ]
    saved_rupiah: Annotated[
        Rupiah | None,
        Doc("Fees and fares that people saved: uses times `savedRupiah` of the service; null if unknown."),
    ]
    median_hours: Annotated[
        float | None, Doc("Median time from submission to resolution; null if it has none, or half are not resolved.")
    ]
    share_in_time: Annotated[float | None, Doc("Share that was resolved in time, 0 to 1; null if it has no deadline.")]
    ratings: Annotated[int | None, Doc("Number of ratings by the people who used it; null if there are too few.")]
    average_rating: Annotated[float | None, Doc("Mean rating, 1 to 5; null if there are too few.")]


@record
class ServiceMeasures:
    """The services of the city in one month."""

    month: Annotated[str, Doc("The month, such as `2026-10`.")]
    uses: Annotated[int | None, Doc("Uses of all services; null if there are too few.")]
    services: Annotated[tuple[ServiceMeasure, ...], Doc("Measures of each service, most uses first.")]
    hidden_services: Annotated[int, Doc("Number of services that are left out, because they or another had few uses.")]


def measure_services(
    month: str, uses: Mapping[str, int], services: Sequence[CityService], complaints: ComplaintMeasures | None
) -> ServiceMeasures:
    """The measures of a month, of the services that were used. Those without uses say nothing about people."""
    known = {each.code: each for each in services}
    counted = {code: number for code, number in uses.items() if number > 0 and code in known}
    shown = choose_shown(counted)
    total = sum(counted.values())
    measured = [_measure(known[code], counted[code], complaints if code == COMPLAINTS else None) for code in shown]
    return ServiceMeasures(
        month=month,
        uses=total if total >= FLOOR else None,
        services=tuple(sorted(measured, key=lambda each: (-each.uses, each.code))),
        hidden_services=len(counted) - len(shown),
    )


def choose_shown(uses: Mapping[str, int]) -> frozenset[str]:
    """The services that can be shown beside the total, so that no difference is about a few uses.

    The rest, which is the total without all that is shown, is several services and at least as many uses as the floor.
    """
    shown = sorted((each for each in uses if uses[each] >= FLOOR), key=lambda each: (uses[each], each))
    hidden = [each for each in uses if uses[each] < FLOOR]
    while hidden and shown and (len(hidden) == 1 or sum(uses[each] for each in hidden) < FLOOR):
        hidden.append(shown.pop(0))
    return frozenset(shown)


def _measure(service: CityService, uses: int, complaints: ComplaintMeasures | None) -> ServiceMeasure:
    total = None if complaints is None else complaints.total
    stages = () if total is None else total.stages
    resolution = next((each for each in stages if each.stage is ServiceStage.RESOLUTION), None)
    minutes, rupiah = service.saved_minutes, service.saved_rupiah
    return ServiceMeasure(
        code=service.code,
        uses=uses,
        saved_hours=None if minutes is None else round(uses * minutes / _MINUTES_PER_HOUR, 1),
        saved_rupiah=None if rupiah is None else Rupiah(uses * rupiah),
        median_hours=None if resolution is None else resolution.median_hours,
        share_in_time=None if resolution is None else resolution.share_in_time,
        ratings=None if complaints is None else complaints.ratings,
        average_rating=None if complaints is None else complaints.average_rating,
    )
