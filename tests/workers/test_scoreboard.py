"""What workers know of each other: which has fewer connections, and which is silent."""

from __future__ import annotations

from time import monotonic

import pytest

from workers.scoreboard import Scoreboard


@pytest.fixture
def places() -> Scoreboard:
    return Scoreboard(3)


def test_a_worker_with_more_connections_than_another_is_crowded(places: Scoreboard) -> None:
    first, second, third = (places.get_slot(each) for each in range(3))
    first.report_connections(5)
    second.report_connections(4)
    third.report_connections(9)
    assert [each.has_idler_peer(count) for each, count in ((first, 5), (second, 4), (third, 9))] == [True, False, True]


def test_workers_without_a_heartbeat_or_not_accepting_are_ignored(places: Scoreboard) -> None:
    first, second = places.get_slot(0), places.get_slot(1)
    first.report_connections(5)
    second.report_connections(0)
    second.stop_accepting()
    assert not first.has_idler_peer(5)
    second.report_connections(0)
    second.clear()
    assert not first.has_idler_peer(5)


def test_a_worker_that_is_silent_for_long_is_ignored(places: Scoreboard, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = places.get_slot(0), places.get_slot(1)
    second.report_connections(0)
    assert first.has_idler_peer(5)
    later = monotonic() + 2.6
    monkeypatch.setattr("workers.scoreboard.monotonic", lambda: later)
    assert not first.has_idler_peer(5)


def test_a_worker_that_finishes_its_work_still_has_a_heartbeat(places: Scoreboard) -> None:
    place = places.get_slot(2)
    assert place.last_seen == 0
    before = monotonic()
    place.report_alive()
    assert before <= place.last_seen <= monotonic()
    assert not places.get_slot(0).has_idler_peer(5)
