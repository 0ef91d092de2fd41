"""Measures of services: what is shown, what is hidden with it, and what people saved."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.complaint_measures import FLOOR, ComplaintMeasure, ComplaintMeasures, StageMeasure
from records.identifiers import Rupiah
from records.service_levels import ServiceStage
from records.service_measures import COMPLAINTS, choose_shown, measure_services
from tests.records.city_service_samples import service

MONTH = "2026-10"
COMPLAINT_MEASURES = ComplaintMeasures(
    month=MONTH,
    total=ComplaintMeasure(
        office=None,
        number=200,
        stages=(
            StageMeasure(stage=ServiceStage.ANSWER, median_hours=2.0, share_in_time=0.99),
            StageMeasure(stage=ServiceStage.RESOLUTION, median_hours=118.5, share_in_time=0.97),
        ),
    ),
    offices=(),
    hidden_offices=0,
    includes_private=True,
    is_cut=False,
    ratings=40,
    average_rating=4.2,
)


def test_a_service_has_its_uses_and_what_they_saved() -> None:
    found = measure_services(MONTH, {"bills": 120, "gates": 30}, [service("bills"), service("gates")], None)
    assert (found.month, found.uses, found.hidden_services) == (MONTH, 150, 0)
    bills, gates = found.services
    assert (bills.code, bills.uses, bills.saved_hours, bills.saved_rupiah) == ("bills", 120, 180.0, Rupiah(2_400_000))
    assert (bills.median_hours, bills.share_in_time, bills.ratings, bills.average_rating) == (None, None, None, None)
    assert (gates.code, gates.uses) == ("gates", 30)


def test_complaints_have_the_time_to_their_resolution_and_their_ratings() -> None:
    found = measure_services(MONTH, {COMPLAINTS: 200}, [service(COMPLAINTS)], COMPLAINT_MEASURES)
    [measure] = found.services
    assert (measure.median_hours, measure.share_in_time) == (118.5, 0.97)
    assert (measure.ratings, measure.average_rating) == (40, 4.2)


@pytest.mark.parametrize(
    ("uses", "shown"),
    [
        ({"a": 9}, set()),
        ({"a": 10}, {"a"}),
        ({"a": 100, "b": 9}, set()),
        ({"a": 100, "b": 9, "c": 50}, {"a"}),
        ({"a": 100, "b": 9, "c": 9}, {"a"}),
        ({"a": 100, "b": 4, "c": 4, "d": 20}, {"a"}),
        ({}, set()),
    ],
)
def test_small_numbers_hide_another_one_that_would_tell_them(uses: Mapping[str, int], shown: set[str]) -> None:
    assert choose_shown(uses) == shown


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 60), max_size=12))
def test_no_difference_of_what_is_shown_is_about_fewer_uses_than_the_floor(uses: Mapping[str, int]) -> None:
    found = measure_services(MONTH, uses, [service(each) for each in uses], None)
    shown = {each.code: each.uses for each in found.services}
    assert all(number >= FLOOR for number in shown.values())
    hidden = [number for code, number in uses.items() if code not in shown]
    assert found.hidden_services == len(hidden)
    if found.uses is None:
        assert sum(uses.values()) < FLOOR
        assert shown == {}
    elif hidden:
        rest = found.uses - sum(shown.values())
        assert rest == sum(hidden)
        assert rest >= FLOOR
        assert len(hidden) > 1 or shown == {}


def test_a_service_that_left_the_catalogue_and_one_without_uses_do_not_count() -> None:
    found = measure_services(MONTH, {"bills": 20, "gone": 500, "gates": 0}, [service("bills"), service("gates")], None)
    assert ([each.code for each in found.services], found.uses, found.hidden_services) == (["bills"], 20, 0)
