"""The last hour of an agency, minute by minute."""

from __future__ import annotations

import pytest

from telemetry.metrics.minutes import History, Minute, Totals, added, of_last_hour, quantile

NOON = 29_900_000
"""Some minute since 1970."""


def totals(answered: int, failed: int = 0, durations: tuple[int, ...] = (0, 0)) -> Totals:
    return Totals(answered=answered, failed=failed, hits=0, looked=0, stale=0, durations=durations)


def shown(minutes: list[Minute]) -> list[tuple[int, int, int, list[int]]]:
    return [(each.number - NOON, each.answered, each.failed, each.durations) for each in minutes]


def test_what_counters_grew_by_belongs_to_the_minute_in_which_it_was_seen() -> None:
    history = History()
    history.note({"pbb": totals(5, 1, (4, 2))}, NOON * 60.0)
    history.note({"pbb": totals(7, 1, (5, 3))}, NOON * 60.0 + 59)
    history.note({"pbb": totals(8, 3, (5, 6))}, NOON * 60.0 + 60)
    assert shown(history.minutes()) == [(0, 7, 1, [5, 3]), (1, 1, 2, [0, 3])]


def test_a_minute_in_which_nothing_happened_takes_no_place() -> None:
    history = History()
    history.note({"pbb": totals(5)}, NOON * 60.0)
    history.note({"pbb": totals(5)}, NOON * 60.0 + 60)
    assert shown(history.minutes()) == [(0, 5, 0, [0, 0])]


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    history = History()
    history.note({"pbb": totals(5)}, NOON * 60.0)
    history.note({"pbb": totals(6)}, (NOON + 59) * 60.0)
    assert [each.number - NOON for each in history.minutes()] == [0, 59]
    history.note({"pbb": totals(6)}, (NOON + 60) * 60.0)
    assert [each.number - NOON for each in history.minutes()] == [59]
    assert of_last_hour(history.minutes(), (NOON + 119) * 60.0) == []


def test_the_minutes_of_several_processes_are_added_up_and_their_own_stay_as_they_are() -> None:
    one, other = Minute(NOON, "pbb", 1, 2, 3, 4, 5, [1, 0]), Minute(NOON, "pbb", 10, 20, 30, 40, 50, [0, 7])
    alone = Minute(NOON, "crm", 1, durations=[1, 1])
    assert added([one, other, alone]) == [Minute(NOON, "pbb", 11, 22, 33, 44, 55, [1, 7]), alone]
    assert one == Minute(NOON, "pbb", 1, 2, 3, 4, 5, [1, 0])


def test_ranges_that_another_version_of_the_hub_cut_otherwise_are_left_out() -> None:
    assert added([Minute(NOON, "pbb", 1, durations=[1, 0]), Minute(NOON, "pbb", 1, durations=[1, 0, 0])]) == [
        Minute(NOON, "pbb", 2, durations=[1, 0])
    ]


@pytest.mark.parametrize(
    ("share", "counts", "expected"),
    [
        (0.5, [0, 0, 0], None),
        (0.5, [10, 0, 0], 0.5),
        (0.5, [0, 10, 0], 1.5),
        (1.0, [5, 5, 0], 2.0),
        (0.95, [0, 0, 3], 2.0),  # nothing is known but that it is above
    ],
)
def test_a_quantile_lies_in_its_range_as_if_values_lay_evenly(
    share: float, counts: list[int], expected: float | None
) -> None:
    assert quantile(share, counts, (1.0, 2.0)) == expected
