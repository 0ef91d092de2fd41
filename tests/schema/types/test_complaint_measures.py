"""The measures of a month, for everybody: which months, which office, and how often the agency is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import pytest

from auth.policy.children import get_city_date
from engine.agencies.bindings import Agencies
from records.calls.answers import Answers
from records.calls.call import Call
from records.clocks import CITY_TIME_ZONE
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.service_levels import ServiceLevel, ServiceLevels
from resolvers.complaint_measures import complaint_measures, split_month
from resolvers.overdue_complaints import overdue_complaints
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import complaint
from tests.schema.requests import get_codes, run, run_for_data

MONTH = "2026-10"
MEASURES = """
query Measures($office: String) {
  complaintMeasures(month: "2026-10", office: $office) {
    month hiddenOffices includesPrivate isCut
    total { office number stages { stage medianHours shareInTime } }
    offices { office number }
  }
}
"""


class MeasuredCity(SmallCity):
    """Each part of the month has ten complaints of two offices, and three of a third."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        return super().agencies(own).extended_with({ServiceLevels: ServiceLevels(ServiceLevel(first_response=3_600.0))})

    async def surveys(
        self, queries: Sequence[ComplaintSurvey], _call: Call
    ) -> Answers[ComplaintSurvey, SurveyedComplaints]:
        offices = ["Roads"] * 10 + ["Water"] * 5 + ["Trees"] * 5 + ["Parks"] * 2
        listed = tuple(complaint("1", public=False, responsible_agency=each, due_at=None) for each in offices)
        found = SurveyedComplaints(complaints=listed, includes_private=True, is_cut=False)
        return self._answers("crm", "surveys", queries, dict.fromkeys(queries, found))


async def test_everybody_reads_the_measures_of_a_month() -> None:
    city = MeasuredCity()
    response = await run(MEASURES, caller="anonymous", city=city)
    assert response.errors == []
    assert response.data == {
        "complaintMeasures": {
            "month": MONTH,
            "hiddenOffices": 2,
            "includesPrivate": True,
            "isCut": False,
            "total": {
                "office": None,
                "number": 88,
                "stages": [{"stage": "FIRST_RESPONSE", "medianHours": None, "shareInTime": 0.0}],
            },
            "offices": [{"office": "Roads", "number": 40}, {"office": "Trees", "number": 20}],
        }
    }
    assert city.calls == [("crm", "surveys", tuple(split_month(MONTH)))]
    assert not response.reads


async def test_an_office_is_chosen_after_small_numbers_are_left_out() -> None:
    for office, found in (("Roads", [{"office": "Roads", "number": 40}]), ("Parks", []), ("Water", [])):
        data = await run_for_data(MEASURES, {"office": office}, caller="anonymous", city=MeasuredCity())
        assert data["complaintMeasures"]["offices"] == found
        assert data["complaintMeasures"]["hiddenOffices"] == 2


def test_the_surveys_of_a_month_cover_it_once() -> None:
    october, december = split_month("2026-10"), split_month("2026-12")
    assert [each.reported_until for each in october[:-1]] == [each.reported_from for each in october[1:]]
    assert october[0].reported_from == datetime(2026, 10, 1, tzinfo=CITY_TIME_ZONE)
    assert october[-1].reported_until == datetime(2026, 11, 1, tzinfo=CITY_TIME_ZONE)
    assert december[-1].reported_until == split_month("2027-01")[0].reported_from


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-10", "2026-10-01", "Oktober", "", "1999-12"])
async def test_what_is_no_month_or_too_old_asks_nothing(month: str) -> None:
    city = MeasuredCity()
    response = await run(f'{{ complaintMeasures(month: "{month}") {{ month }} }}', caller="anonymous", city=city)
    assert get_codes(response) == [("complaintMeasures", "BAD_USER_INPUT")]
    assert city.calls == []


async def test_a_month_that_is_not_over_has_no_measures() -> None:
    today: date = get_city_date()
    city = MeasuredCity()
    query = f'{{ complaintMeasures(month: "{today:%Y-%m}") {{ month }} }}'
    response = await run(query, caller="anonymous", city=city)
    assert get_codes(response) == [("complaintMeasures", "BAD_USER_INPUT")]
    assert city.calls == []


async def test_the_failure_of_the_complaint_system_is_the_answer() -> None:
    city = MeasuredCity(failing_agencies={"crm"})
    response = await run(MEASURES, caller="anonymous", city=city)
    assert get_codes(response) == [("complaintMeasures", "AGENCY_UNAVAILABLE")]


def test_measures_are_cached_for_a_day_and_lists_of_officials_never() -> None:
    agencies = SmallCity().agencies()
    freshness = agencies.get_freshness(complaint_measures)
    assert freshness is not None
    assert (freshness.fresh, freshness.is_personal) == (86_400.0, False)
    assert agencies.get_freshness(overdue_complaints) is None
