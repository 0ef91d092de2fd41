"""The list of overdue complaints: which ones, in which order, and page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from records.complaint_surveys import SurveyedComplaints
from records.complaints import Complaint
from records.service_levels import ServiceLevel, ServiceLevels, ServiceStage
from resolvers.overdue_complaints import OverduePosition, OverdueQuery, build_page, overdue_complaints
from tests.fakes.small_records import NOW, complaint

HOUR = 3_600.0
LEVELS = ServiceLevels(ServiceLevel(first_response=6 * HOUR, answer=72 * HOUR, resolution=168 * HOUR))
BINA_MARGA, SUMBER_DAYA_AIR = "Dinas Bina Marga", "Dinas Sumber Daya Air"


def waiting(id_: str, hours: float, office: str = BINA_MARGA, due_at: datetime | None = None) -> Complaint:
    """A complaint that has waited for its first agency for these hours."""
    return complaint(
        id_,
        public=False,
        responsible_agency=office,
        reported_at=NOW - timedelta(hours=hours),
        due_at=due_at,
        read_at=NOW,
    )


LISTED = (
    waiting("in-time", 5),
    waiting("late", 7),
    waiting("later", 100, SUMBER_DAYA_AIR),
    waiting("worst", 200),
    waiting("also-late", 7),
)
FOUND = SurveyedComplaints(complaints=LISTED, includes_private=True, is_cut=False)


def list_ids(query: OverdueQuery) -> list[str]:
    return [each.id for each in build_page(query, FOUND, LEVELS).complaints]


def test_the_longest_overdue_is_first_and_those_in_time_are_left_out() -> None:
    page = build_page(OverdueQuery(first=10), FOUND, LEVELS)
    assert [each.id for each in page.complaints] == ["worst", "later", "also-late", "late"]
    assert (page.has_more, page.total, page.includes_private, page.is_cut) == (False, 4, True, False)
    assert page.positions[0] == OverduePosition(NOW - timedelta(hours=194), "worst")


def test_pages_follow_each_other_without_gap_or_double() -> None:
    first = build_page(OverdueQuery(first=2), FOUND, LEVELS)
    second = build_page(OverdueQuery(first=2, after=first.positions[-1]), FOUND, LEVELS)
    assert [each.id for each in first.complaints] == ["worst", "later"]
    assert [each.id for each in second.complaints] == ["also-late", "late"]
    assert (first.has_more, second.has_more) == (True, False)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (OverdueQuery(first=10, office=SUMBER_DAYA_AIR), ["later"]),
        (OverdueQuery(first=10, office="Dinas"), []),
        (OverdueQuery(first=10, stage=ServiceStage.ANSWER), ["worst", "later"]),
        (OverdueQuery(first=10, stage=ServiceStage.RESOLUTION), ["worst"]),
        (OverdueQuery(first=1, stage=ServiceStage.FIRST_RESPONSE), ["worst"]),
    ],
)
def test_an_office_or_a_stage_narrows_the_list(query: OverdueQuery, ids: list[str]) -> None:
    assert list_ids(query) == ids


def test_a_stage_that_was_done_late_is_not_overdue_any_more() -> None:
    done = replace(LISTED[3], resolved_at=NOW - timedelta(hours=1))
    found = replace(FOUND, complaints=(done,))
    assert build_page(OverdueQuery(first=10, stage=ServiceStage.RESOLUTION), found, LEVELS).complaints == ()


def test_the_deadline_of_the_agency_decides_where_it_names_one() -> None:
    early = waiting("early", 1, due_at=NOW - timedelta(minutes=1))
    page = build_page(OverdueQuery(first=10), replace(FOUND, complaints=(early,)), LEVELS)
    assert page.positions == (OverduePosition(NOW - timedelta(minutes=1), "early"),)


def test_the_lists_of_several_agencies_are_joined() -> None:
    query = OverdueQuery(first=3)
    near = build_page(query, replace(FOUND, complaints=LISTED[:3]), LEVELS)
    far = build_page(query, replace(FOUND, complaints=LISTED[3:], includes_private=False, is_cut=True), LEVELS)
    assert overdue_complaints.join is not None
    joined = overdue_complaints.join(query, [near, far])
    assert [each.id for each in joined.complaints] == ["worst", "later", "also-late"]
    assert (joined.has_more, joined.total, joined.includes_private, joined.is_cut) == (True, 4, False, True)
