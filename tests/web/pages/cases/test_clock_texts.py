"""Deadlines in plain words, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from web.pages.cases.clock_texts import describe_clock
from web.pages.words import load_words

MONDAY_NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
"""In the city, it is noon."""
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "english", "indonesian"),
    [
        (3 * HOUR, "Due by today, 15:00 WIB", "Paling lambat hari ini, 15.00 WIB"),
        (51 * HOUR, "Due by Wednesday, 15:00 WIB", "Paling lambat Rabu, 15.00 WIB"),
        (6 * 24 * HOUR, "Due by Sunday, 12:00 WIB", "Paling lambat Minggu, 12.00 WIB"),
        (7 * 24 * HOUR, "Due by 30 November 2026 at 12:00 WIB", "Paling lambat 30 November 2026 pukul 12.00 WIB"),
        (-HOUR / 2, "Just past the deadline", "Baru saja lewat batas waktu"),
        (-HOUR, "1 hour late", "Terlambat 1 jam"),
        (-23 * HOUR, "23 hours late", "Terlambat 23 jam"),
        (-24 * HOUR, "1 day late", "Terlambat 1 hari"),
        (-71 * HOUR, "2 days late", "Terlambat 2 hari"),
    ],
)
def test_a_deadline_is_named_by_its_day_and_a_missed_one_by_its_length(
    after: timedelta, english: str, indonesian: str
) -> None:
    clock = {"dueAt": (MONDAY_NOON + after).isoformat(), "isLate": after < timedelta()}
    words = load_words()
    assert [describe_clock(clock, words[each], MONDAY_NOON) for each in ("en", "id")] == [english, indonesian]


def test_a_deadline_that_passed_after_the_agency_was_asked_is_late() -> None:
    clock = {"dueAt": (MONDAY_NOON - 2 * HOUR).isoformat(), "isLate": False}
    assert describe_clock(clock, load_words()["en"], MONDAY_NOON) == "2 hours late"
