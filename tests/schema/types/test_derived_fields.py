"""Fields that are computed from their record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from engine.agencies.bindings import Agencies
from records.calls.answers import Answers
from records.complaints import Complaint, ComplaintPage, ComplaintQuery
from records.service_levels import ServiceLevel, ServiceLevels
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import NOW, PUBLIC, SITI, complaint
from tests.schema.requests import run_for_data

HOUR = 3_600.0
DUE = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
"""Two days after the moment at which the hub read the complaint."""


class CityWithComplaint(SmallCity):
    """The list of public complaints holds one, of which the test says when what happened."""

    def __init__(self, **moments: Any) -> None:  # noqa: ANN401 - fields of the record
        super().__init__()
        self.listed: Complaint = complaint(PUBLIC, public=True, **moments)

    async def pages(self, queries: Any, _call: object) -> Answers[ComplaintQuery, ComplaintPage]:  # noqa: ANN401 - as the protocol
        return dict.fromkeys(queries, ComplaintPage(complaints=(self.listed,), has_more=False))


@pytest.mark.parametrize(
    ("moments", "is_open", "is_overdue", "hours_left"),
    [
        ({"due_at": DUE, "resolved_at": None}, True, False, 48.0),
        ({"due_at": NOW, "resolved_at": None}, True, False, 0.0),
        ({"due_at": datetime(2026, 11, 23, 7, 30, tzinfo=UTC), "resolved_at": None}, True, True, -1.5),
        ({"due_at": datetime(2026, 11, 23, 9, 5, tzinfo=UTC), "resolved_at": None}, True, False, 0.1),
        ({"due_at": None, "resolved_at": None}, True, None, None),
        ({"due_at": None, "resolved_at": NOW}, False, None, None),
        ({"due_at": DUE, "resolved_at": NOW}, False, False, None),
        ({"due_at": NOW, "resolved_at": DUE}, False, True, None),
        ({"due_at": NOW, "resolved_at": NOW}, False, False, None),
    ],
)
async def test_the_sla_clock_of_a_complaint(
    moments: dict[str, Any],
    is_open: bool,  # noqa: FBT001 - a column of the table
    is_overdue: bool | None,  # noqa: FBT001 - a column of the table
    hours_left: float | None,
) -> None:
    found = await run_for_data(
        "{ complaints { nodes { isOpen isOverdue hoursLeft } } }", city=CityWithComplaint(**moments)
    )
    assert found["complaints"]["nodes"] == [{"isOpen": is_open, "isOverdue": is_overdue, "hoursLeft": hours_left}]


class CityWithLevels(CityWithComplaint):
    """The city sets service levels."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        level = ServiceLevel(first_response=HOUR, answer=72 * HOUR, resolution=120 * HOUR)
        return super().agencies(own).extended_with({ServiceLevels: ServiceLevels(level)})


async def test_the_clocks_of_a_complaint_agree_with_its_deadline() -> None:
    reported = NOW - timedelta(hours=73)
    city = CityWithLevels(due_at=None, resolved_at=None, reported_at=reported)
    found = await run_for_data(
        "{ complaints { nodes { dueAt isOverdue hoursLeft clocks { stage dueAt metAt breachedBy time } } } }", city=city
    )
    due = reported + timedelta(hours=120)
    running: dict[str, Any] = {"metAt": None, "time": "CALENDAR"}
    assert found["complaints"]["nodes"] == [
        {
            "dueAt": due.isoformat(),
            "isOverdue": False,
            "hoursLeft": 47.0,
            "clocks": [
                running
                | {"stage": stage, "dueAt": (reported + timedelta(hours=hours)).isoformat(), "breachedBy": breached_by}
                for stage, hours, breached_by in (
                    ("FIRST_RESPONSE", 1, 72.0),
                    ("ANSWER", 72, 1.0),
                    ("RESOLUTION", 120, None),
                )
            ],
        }
    ]


async def test_the_deadline_of_the_agency_is_the_clock_of_the_resolution() -> None:
    city = CityWithLevels(due_at=DUE, resolved_at=None)
    found = await run_for_data("{ complaints { nodes { dueAt hoursLeft clocks { stage dueAt } } } }", city=city)
    [node] = found["complaints"]["nodes"]
    assert (node["dueAt"], node["hoursLeft"]) == (DUE.isoformat(), 48.0)
    assert node["clocks"][-1] == {"stage": "RESOLUTION", "dueAt": DUE.isoformat()}


async def test_a_city_without_service_levels_has_no_clocks() -> None:
    city = CityWithComplaint(due_at=None, resolved_at=None)
    found = await run_for_data("{ complaints { nodes { dueAt clocks { stage } } } }", city=city)
    assert found["complaints"]["nodes"] == [{"dueAt": None, "clocks": None}]


@pytest.mark.parametrize(
    ("arguments", "years"),
    [
        ("", [2026, 2025]),
        ("(unpaid: false)", [2026, 2025]),
        ("(unpaid: true)", [2026]),
        ("(year: 2025)", [2025]),
        ("(year: 2025, unpaid: true)", []),
        ("(year: 1999)", []),
        ("(year: null)", [2026, 2025]),
    ],
)
async def test_bills_by_year_and_by_whether_they_are_paid(arguments: str, years: list[int]) -> None:
    found = await run_for_data(f'{{ citizen(nik: "{SITI}") {{ taxObjects {{ bills{arguments} {{ year }} }} }} }}')
    assert [bill["year"] for bill in found["citizen"]["taxObjects"][0]["bills"]] == years


async def test_the_paid_amount_includes_fines_and_omits_cancelled_payments() -> None:
    found = await run_for_data(
        f'{{ citizen(nik: "{SITI}") {{ taxObjects {{ bills {{ paid payments {{ cancelled }} }} }} }} }}'
    )
    assert found["citizen"]["taxObjects"][0]["bills"] == [
        {"paid": 0, "payments": []},
        {"paid": 101_000, "payments": [{"cancelled": True}, {"cancelled": False}]},
    ]


async def test_prices_of_a_market_by_name() -> None:
    for search, found in (("", 1), ("beras", 1), ("BERAS ir", 1), ("cabai", 0)):
        markets = await run_for_data(f'{{ markets {{ prices(search: "{search}") {{ commodity {{ name }} }} }} }}')
        assert len(markets["markets"][0]["prices"]) == found
