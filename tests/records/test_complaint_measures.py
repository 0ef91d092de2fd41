"""Measures of offices: medians, shares in time, and what is left out because too few complaints are behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.complaint_measures import FLOOR, ComplaintMeasures, StageMeasure, choose_shown, measure_month
from records.complaint_surveys import SurveyedComplaints
from records.complaints import Complaint, ComplaintStatus
from records.service_levels import ServiceLevel, ServiceLevels, ServiceStage
from tests.fakes.small_records import NOW, complaint

HOUR = 3_600.0
LEVELS = ServiceLevels(ServiceLevel(first_response=6 * HOUR, resolution=48 * HOUR))
REPORTED = NOW - timedelta(days=30)
ROADS, WATER, TREES = "Dinas Bina Marga", "Dinas Sumber Daya Air", "Dinas Pertamanan"


def build(office: str | None = ROADS, done: float | None = None, *, public: bool = False) -> Complaint:
    """A complaint of last month that was resolved after these hours, which was its first step, or is still waiting."""
    known = complaint("1", public=public, responsible_agency=office, reported_at=REPORTED, due_at=None)
    if done is None:
        return known
    at = REPORTED + timedelta(hours=done)
    step = replace(known.events[0], at=at, status=ComplaintStatus.RESOLVED)
    return replace(known, status=ComplaintStatus.RESOLVED, resolved_at=at, events=(*known.events, step))


def measure(*complaints: Complaint) -> ComplaintMeasures:
    found = SurveyedComplaints(complaints=complaints, includes_private=True, is_cut=False)
    return measure_month("2026-10", [found], LEVELS)


def test_an_office_has_its_number_medians_and_shares() -> None:
    found = measure(*(build(done=hours) for hours in (1, 2, 3, 4, 5, 10, 20, 30, 40, 50)))
    assert found.total is not None
    assert found.offices == (replace(found.total, office=ROADS),)
    assert found.total.number == 10
    assert found.total.stages == (
        StageMeasure(stage=ServiceStage.FIRST_RESPONSE, median_hours=7.5, share_in_time=0.5),
        StageMeasure(stage=ServiceStage.RESOLUTION, median_hours=7.5, share_in_time=0.9),
    )


def test_what_is_not_done_counts_as_late_and_as_longer_than_the_rest() -> None:
    waiting = [build()] * 4
    assert measure(*[build(done=1)] * 6, *waiting).offices[0].stages[1].median_hours == 1.0
    found = measure(*[build(done=1)] * 5, *waiting, build()).offices[0].stages[1]
    assert (found.median_hours, found.share_in_time) == (None, 0.5)


def test_what_is_neither_done_nor_overdue_is_in_no_share() -> None:
    running = replace(build(), read_at=REPORTED + timedelta(hours=1))
    stages = measure(*[build(done=1)] * 9, *[running] * 5).offices[0].stages
    assert [each.share_in_time for each in stages] == [None, None]
    stages = measure(*[build(done=1)] * 10, *[running] * 5).offices[0].stages
    assert [each.share_in_time for each in stages] == [1.0, 1.0]


def test_a_stage_whose_end_few_complaints_show_is_left_out() -> None:
    silent = replace(build(done=1), events=())
    found = measure(*[build(done=1)] * 9, silent).offices[0]
    assert [each.stage for each in found.stages] == [ServiceStage.RESOLUTION]


def test_a_withdrawn_complaint_is_counted_and_not_measured() -> None:
    withdrawn = replace(build(done=1), status=ComplaintStatus.WITHDRAWN)
    found = measure(*[build(done=20)] * 10, *[withdrawn] * 30).offices[0]
    assert (found.number, found.stages[1].median_hours) == (40, 20.0)


def test_a_small_office_is_hidden_with_another_so_that_the_total_does_not_tell_it() -> None:
    found = measure(*[build(ROADS)] * 50, *[build(WATER)] * 12, *[build(TREES)] * 3)
    assert found.total is not None
    assert found.total.number == 65
    assert [(each.office, each.number) for each in found.offices] == [(ROADS, 50)]
    assert found.hidden_offices == 2


def test_few_private_complaints_beside_many_public_ones_are_few() -> None:
    public = [build(ROADS, public=True)] * 50
    found = measure(*public, *[build(ROADS)] * 3, *[build(WATER)] * 20, *[build(TREES)] * 20)
    assert {each.office for each in found.offices} == {TREES}
    assert found.hidden_offices == 2
    assert {each.office for each in measure(*public, *[build(WATER)] * 20).offices} == {ROADS, WATER}


def test_fewer_complaints_than_the_floor_are_no_measure() -> None:
    found = measure(*[build()] * (FLOOR - 1))
    assert (found.total, found.offices, found.hidden_offices) == (None, (), 1)


def test_offices_are_sorted_by_their_complaints_and_some_have_no_name() -> None:
    found = measure(*[build(None)] * 11, *[build(WATER)] * 30, *[build(ROADS)] * 20)
    assert [each.office for each in found.offices] == [WATER, ROADS, None]


def test_the_surveys_of_a_month_are_added_up_and_one_that_is_cut_cuts_all() -> None:
    part = SurveyedComplaints(complaints=tuple([build()] * 6), includes_private=True, is_cut=False)
    found = measure_month("2026-10", [part, replace(part, is_cut=True, includes_private=False)], LEVELS)
    assert found.total is not None
    assert (found.total.number, found.includes_private, found.is_cut) == (12, False, True)


COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(COUNTS)
def test_no_difference_is_about_a_few_complaints(counts: dict[str, tuple[int, int]]) -> None:
    by_office: dict[str | None, list[Complaint]] = {
        name: [build(public=True)] * public + [build()] * private
        for name, (public, private) in counts.items()
        if public + private
    }
    shown = choose_shown(by_office)
    rest = set(by_office) - shown
    for group in [*([each] for each in shown), *([rest] if shown and rest else [])]:
        public = sum(counts[each or ""][0] for each in group)
        private = sum(counts[each or ""][1] for each in group)
        assert public + private >= FLOOR
        assert private == 0 or private >= FLOOR
    assert not shown or len(rest) != 1


@pytest.mark.parametrize("private", [0, 10])
def test_an_office_at_the_floor_is_shown(private: int) -> None:
    assert choose_shown({ROADS: [build(public=True)] * (10 - private) + [build()] * private}) == {ROADS}
