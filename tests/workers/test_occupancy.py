"""What workers know of each other: who has fewer connections, and who is silent."""

from __future__ import annotations

from time import monotonic

import pytest

from workers.occupancy import Places


@pytest.fixture
def places() -> Places:
    return Places(3)


def test_a_worker_with_more_connections_than_another_is_crowded(places: Places) -> None:
    first, second, third = (places.place(each) for each in range(3))
    first.tell(5)
    second.tell(4)
    third.tell(9)
    assert [each.crowded(count) for each, count in ((first, 5), (second, 4), (third, 9))] == [True, False, True]


def test_workers_that_have_said_nothing_or_accept_no_more_are_not_waited_for(places: Places) -> None:
    first, second = places.place(0), places.place(1)
    first.tell(5)
    second.tell(0)
    second.leave()
    assert not first.crowded(5)
    second.tell(0)
    second.clear()
    assert not first.crowded(5)


def test_a_worker_that_has_long_been_silent_is_not_waited_for(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = places.place(0), places.place(1)
    second.tell(0)
    assert first.crowded(5)
    later = monotonic() + 1.1
    monkeypatch.setattr("workers.occupancy.monotonic", lambda: later)
    assert not first.crowded(5)


def test_a_worker_that_only_ends_its_work_is_heard(places: Places) -> None:
    place = places.place(2)
    assert place.heard == 0
    before = monotonic()
    place.alive()
    assert before <= place.heard <= monotonic()
    assert not places.place(0).crowded(5)
