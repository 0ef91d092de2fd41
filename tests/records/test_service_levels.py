"""Clocks of complaints: which deadline counts, what ends a stage, and what cannot be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from records.clocks import CITY_TIME_ZONE as WIB
from records.complaints import Complaint, ComplaintEvent, ComplaintStatus
from records.service_levels import (
    NO_SERVICE_LEVELS,
    ServiceClock,
    ServiceLevel,
    ServiceLevels,
    ServiceStage,
    ServiceTime,
    find_next_clock,
)
from records.working_time import WorkingTime
from tests.fakes.small_records import PUBLIC, complaint

HOUR = 3_600.0
REPORTED = datetime(2026, 11, 20, 15, 0, tzinfo=WIB)
"""A Friday."""
FIRST_RESPONSE, ANSWER, RESOLUTION = ServiceStage
WEEK = [[(time(8), time(16))]] * 5 + [[], []]
OFFICE = WorkingTime(WEEK, lambda _: (), WIB)
LEVEL = ServiceLevel(first_response=6 * HOUR, answer=72 * HOUR, resolution=168 * HOUR)
WORKING = replace(LEVEL, answer=None, time=ServiceTime.WORKING)
CITY = ServiceLevels(LEVEL, {"1901": WORKING}, OFFICE)


def build(*steps: tuple[float, ComplaintStatus | None], hours: float = 1, **more: Any) -> Complaint:  # noqa: ANN401 - fields of the record
    """A complaint that was read `hours` after the report; each step has its hours after the report."""
    events = tuple(
        ComplaintEvent(
            sequence=number,
            at=REPORTED + timedelta(hours=after),
            status=status,
            note=None,
            agency=None,
            complaint_is_public=True,
            reporter=None,
        )
        for number, (after, status) in enumerate(steps, start=1)
    )
    status = steps[-1][1] if steps else ComplaintStatus.WAITING
    fields = {"events": events, "status": status, "reported_at": REPORTED, "due_at": None, "category_code": "1101"}
    return complaint(PUBLIC, public=True, **(fields | {"read_at": REPORTED + timedelta(hours=hours)} | more))


def after(hours: float) -> datetime:
    return REPORTED + timedelta(hours=hours)


def clock(
    stage: ServiceStage,
    due: datetime,
    met: datetime | None = None,
    breached_by: float | None = None,
    time: ServiceTime = ServiceTime.CALENDAR,
) -> ServiceClock:
    return ServiceClock(stage=stage, due_at=due, met_at=met, breached_by=breached_by, time=time)


WAITING, COORDINATION, IN_PROGRESS = ComplaintStatus.WAITING, ComplaintStatus.COORDINATION, ComplaintStatus.IN_PROGRESS
RESOLVED, REJECTED = ComplaintStatus.RESOLVED, ComplaintStatus.REJECTED


def test_a_new_complaint_has_three_running_clocks() -> None:
    assert CITY.build_clocks(build((0, WAITING))) == (
        clock(FIRST_RESPONSE, after(6)),
        clock(ANSWER, after(72)),
        clock(RESOLUTION, after(168)),
    )


def test_each_stage_ends_with_the_first_step_that_is_meant() -> None:
    found = build((0, WAITING), (2, COORDINATION), (80, IN_PROGRESS), (90, WAITING), (95, IN_PROGRESS), hours=100)
    assert CITY.build_clocks(found) == (
        clock(FIRST_RESPONSE, after(6), after(2)),
        clock(ANSWER, after(72), after(80), 8.0),
        clock(RESOLUTION, after(168)),
    )


@pytest.mark.parametrize("status", [RESOLVED, REJECTED])
def test_a_closed_complaint_is_answered_too(status: ComplaintStatus) -> None:
    found = build((0, WAITING), (170.5, status), hours=999, resolved_at=after(170.5))
    assert CITY.build_clocks(found) == (
        clock(FIRST_RESPONSE, after(6), after(170.5), 164.5),
        clock(ANSWER, after(72), after(170.5), 98.5),
        clock(RESOLUTION, after(168), after(170.5), 2.5),
    )


def test_a_running_clock_is_breached_at_the_moment_of_the_read() -> None:
    waiting = build((0, WAITING), hours=6)
    assert [each.breached_by for each in CITY.build_clocks(waiting)] == [None, None, None]
    late = replace(waiting, read_at=after(7.25))
    assert [each.breached_by for each in CITY.build_clocks(late)] == [1.2, None, None]


def test_the_deadline_of_the_agency_comes_before_that_of_the_city() -> None:
    own = build((0, WAITING), hours=30, due_at=after(24))
    assert CITY.find_due(own) == after(24)
    assert CITY.build_clocks(own)[-1] == clock(RESOLUTION, after(24), None, 6.0)
    without = replace(own, due_at=None)
    assert CITY.find_due(without) == after(168)
    assert CITY.build_clocks(without)[-1] == clock(RESOLUTION, after(168))


def test_a_city_without_levels_has_the_deadlines_of_its_agency_only() -> None:
    assert NO_SERVICE_LEVELS.build_clocks(build((0, WAITING))) == ()
    assert NO_SERVICE_LEVELS.find_due(build((0, WAITING))) is None
    own = build((0, WAITING), due_at=after(24))
    assert NO_SERVICE_LEVELS.build_clocks(own) == (clock(RESOLUTION, after(24)),)


def test_a_category_has_its_own_levels_in_working_time() -> None:
    found = build((0, WAITING), (66, COORDINATION), hours=66 + 24, category_code="1901")
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=WIB)
    assert after(66) == monday
    assert CITY.build_clocks(found) == (
        clock(FIRST_RESPONSE, datetime(2026, 11, 23, 13, 0, tzinfo=WIB), monday, None, ServiceTime.WORKING),
        clock(RESOLUTION, datetime(2026, 12, 21, 15, 0, tzinfo=WIB), None, None, ServiceTime.WORKING),
    )


def test_a_breach_in_working_time_counts_office_hours() -> None:
    due = datetime(2026, 11, 23, 13, 0, tzinfo=WIB)
    late = build((0, WAITING), category_code="1901", read_at=datetime(2026, 11, 24, 9, 0, tzinfo=WIB))
    assert CITY.build_clocks(late)[0] == clock(FIRST_RESPONSE, due, None, 4.0, ServiceTime.WORKING)
    night = replace(late, read_at=datetime(2026, 11, 23, 13, 0, 1, tzinfo=WIB))
    assert CITY.build_clocks(night)[0].breached_by == 0.0


def test_without_steps_only_the_resolution_is_known() -> None:
    assert [each.stage for each in CITY.build_clocks(build())] == [RESOLUTION]
    closed = build(status=RESOLVED, resolved_at=after(10))
    assert CITY.build_clocks(closed) == (clock(RESOLUTION, after(168), after(10)),)


@pytest.mark.parametrize("status", [None, IN_PROGRESS, RESOLVED])
def test_a_step_that_nobody_wrote_down_is_not_late(status: ComplaintStatus | None) -> None:
    found = build((0, WAITING), (1, None), hours=500, status=status)
    assert [each.stage for each in CITY.build_clocks(found)] == [RESOLUTION]


def test_a_complaint_that_its_reporter_withdrew_waits_for_nothing_more() -> None:
    found = build((0, WAITING), (2, COORDINATION), (80, ComplaintStatus.WITHDRAWN), hours=99, resolved_at=after(80))
    assert CITY.build_clocks(found) == (
        clock(FIRST_RESPONSE, after(6), after(2)),
        clock(RESOLUTION, after(168), after(80)),
    )


def test_levels_in_working_time_need_an_office() -> None:
    with pytest.raises(ValueError, match="need office hours"):
        ServiceLevels(LEVEL, {"1901": WORKING})


def test_the_next_clock_is_the_one_that_runs_out_first() -> None:
    clocks = CITY.build_clocks(build((0, WAITING), (2, COORDINATION), due_at=after(24)))
    assert find_next_clock(clocks) == clock(RESOLUTION, after(24))
    closed = CITY.build_clocks(build((0, WAITING), (5, RESOLVED), resolved_at=after(5)))
    assert find_next_clock(closed) is None


def test_moments_of_another_time_zone_make_the_same_clocks() -> None:
    in_utc = build((0, WAITING), category_code="1901", reported_at=REPORTED.astimezone(UTC))
    assert CITY.build_clocks(in_utc) == CITY.build_clocks(build((0, WAITING), category_code="1901"))
