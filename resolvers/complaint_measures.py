"""Measures of offices by month, from surveys of the complaints that were reported in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.batch import NEVER_ABSENT, batch
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.clocks import CITY_TIME_ZONE
from records.complaint_measures import ComplaintMeasures, measure_month
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.service_levels import NO_SERVICE_LEVELS, ServiceLevels
from resolvers.batch_context import HubBatchContext
from resolvers.caching import PUBLIC
from resolvers.complaints import Complaints

_PARTS: Final = (1, 9, 17, 25)
"""First days of the parts of a month: each is one survey, so that more complaints are read before one is cut."""


@batch(domain=Complaints, read="surveys", caching=PUBLIC, absent=NEVER_ABSENT)
async def _load_complaint_measures(months: Sequence[str], context: HubBatchContext) -> Answers[str, ComplaintMeasures]:
    """How fast offices handled the complaints of each month. The hub counts private ones, and shows none."""
    levels = context.agencies.get(ServiceLevels, NO_SERVICE_LEVELS)
    parts = {month: split_month(month) for month in months}
    found = await context.agencies[Complaints].surveys([each for part in parts.values() for each in part], context.call)
    answers: dict[str, ComplaintMeasures | AgencyFailure] = {}
    for month, part in parts.items():
        surveys = [found[each] for each in part if each in found]
        failure = next((each for each in surveys if isinstance(each, AgencyFailure)), None)
        known = [each for each in surveys if isinstance(each, SurveyedComplaints)]
        answers[month] = failure or measure_month(month, known, levels)
    return answers


def split_month(month: str) -> Sequence[ComplaintSurvey]:
    """The surveys of a month, such as `2026-10`, in the city's time zone."""
    year, number = map(int, month.split("-"))
    starts = [datetime(year, number, day, tzinfo=CITY_TIME_ZONE) for day in _PARTS]
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=CITY_TIME_ZONE)
    return [
        ComplaintSurvey(reported_from=start, reported_until=end)
        for start, end in zip(starts, [*starts[1:], following], strict=True)
    ]


def _join(month: str, measures: Sequence[ComplaintMeasures]) -> ComplaintMeasures:
    """The measures of the offices of several agencies. A median of all does not follow from theirs."""
    return ComplaintMeasures(
        month=month,
        total=None,
        offices=tuple(each for part in measures for each in part.offices),
        hidden_offices=sum(each.hidden_offices for each in measures),
        includes_private=all(each.includes_private for each in measures),
        is_cut=any(each.is_cut for each in measures),
        ratings=None,
        average_rating=None,
    )


complaint_measures = replace(
    _load_complaint_measures, name="complaint_measures", join=_join, max_batch_size=1, scanned_rows=20_000
)
