"""Measures of offices: how fast they handled the complaints of a month, without small numbers that tell on people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from statistics import median
from typing import Annotated, Final

from records.complaint_surveys import SurveyedComplaints
from records.complaints import Complaint, ComplaintStatus
from records.description import Doc
from records.record import record
from records.service_levels import STAGES, ServiceClock, ServiceLevels, ServiceStage

FLOOR: Final = 10
"""Fewest complaints, and fewest private complaints, of which anything is published."""
_SECONDS_PER_HOUR: Final = 3_600


@record
class StageMeasure:
    """How fast one stage was done."""

    stage: Annotated[ServiceStage, Doc("What must be done.")]
    median_hours: Annotated[
        float | None,
        Doc("Median time until it was done, each in the time of its service level; null if half are not done yet."),
    ]
    share_in_time: Annotated[float | None, Doc("Share that was done in time, 0 to 1, of those done or overdue.")]


@record
class ComplaintMeasure:
    """How fast the complaints of a month were handled."""

    office: Annotated[str | None, Doc("The `responsibleAgency`; null for the city, or if the complaint has none.")]
    number: Annotated[int, Doc("Number of complaints.")]
    stages: Annotated[tuple[StageMeasure, ...], Doc("Measures of each stage, without stages of too few complaints.")]


@record
class ComplaintMeasures:
    """How fast the offices of the city handled the complaints that were reported in a month."""

    month: Annotated[str, Doc("The month, such as `2026-10`.")]
    total: Annotated[ComplaintMeasure | None, Doc("Measures of all complaints; null if there are too few.")]
    offices: Annotated[tuple[ComplaintMeasure, ...], Doc("Measures of each office, most complaints first.")]
    hidden_offices: Annotated[
        int, Doc("Number of offices that are left out, because they or another one had too few complaints.")
    ]
    includes_private: Annotated[
        bool, Doc("Whether private complaints are counted; false if the agency lists public ones only.")
    ]
    is_cut: Annotated[bool, Doc("Whether the hub did not read all complaints of the month.")]
    ratings: Annotated[int | None, Doc("Number of complaints that reporters rated; null if there are too few.")]
    average_rating: Annotated[float | None, Doc("Mean rating, 1 to 5; null if there are too few.")]


def measure_month(month: str, surveys: Sequence[SurveyedComplaints], levels: ServiceLevels) -> ComplaintMeasures:
    """The measures of a month. Its surveys do not overlap."""
    by_office: dict[str | None, list[Complaint]] = {}
    for each in (each for survey in surveys for each in survey.complaints):
        by_office.setdefault(each.responsible_agency, []).append(each)
    shown = choose_shown(by_office)
    everything = [each for found in by_office.values() for each in found]
    offices = [_measure(office, by_office[office], levels) for office in shown]
    rated = [each for each in everything if each.rating is not None]
    ratings = [each.rating for each in rated if each.rating is not None] if is_publishable(rated) else []
    return ComplaintMeasures(
        month=month,
        total=_measure(None, everything, levels) if is_publishable(everything) else None,
        offices=tuple(sorted(offices, key=lambda each: (-each.number, each.office or ""))),
        hidden_offices=len(by_office) - len(shown),
        includes_private=all(each.includes_private for each in surveys),
        is_cut=any(each.is_cut for each in surveys),
        ratings=len(ratings) or None,
        average_rating=round(sum(ratings) / len(ratings), 2) if ratings else None,
    )


def choose_shown(by_office: Mapping[str | None, Sequence[Complaint]]) -> frozenset[str | None]:
    """The offices that can be shown beside the total, so that no difference is about a few complaints.

    The rest, which is the total without all that is shown, is several offices and as many complaints as the floor.
    """
    shown = sorted(
        (each for each in by_office if is_publishable(by_office[each])), key=lambda each: len(by_office[each])
    )
    hidden = [each for each in by_office if each not in shown]
    while (
        hidden
        and shown
        and (len(hidden) == 1 or not is_publishable(each for name in hidden for each in by_office[name]))
    ):
        hidden.append(shown.pop(0))
    return frozenset(shown)


def is_publishable(complaints: Iterable[Complaint]) -> bool:
    """Whether there are enough of them. Everybody can count the public ones, so the private ones are enough or none."""
    marks = [each.is_public for each in complaints]
    return len(marks) >= FLOOR and not 0 < marks.count(False) < FLOOR


def _measure(office: str | None, complaints: Sequence[Complaint], levels: ServiceLevels) -> ComplaintMeasure:
    """Measures some complaints. One that its reporter withdrew says nothing about the office's time."""
    clocks: dict[ServiceStage, list[tuple[Complaint, ServiceClock]]] = {each: [] for each in STAGES}
    for each in (each for each in complaints if each.status is not ComplaintStatus.WITHDRAWN):
        for clock in levels.build_clocks(each):
            clocks[clock.stage].append((each, clock))
    measured = [_measure_stage(stage, found, levels) for stage, found in clocks.items() if len(found) >= FLOOR]
    return ComplaintMeasure(office=office, number=len(complaints), stages=tuple(measured))


def _measure_stage(
    stage: ServiceStage, clocks: Sequence[tuple[Complaint, ServiceClock]], levels: ServiceLevels
) -> StageMeasure:
    """What is not done yet takes longer than all that is: otherwise a slow office would look fast."""
    middle = median(
        inf if clock.met_at is None else levels.measure(each.reported_at, clock.met_at, clock.time)
        for each, clock in clocks
    )
    in_time = sum(1 for _, clock in clocks if clock.met_at is not None and clock.breached_by is None)
    late = sum(1 for _, clock in clocks if clock.breached_by is not None)
    return StageMeasure(
        stage=stage,
        median_hours=None if middle == inf else round(middle / _SECONDS_PER_HOUR, 1),
        share_in_time=round(in_time / (in_time + late), 2) if in_time + late >= FLOOR else None,
    )
