from __future__ import annotations

import asyncio
from collections.abc import Iterator
from math import inf

import pytest

from tests.fakes.virtual_loop import VirtualLoop, virtual_loop
from web.admission.loop_lag import TICK_SECONDS, LoopLagMonitor


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as virtual:
        yield virtual


def build_monitor(loop: VirtualLoop, *, busy: bool = True) -> tuple[LoopLagMonitor, list[tuple[float, float]]]:
    """A monitor, and the list of its ticks: time and lag."""
    seen: list[tuple[float, float]] = []
    lag = LoopLagMonitor(lambda now, late: seen.append((round(now, 6), round(late, 6))), lambda: busy, clock=loop.time)
    return lag, seen


def test_reports_the_lag_of_the_loop(loop: VirtualLoop) -> None:
    lag, seen = build_monitor(loop)

    async def work() -> None:
        lag.start()
        await asyncio.sleep(0.03)  # one tick on time
        loop.advance(0.25)
        await asyncio.sleep(0.015)  # one tick that was due at 0.04
        lag.stop()

    loop.run(work())
    assert seen == [(0.02, 0.0), (0.28, 0.24)]


def test_shows_the_lag_of_the_current_turn_before_it_ends(loop: VirtualLoop) -> None:
    lag, _ = build_monitor(loop)

    async def work() -> float:
        lag.start()
        loop.advance(0.12)
        behind = loop.time() - lag.due
        lag.stop()
        return behind

    assert round(loop.run(work()), 6) == round(0.12 - TICK_SECONDS, 6)


def test_stops_after_a_second_without_requests_and_can_start_again(loop: VirtualLoop) -> None:
    lag, seen = build_monitor(loop, busy=False)

    async def idle() -> None:
        lag.start()
        await asyncio.sleep(5)

    loop.run(idle())
    assert (len(seen), lag.is_running, lag.due) == (51, False, inf)

    async def again() -> bool:
        lag.start()
        return lag.is_running

    assert loop.run(again())
    lag.stop()
