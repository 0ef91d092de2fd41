"""Common moments of repeated work."""

from __future__ import annotations

import asyncio
import os

import pytest

from records.shared_wakes import compute_pause


class SetClock(asyncio.SelectorEventLoop):
    """A loop whose clock stands where the test set it."""

    now = 0.0

    def time(self) -> float:
        return self.now


def compute_at(moment: float, interval: float) -> float:
    """The pause at a moment of the loop's clock."""

    async def compute() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SetClock)
        loop.now = moment
        try:
            return compute_pause(interval)
        finally:
            loop.now = 0.0

    with asyncio.Runner(loop_factory=SetClock) as runner:
        return runner.run(compute())


@pytest.fixture(autouse=True)
def process_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 4_000)


@pytest.mark.parametrize(
    ("moment", "interval", "pause"),
    [(1000.0, 1.0, 1.0), (1000.25, 1.0, 0.75), (1001.0, 5.0, 4.0), (1004.9, 5.0, 0.1), (1001.0, 30.0, 19.0)],
)
def test_works_of_all_intervals_wake_at_multiples_of_them(moment: float, interval: float, pause: float) -> None:
    assert compute_at(moment, interval) == pytest.approx(pause)


@pytest.mark.parametrize("interval", [0.01, 1.0, 5.0, 30.0])
def test_a_timer_that_fires_early_causes_no_second_wake_and_no_pause_is_much_longer(interval: float) -> None:
    pauses = [compute_at(1000.0 + step * interval / 499, interval) for step in range(1_000)]
    assert min(pauses) > interval * 0.0099
    assert max(pauses) <= interval * 1.0101
    assert compute_at(interval * 999.9995, interval) == pytest.approx(interval * 1.0005)


def test_processes_wake_at_different_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = set()
    for number in range(4_000, 4_008):
        monkeypatch.setattr(os, "getpid", lambda number=number: number)
        pauses.add(round(compute_at(1000.0, 5.0), 3))
    assert len(pauses) == 8
